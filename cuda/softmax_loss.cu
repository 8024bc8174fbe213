#include <math.h>

#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "cuda/loss.h"

// A warp a row. A label that is no class cannot be told to the host here: its loss is no number,
// which is an error of the step.
enum { SOFTMAX_IN_LOGITS, SOFTMAX_IN_LABELS, SOFTMAX_IN_COUNT };
enum { SOFTMAX_THREADS = 256, SOFTMAX_ROWS = SOFTMAX_THREADS / 32 };

struct softmax_task {
    const float *logits;
    const int32_t *labels, *count;
    int64_t n_rows, n_classes;
    float smoothing;
    struct loss_scale scale;
};

struct softmax_row {
    const float *x;
    int32_t label; // -1: none
    float largest, sum; // of exp(x - largest)
    float total;        // of x - largest
};

static __device__ struct softmax_row softmax_row_at(const struct softmax_task *t, int64_t i)
{
    struct softmax_row row;
    uint32_t lane = threadIdx.x % 32;
    row.x = t->logits + i * t->n_classes;
    row.label = t->labels[i];
    if (row.label < 0 || row.label >= t->n_classes) row.label = -1;
    row.largest = row.x[0];
    row.sum = row.total = 0.0f;
    for (int64_t k = lane; k < t->n_classes; k += 32)
        row.largest = row.x[k] > row.largest ? row.x[k] : row.largest;
    for (int step = 16; step > 0; step /= 2) {
        float other = __shfl_xor_sync(CUDA_ALL_LANES, row.largest, step);
        row.largest = other > row.largest ? other : row.largest;
    }
    for (int64_t k = lane; k < t->n_classes; k += 32) {
        row.sum += expf(row.x[k] - row.largest);
        row.total += row.x[k] - row.largest;
    }
    for (int step = 16; step > 0; step /= 2) {
        row.sum += __shfl_xor_sync(CUDA_ALL_LANES, row.sum, step);
        row.total += __shfl_xor_sync(CUDA_ALL_LANES, row.total, step);
    }
    return row;
}

static __global__ void __launch_bounds__(SOFTMAX_THREADS)
    softmax_forward(struct softmax_task t, float *sums)
{
    int64_t i = (int64_t)blockIdx.x * SOFTMAX_ROWS + threadIdx.x / 32;
    float loss = 0.0f;
    if (i < list_count(t.count, t.n_rows)) {
        struct softmax_row row = softmax_row_at(&t, i);
        if (row.label < 0)
            loss = NAN;
        else
            loss = logf(row.sum) + (1.0f - t.smoothing) * (row.largest - row.x[row.label]) -
                   t.smoothing * (row.total / (float)t.n_classes);
    }
    float sum = block_sum(threadIdx.x % 32 == 0 ? loss : 0.0f);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

static __global__ void __launch_bounds__(SOFTMAX_THREADS)
    softmax_backward(struct softmax_task t, const float *upstream, float *gradient, bool adds)
{
    int64_t i = (int64_t)blockIdx.x * SOFTMAX_ROWS + threadIdx.x / 32;
    bool is_row = i < list_count(t.count, t.n_rows);
    if (i >= t.n_rows || (!is_row && adds)) return;
    float scale = (float)((double)*upstream * loss_weight(&t.scale, 0)), inverse = 0.0f;
    float others = t.smoothing / (float)t.n_classes;
    struct softmax_row row = {};
    if (is_row) {
        row = softmax_row_at(&t, i);
        inverse = 1.0f / row.sum;
    }
    for (int64_t k = threadIdx.x % 32; k < t.n_classes; k += 32) {
        float *to = gradient + i * t.n_classes + k, slope = 0.0f;
        if (is_row)
            slope = scale * (expf(row.x[k] - row.largest) * inverse - others -
                             (k == row.label ? 1.0f - t.smoothing : 0.0f));
        *to = adds ? *to + slope : slope;
    }
}

static struct softmax_task softmax_task_of(const struct op_call *call)
{
    struct softmax_task t = {};
    t.logits = (const float *)call->in[SOFTMAX_IN_LOGITS]->data;
    t.labels = (const int32_t *)call->in[SOFTMAX_IN_LABELS]->data;
    t.count = list_count_of(call->in[SOFTMAX_IN_COUNT]);
    t.n_rows = call->in[SOFTMAX_IN_LOGITS]->shape[0];
    t.n_classes = call->in[SOFTMAX_IN_LOGITS]->shape[1];
    t.smoothing = ((const struct softmax_loss_args *)call->args)->smoothing;
    t.scale = loss_scale_of_count(call->in[SOFTMAX_IN_COUNT], 1.0);
    return t;
}

enum status cuda_softmax_loss_forward(const struct op_call *call)
{
    struct softmax_task t = softmax_task_of(call);
    int64_t n = (t.n_rows + SOFTMAX_ROWS - 1) / SOFTMAX_ROWS;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)n * sizeof(float), &scratch));
    if (n > 0) {
        CUDA_LAUNCH(softmax_forward, (unsigned)n, SOFTMAX_THREADS, 0, cuda_stream(call), t,
                    (float *)scratch);
        TRY(cuda_check(call, "softmax_loss"));
    }
    return loss_total(call, (const float *)scratch, 1, n, &t.scale, (float *)call->out[0]->data);
}

enum status cuda_softmax_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = (const float *)call->out[0]->grad;
    struct softmax_task t = softmax_task_of(call);
    int64_t n = (t.n_rows + SOFTMAX_ROWS - 1) / SOFTMAX_ROWS;
    if (!backward->want[SOFTMAX_IN_LOGITS] || !upstream || n == 0) return OK;
    CUDA_LAUNCH(softmax_backward, (unsigned)n, SOFTMAX_THREADS, 0, cuda_stream(call), t, upstream,
                (float *)call->in[SOFTMAX_IN_LOGITS]->grad,
                backward->beta[SOFTMAX_IN_LOGITS] != 0.0f);
    return cuda_check(call, "softmax_loss");
}
