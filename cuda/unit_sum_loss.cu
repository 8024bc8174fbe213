#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "nn/ops_map.h"

// Sum over the rows of one column, less 1.
static __device__ float unit_sum_excess(const float *w, int64_t n_rows, int64_t n_columns,
                                        int64_t column)
{
    double sum = -1.0;
    for (int64_t i = 0; i < n_rows; i++) sum += (double)w[i * n_columns + column];
    return (float)sum;
}

static __global__ void unit_sum_forward(float *loss, const float *w, int64_t n_rows,
                                        int64_t n_columns, float factor)
{
    float sum = 0.0f;
    for (int64_t c = threadIdx.x; c < n_columns; c += CUDA_BLOCK) {
        float e = unit_sum_excess(w, n_rows, n_columns, c);
        sum += e * e;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) *loss = factor * sum;
}

static __global__ void unit_sum_backward(float *gradient, const float *w, const float *upstream,
                                         int64_t n_rows, int64_t n_columns, float factor, bool adds)
{
    for (int64_t c = (int64_t)CUDA_FIRST; c < n_columns; c += (int64_t)CUDA_STEP) {
        float slope = 2.0f * factor * *upstream * unit_sum_excess(w, n_rows, n_columns, c);
        for (int64_t i = 0; i < n_rows; i++) {
            float *g = gradient + i * n_columns + c;
            *g = (adds ? *g : 0.0f) + slope;
        }
    }
}

enum status cuda_unit_sum_loss_forward(const struct op_call *call)
{
    const struct unit_sum_loss_args *args = (const struct unit_sum_loss_args *)call->args;
    const struct tensor *w = call->in[0];
    CUDA_LAUNCH(unit_sum_forward, 1, CUDA_BLOCK, 0, cuda_stream(call), (float *)call->out[0]->data,
                (const float *)w->data, w->shape[0], w->shape[1], args->factor);
    return cuda_check(call, "unit_sum_loss");
}

enum status cuda_unit_sum_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct unit_sum_loss_args *args = (const struct unit_sum_loss_args *)call->args;
    const struct tensor *w = call->in[0];
    const float *upstream = (const float *)call->out[0]->grad;
    unsigned n_blocks = cuda_blocks((size_t)w->shape[1]);
    if (!backward->want[0] || !upstream || n_blocks == 0) return OK;
    CUDA_LAUNCH(unit_sum_backward, n_blocks, CUDA_BLOCK, 0, cuda_stream(call), (float *)w->grad,
                (const float *)w->data, upstream, w->shape[0], w->shape[1], args->factor,
                backward->beta[0] != 0.0f);
    return cuda_check(call, "unit_sum_loss");
}
