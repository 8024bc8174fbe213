# Networks and pooling layers.
tarn_library(backbone tarn_cpu)
tarn_hot_sources(backbone)

# A pool without its source, its CUDA kernels or its test does not configure.
set(pools_def ${CMAKE_SOURCE_DIR}/backbone/pool/pools.def)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pools_def})
file(STRINGS ${pools_def} pool_lines REGEX "^(POOL|COMPOSED)\\(")
foreach(line IN LISTS pool_lines)
  string(REGEX REPLACE "^[A-Z]+\\(([a-z0-9_]+)\\).*" "\\1" pool "${line}")
  set(files backbone/pool/${pool}.c tests/ops/pool_${pool}.c)
  if(line MATCHES "^POOL")
    list(APPEND files cuda/pool/${pool}.cu)
  endif()
  foreach(needed IN LISTS files)
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${needed})
      message(FATAL_ERROR
        "backbone/pool/pools.def lists the pool '${pool}', but ${needed} is missing")
    endif()
  endforeach()
endforeach()
