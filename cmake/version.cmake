# generated/version.h: what `tarn --version`, `tarn info` and every run folder report. Rewritten
# by each build, but only when the text changes, so that a commit recompiles the few files that
# include it. Without git, or outside a checkout, TARN_GIT is the empty string.
if(CMAKE_SCRIPT_MODE_FILE)
  set(TARN_GIT "")
  find_program(GIT_EXECUTABLE git)
  if(GIT_EXECUTABLE AND EXISTS "${SOURCE}/.git")
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE} describe --always --dirty --tags
      OUTPUT_VARIABLE TARN_GIT ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
  return()
endif()

set(TARN_CUDA_TOOLKIT "")
if(CUDAToolkit_FOUND)
  set(TARN_CUDA_TOOLKIT "${CUDAToolkit_VERSION} (${CUDAToolkit_BIN_DIR})")
endif()
set(TARN_BUILD ${CMAKE_BUILD_TYPE})
if(TARN_SANITIZE)
  string(APPEND TARN_BUILD ", address and undefined sanitizers")
elseif(TARN_TSAN)
  string(APPEND TARN_BUILD ", thread sanitizer")
endif()
add_custom_target(tarn_version
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR}
    -DTEMPLATE=${CMAKE_SOURCE_DIR}/cmake/version.h.in
    -DOUTPUT=${CMAKE_BINARY_DIR}/generated/version.h
    -DTARN_VERSION=${PROJECT_VERSION}
    "-DTARN_BUILD=${TARN_BUILD}"
    "-DTARN_COMPILER=${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
    "-DTARN_CUDA_TOOLKIT=${TARN_CUDA_TOOLKIT}"
    -P ${CMAKE_SOURCE_DIR}/cmake/version.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/version.h
  VERBATIM)
