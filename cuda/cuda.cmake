# The CUDA backend: cuda/*.cu compiled by nvcc in a few batches, or a stand-in that says that there
# is none. docs/cuda.md tells what the options do.
set(TARN_CUDA AUTO CACHE STRING "the CUDA backend: AUTO (where a toolkit is found), ON or OFF")
set_property(CACHE TARN_CUDA PROPERTY STRINGS AUTO ON OFF)
set(TARN_CUDA_ARCH 90 CACHE STRING
  "compute capabilities to compile for, e.g. \"80;90\"; newer GPUs compile the last one's PTX")
set(TARN_CUDA_ROOT "" CACHE PATH "where the CUDA toolkit stands, if it is not found")

# Files of one batch are one translation unit: headers are read once a batch, not once a file.
# Which batch a file is in depends on its name alone, so that a new file recompiles one batch.
set(TARN_CUDA_BATCHES 8)

# The sources in batches, as files of #include lines: tarn_cuda_batches(SUFFIX OUTPUT EXCLUDED...)
function(tarn_cuda_batches suffix output)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
    ${CMAKE_SOURCE_DIR}/cuda/*.cu)
  list(SORT sources)
  foreach(source IN LISTS sources)
    if(source IN_LIST ARGN)
      continue()
    endif()
    string(MD5 hash ${source})
    string(SUBSTRING ${hash} 0 4 digits)
    math(EXPR batch "0x${digits} % ${TARN_CUDA_BATCHES}")
    string(APPEND text_${batch} "#include \"${source}\"\n")
  endforeach()
  set(files)
  math(EXPR last "${TARN_CUDA_BATCHES} - 1")
  foreach(batch RANGE ${last})
    if(text_${batch})
      set(file ${CMAKE_BINARY_DIR}/generated/cuda_batch_${batch}.${suffix})
      file(CONFIGURE OUTPUT ${file} CONTENT "${text_${batch}}" @ONLY)
      list(APPEND files ${file})
    endif()
  endforeach()
  set(${output} ${files} PARENT_SCOPE)
endfunction()

# Sets NVCC and the libraries of a toolkit: of CMake's finding, in the usual places, or as Python
# packages lay it out (nvidia/cu13 or nvidia/cuda_nvcc, cuda_runtime, ...; libraries with their
# version in the name alone).
function(tarn_find_cuda)
  file(GLOB roots LIST_DIRECTORIES true /usr/local/cuda /usr/local/cuda-* /opt/cuda
    /usr/lib/python3*/site-packages/nvidia/cu1* /usr/local/lib/python3*/*-packages/nvidia/*
    $ENV{VIRTUAL_ENV}/lib/python3*/site-packages/nvidia/*)
  set(roots ${TARN_CUDA_ROOT} $ENV{CUDA_HOME} ${CUDAToolkit_BIN_DIR}/.. ${roots})
  find_program(TARN_NVCC nvcc HINTS ${roots} PATH_SUFFIXES bin)
  if(NOT TARN_NVCC)
    return()
  endif()
  get_filename_component(bin ${TARN_NVCC} REALPATH)
  get_filename_component(root ${bin} DIRECTORY)
  get_filename_component(root ${root} DIRECTORY)
  list(PREPEND roots ${root})
  find_path(TARN_CUDA_INCLUDE cuda_runtime.h HINTS ${roots} PATH_SUFFIXES include
    targets/x86_64-linux/include)
  set(places lib64 lib targets/x86_64-linux/lib)
  find_library(TARN_CUDART NAMES cudart_static HINTS ${roots} PATH_SUFFIXES ${places})
  # Python packages keep each library in a folder of its own, with its version in the name alone.
  find_path(TARN_CUDNN_INCLUDE cudnn.h HINTS ${roots} PATH_SUFFIXES include cudnn/include)
  find_path(TARN_CUBLAS_INCLUDE cublasLt.h HINTS ${roots} PATH_SUFFIXES include cublas/include)
  find_library(TARN_CUDNN NAMES cudnn libcudnn.so.9 HINTS ${roots} PATH_SUFFIXES ${places})
  find_library(TARN_CUBLASLT NAMES cublasLt libcublasLt.so.13 libcublasLt.so.12 HINTS ${roots}
    PATH_SUFFIXES ${places})
endfunction()

set(TARN_HAS_CUDA OFF)
if(NOT TARN_CUDA STREQUAL OFF)
  if(TARN_CUDA STREQUAL AUTO AND (TARN_SANITIZE OR TARN_TSAN))
    # nvcc's code is not instrumented; the kernels run under sanitizers in the emulator.
  else()
    tarn_find_cuda()
    if(TARN_NVCC AND TARN_CUDA_INCLUDE AND TARN_CUDART AND TARN_CUDNN AND TARN_CUDNN_INCLUDE AND
       TARN_CUBLASLT AND TARN_CUBLAS_INCLUDE)
      set(TARN_HAS_CUDA ON)
    elseif(TARN_CUDA STREQUAL ON)
      message(FATAL_ERROR "TARN_CUDA is ON, but there is no CUDA toolkit: nvcc ${TARN_NVCC}, "
        "headers ${TARN_CUDA_INCLUDE}, runtime ${TARN_CUDART}, cuDNN ${TARN_CUDNN}, cuBLASLt "
        "${TARN_CUBLASLT}; set TARN_CUDA_ROOT")
    endif()
  endif()
endif()

# What calls NVIDIA's libraries, or the part of the runtime that the emulator has not.
set(TARN_CUDA_VENDOR_SOURCES cuda/graph.cu)

if(NOT TARN_HAS_CUDA)
  add_library(tarn_cuda STATIC cuda/absent.c cuda/missing.c cuda/plan_file.c)
  target_link_libraries(tarn_cuda PUBLIC tarn_nn)
  return()
endif()

set(TARN_CUDA_GENCODE)
foreach(arch IN LISTS TARN_CUDA_ARCH)
  list(APPEND TARN_CUDA_GENCODE -gencode arch=compute_${arch},code=sm_${arch})
endforeach()
list(GET TARN_CUDA_ARCH -1 newest)
list(APPEND TARN_CUDA_GENCODE -gencode arch=compute_${newest},code=compute_${newest})
list(GET TARN_CUDA_ARCH 0 oldest)
# Rounded like the CPU's: fused only where the source says fma. No function here needs unwinding.
set(TARN_NVCC_FLAGS -std=c++17 -O3 -fmad=false ${TARN_CUDA_GENCODE}
  -ccbin ${CMAKE_C_COMPILER} -DTARN_CUDA_ARCH_MIN=${oldest}
  -Xcompiler=-fPIC,-fno-exceptions,-fno-rtti,-ffp-contract=off,-Wall,-Wextra
  $<$<BOOL:${TARN_WERROR}>:-Werror=all-warnings>)
tarn_cuda_batches(cu batches)
set(objects)
foreach(batch IN LISTS batches)
  add_custom_command(OUTPUT ${batch}.o
    COMMAND ${TARN_NVCC} ${TARN_NVCC_FLAGS} -I${CMAKE_SOURCE_DIR}
      -I${CMAKE_BINARY_DIR}/generated -isystem ${TARN_CUDA_INCLUDE}
      -MD -MF ${batch}.d -MT ${batch}.o -c ${batch} -o ${batch}.o
    DEPENDS ${batch} DEPFILE ${batch}.d COMMENT "nvcc ${batch}" COMMAND_EXPAND_LISTS VERBATIM)
  list(APPEND objects ${batch}.o)
endforeach()
add_library(tarn_cuda STATIC cuda/missing.c cuda/plan_file.c cuda/cudnn_graph.c cuda/cudnn_engine.c
  cuda/cudnn_plan.c cuda/cublas_lt.c ${objects})
target_include_directories(tarn_cuda SYSTEM PRIVATE ${TARN_CUDA_INCLUDE} ${TARN_CUDNN_INCLUDE}
  ${TARN_CUBLAS_INCLUDE})
set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
target_link_libraries(tarn_cuda PUBLIC tarn_backbone ${TARN_CUDNN} ${TARN_CUBLASLT} ${TARN_CUDART}
  Threads::Threads ${CMAKE_DL_LIBS} rt m stdc++) # nvcc's launch stubs guard their statics
