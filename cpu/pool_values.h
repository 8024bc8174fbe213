// The values that a pooling layer has learned, spread over channels for its kernels, and the way
// of their gradients back to the stored parameters.
#ifndef TARN_CPU_POOL_VALUES_H
#define TARN_CPU_POOL_VALUES_H

#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a pool says of its values. Its parameters hold n_stored numbers for each channel (or for the
// layer), those of call->in[1], then of call->in[2] and so on; without parameters all of them are
// `constant`. The kernels see n values made of them.
struct pool_value_form {
    int n_stored, n;
    double constant;
    // Of the pool's own parameters, `args`. NULL: the same.
    void (*value)(const void *args, int n_stored, const double *stored, double *value);
    // dstored from dvalue, the gradient of the values. NULL: the same.
    void (*gradient)(const void *args, int n_stored, const double *stored, const double *dvalue,
                     double *dstored);
};

struct pool_values {
    struct pool_value_form form;
    int n_lanes;   // channels of a vector
    size_t stride; // floats from one value to the next: channels, rounded up to POOL_VALUE_ALIGN
    float *v;      // value k of channel c: v[k * stride + c]
    // Gradients of the values, (stride / n_lanes, n, n_lanes) for each task, and for each thread
    // where it writes what does not count.
    float *sums, *unused;
    double *stored, *value, *dstored, *total; // work space
};

enum { POOL_VALUE_ALIGN = 16 };

// Bytes of scratch for n_tasks tasks of a backward pass (0: forward) and n_threads threads.
size_t pool_values_bytes(const struct pool_value_form *form, int n_channels, int64_t n_tasks,
                         int n_threads);

// Cuts the arrays out of scratch, computes v and zeroes the sums.
void pool_values_init(struct pool_values *values, const struct pool_value_form *form, int n_lanes,
                      const struct op_call *call, int64_t n_tasks, int n_threads, char **scratch);

// Adds the tasks' sums in their order and writes the gradients of the wanted parameters.
void pool_values_finish(const struct pool_values *values, const struct op_backward_call *backward,
                        int64_t n_tasks);

#ifdef __cplusplus
}
#endif
#endif
