# The CPU backend.
include(cpu/isa.cmake)
tarn_library(cpu tarn_nn OpenMP::OpenMP_C)
if(TARGET tarn_cpu)
  target_include_directories(tarn_cpu PRIVATE ${DNNL_INCLUDE_DIR})
  target_link_libraries(tarn_cpu PUBLIC ${DNNL_LIBRARY})
endif()
tarn_hot_sources(cpu)
