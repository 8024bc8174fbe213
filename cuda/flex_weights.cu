// A thread a channel: it alone reads and writes the channel's weights, so that sums over the map
// have one order and gradients need no atomics; neighbouring threads touch neighbouring channels.
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "nn/flex_tap.h"
#include "nn/ops_map.h"

enum { FLEX_BLOCK = 64 };

struct flex_task {
    int side, height, width; // grid, map
    int64_t n_channels;
    bool softmax;
    float scale; // of free weights
};

// The four values that a place of the map is made of, as rows of the grid.
static __device__ void flex_place(const struct flex_task *t, int place, int64_t row[4],
                                  float weight[4])
{
    struct flex_tap v = flex_tap_at(place / t->width, t->side, t->height);
    struct flex_tap h = flex_tap_at(place % t->width, t->side, t->width);
    for (int i = 0; i < 4; i++) {
        row[i] = (i < 2 ? v.first : v.second) * t->side + (i % 2 ? h.second : h.first);
        weight[i] = (i < 2 ? 1.0f - v.weight : v.weight) * (i % 2 ? h.weight : 1.0f - h.weight);
    }
}

static __global__ void __launch_bounds__(FLEX_BLOCK)
    flex_weights_forward(struct flex_task t, const float *theta, float *p)
{
    int64_t c = (int64_t)blockIdx.x * FLEX_BLOCK + threadIdx.x;
    int n = t.height * t.width;
    if (c >= t.n_channels) return;
    float largest = 0.0f;
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        int64_t row[4];
        float weight[4], value = 0.0f;
        flex_place(&t, i, row, weight);
        for (int k = 0; k < 4; k++) value += weight[k] * theta[row[k] * t.n_channels + c];
        if (i == 0 || value > largest) largest = value;
        p[i * t.n_channels + c] = t.softmax ? value : t.scale * value;
    }
    if (!t.softmax) return;
    for (int i = 0; i < n; i++) {
        float e = expf(p[i * t.n_channels + c] - largest);
        p[i * t.n_channels + c] = e;
        sum += (double)e;
    }
    for (int i = 0; i < n; i++)
        p[i * t.n_channels + c] = (float)((double)p[i * t.n_channels + c] / sum);
}

static __global__ void __launch_bounds__(FLEX_BLOCK)
    flex_weights_backward(struct flex_task t, const float *p, const float *dp, float *dtheta,
                          bool adds)
{
    int64_t c = (int64_t)blockIdx.x * FLEX_BLOCK + threadIdx.x;
    int n = t.height * t.width;
    if (c >= t.n_channels) return;
    double mean = 0.0;
    for (int i = 0; t.softmax && i < n; i++)
        mean += (double)p[i * t.n_channels + c] * (double)dp[i * t.n_channels + c];
    for (int i = 0; !adds && i < t.side * t.side; i++) dtheta[i * t.n_channels + c] = 0.0f;
    for (int i = 0; i < n; i++) {
        int64_t row[4], at = i * t.n_channels + c;
        float weight[4], g = t.scale * dp[at];
        if (t.softmax) g = (float)((double)p[at] * ((double)dp[at] - mean));
        flex_place(&t, i, row, weight);
        for (int k = 0; k < 4; k++) dtheta[row[k] * t.n_channels + c] += weight[k] * g;
    }
}

static struct flex_task flex_task_of(const struct op_call *call)
{
    const struct flex_weights_args *args = (const struct flex_weights_args *)call->args;
    struct flex_task t = {};
    t.height = args->height;
    t.width = args->width;
    t.softmax = args->softmax;
    t.n_channels = call->in[0]->shape[1];
    while (t.side * t.side < call->in[0]->shape[0]) t.side++;
    t.scale = (float)(t.side * t.side) / (float)(t.height * t.width);
    return t;
}

static unsigned flex_blocks(const struct flex_task *t)
{
    return (unsigned)((t->n_channels + FLEX_BLOCK - 1) / FLEX_BLOCK);
}

enum status cuda_flex_weights_forward(const struct op_call *call)
{
    struct flex_task t = flex_task_of(call);
    if (t.n_channels == 0) return OK;
    CUDA_LAUNCH(flex_weights_forward, flex_blocks(&t), FLEX_BLOCK, 0, cuda_stream(call), t,
                (const float *)call->in[0]->data, (float *)call->out[0]->data);
    return cuda_check(call, "flex_weights");
}

enum status cuda_flex_weights_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *dp = (const float *)call->out[0]->grad;
    struct flex_task t = flex_task_of(call);
    if (!backward->want[0] || !dp || t.n_channels == 0) return OK;
    CUDA_LAUNCH(flex_weights_backward, flex_blocks(&t), FLEX_BLOCK, 0, cuda_stream(call), t,
                (const float *)call->out[0]->data, dp, (float *)call->in[0]->grad,
                backward->beta[0] != 0.0f);
    return cuda_check(call, "flex_weights");
}
