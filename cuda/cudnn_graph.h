// cuDNN's operation graphs of single convolutions. Private to cuda/cudnn_*.c and their test.
// Compiles without cuDNN's headers: int stands for its enums.
#ifndef TARN_CUDA_CUDNN_GRAPH_H
#define TARN_CUDA_CUDNN_GRAPH_H

#include "cuda/cudnn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void *cudnn_descriptor; // a cudnnBackendDescriptor_t
struct cudnnContext;

// Names of tensors in a graph and in the variant pack.
enum conv_uid { UID_X = 1, UID_W, UID_Y, UID_BIAS, UID_RESIDUAL, UID_VIRTUAL };

// Descriptors of one graph, destroyed in reverse order.
enum { CONV_MAX_DESCRIPTORS = 24, CONV_MAX_OPS = 4 };
struct conv_graph {
    cudnn_descriptor all[CONV_MAX_DESCRIPTORS];
    int n;
    cudnn_descriptor ops[CONV_MAX_OPS];
    int n_ops;
    cudnn_descriptor graph; // NULL until conv_graph_finish
};

// What a graph is for: the device of a handle, or one that is only described (tests: engines are
// named and chosen without a GPU). The other is NULL.
struct cudnn_target {
    struct cudnnContext *handle; // a cudnnHandle_t
    cudnn_descriptor device;
};

// ERR_UNSUPPORTED when cuDNN refuses a descriptor of this problem, else ERR_DEVICE.
enum status conv_graph_operations(const struct conv_problem *problem,
                                  struct conv_graph *graph) MUST_USE;
enum status conv_graph_finish(const struct cudnn_target *target, struct conv_graph *graph) MUST_USE;
void conv_graph_free(struct conv_graph *graph);

// A descriptor that the graph owns.
enum status conv_graph_descriptor(struct conv_graph *graph, int type,
                                  cudnn_descriptor *descriptor) MUST_USE;

// Fails with cuDNN's own words.
enum status cudnn_check(int status, const char *what) MUST_USE;

enum status cudnn_set(cudnn_descriptor descriptor, int name, int type, int64_t n,
                      const void *values) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
