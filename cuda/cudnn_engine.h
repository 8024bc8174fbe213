// Engines of cuDNN for an operation graph: which there are, and their execution plans. Private to
// cuda/cudnn_*.c and their test.
#ifndef TARN_CUDA_CUDNN_ENGINE_H
#define TARN_CUDA_CUDNN_ENGINE_H

#include "cuda/cudnn_graph.h"
#include "cuda/plan_file.h"

#ifdef __cplusplus
extern "C" {
#endif

// Engines with their settings as texts, "engine 12 k2=3 k17=1", the heuristics' favourite first.
enum { ENGINE_MAX_CANDIDATES = 12, ENGINE_MAX_LATE = 2 };
struct engine_list {
    char engines[ENGINE_MAX_CANDIDATES][PLAN_ENGINE_BYTES];
    int n;
};

// Those that give the same bits at each call, add up in f32 and, for f32 without tf32, multiply in
// f32. Engines whose kernels are compiled when a plan is made are listed only where there are no
// others, and few of them. An empty list is no error: cuDNN has none.
enum status engine_list_find(const struct cudnn_target *target, const struct conv_problem *problem,
                             struct conv_graph *graph, struct engine_list *list) MUST_USE;

// The plan of an engine in this form; to be destroyed. ERR_UNSUPPORTED: not for this graph, or no
// such engine (the text may come from a file).
enum status engine_plan(const struct cudnn_target *target, const struct conv_graph *graph,
                        const char *engine, cudnn_descriptor *plan,
                        size_t *workspace_bytes) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
