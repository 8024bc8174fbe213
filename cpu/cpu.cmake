# The CPU backend.
include(cpu/isa.cmake)
tarn_library(cpu tarn_nn OpenMP::OpenMP_C)
if(TARGET tarn_cpu)
  target_include_directories(tarn_cpu PRIVATE ${DNNL_INCLUDE_DIR})
  target_link_libraries(tarn_cpu PUBLIC ${DNNL_LIBRARY})
endif()
# Multiplications and additions may fuse where rounding once is what an accumulation wants anyway.
foreach(name IN ITEMS gemm winograd roi_align)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/cpu/${name}_hot.c
    PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)
endforeach()
tarn_hot_sources(cpu)
# Not built by default: ninja bench_conv
add_executable(bench_conv EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tools/bench_conv.c)
target_link_libraries(bench_conv PRIVATE tarn_cpu tarn_backbone)
add_executable(bench_rcnn EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tools/bench_rcnn.c)
target_link_libraries(bench_rcnn PRIVATE tarn_cpu)
