// Sequences of kernels as CUDA graphs: the second time that one of a key is run it is recorded,
// from the third time on it is started as a whole. (The first time measures, compiles, allocates.)
#ifndef TARN_CUDA_GRAPH_H
#define TARN_CUDA_GRAPH_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;
struct cuda_graphs;

enum status cuda_graphs_create(struct CUstream_st *stream, struct cuda_graphs **graphs) MUST_USE;
void cuda_graphs_destroy(struct cuda_graphs *graphs); // NULL-safe

// Forgets all: memory that they refer to moved or its contents changed. NULL-safe.
void cuda_graphs_forget(struct cuda_graphs *graphs);

// Does what run(context) does, which may queue work on the stream and nothing else.
enum status cuda_graphs_run(struct cuda_graphs *graphs, uint64_t key,
                            enum status (*run)(void *context), void *context) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
