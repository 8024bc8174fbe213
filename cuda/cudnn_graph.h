// cuDNN's operation graphs of single convolutions. Private to cuda/cudnn_*.c and their test.
#ifndef TARN_CUDA_CUDNN_GRAPH_H
#define TARN_CUDA_CUDNN_GRAPH_H

#include <cudnn.h>

#include "cuda/cudnn.h"

#ifdef __cplusplus
extern "C" {
#endif

// Names of tensors in a graph and in the variant pack.
enum conv_uid { UID_X = 1, UID_W, UID_Y, UID_BIAS, UID_RESIDUAL, UID_VIRTUAL };

// Descriptors of one graph, destroyed in reverse order.
enum { CONV_MAX_DESCRIPTORS = 24, CONV_MAX_OPS = 4 };
struct conv_graph {
    cudnnBackendDescriptor_t all[CONV_MAX_DESCRIPTORS];
    int n;
    cudnnBackendDescriptor_t ops[CONV_MAX_OPS];
    int n_ops;
    cudnnBackendDescriptor_t graph; // NULL until conv_graph_finish
};

// What a graph is for: the device of a handle, or one that is only described (tests: engines are
// named and chosen without a GPU). The other is NULL.
struct cudnn_target {
    cudnnHandle_t handle;
    cudnnBackendDescriptor_t device;
};

// ERR_UNSUPPORTED when cuDNN refuses a descriptor of this problem, else ERR_DEVICE.
enum status conv_graph_operations(const struct conv_problem *problem,
                                  struct conv_graph *graph) MUST_USE;
enum status conv_graph_finish(const struct cudnn_target *target, struct conv_graph *graph) MUST_USE;
void conv_graph_free(struct conv_graph *graph);

// A descriptor that the graph owns.
enum status conv_graph_descriptor(struct conv_graph *graph, cudnnBackendDescriptorType_t type,
                                  cudnnBackendDescriptor_t *descriptor) MUST_USE;

// Fails with cuDNN's own words.
enum status cudnn_check(cudnnStatus_t status, const char *what) MUST_USE;

enum status cudnn_set(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                      cudnnBackendAttributeType_t type, int64_t n, const void *values) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
