#include "backbone/pool/soft_nd_hot.h"

#include "backbone/pool/soft.h"
#include "cpu/pool_window.h"

// A task is one video and a vector of channels: its windows overlap in all directions, but nobody
// else writes its gradients.
struct task {
    const struct soft_nd_args *args;
    struct soft_scale scale;
    lanes slope;
    bool is_bf16;
    int n_c;
    size_t in, out; // offsets of the video's first element and window, this channel
    lanes *a, *da;  // of a window
    size_t *at;     // offsets of its elements in x
};

// Offsets of the window's elements; returns their number.
static int find_elements(const struct task *task, int od, int oh, int ow)
{
    const struct soft_nd_args *args = task->args;
    const int o[3] = {od, oh, ow};
    int begin[3], end[3], n = 0;
    for (int i = 0; i < 3; i++)
        window_range(o[i], args->in[i], args->kernel[i], args->stride[i], args->padding[i],
                     &begin[i], &end[i]);
    for (int d = begin[0]; d < end[0]; d++)
        for (int h = begin[1]; h < end[1]; h++)
            for (int w = begin[2]; w < end[2]; w++) {
                size_t row = (size_t)d * (size_t)args->in[1] + (size_t)h;
                task->at[n++] =
                    task->in + (row * (size_t)args->in[2] + (size_t)w) * (size_t)args->c;
            }
    return n;
}

static void load(const struct task *task, const void *x, int n)
{
    for (int i = 0; i < n; i++)
        task->a[i] = pool_load(x, task->at[i], task->n_c, task->is_bf16);
}

static void forward_task(const struct task *task, const struct op_call *call)
{
    const struct soft_nd_args *args = task->args;
    size_t out = task->out;
    for (int od = 0; od < args->out[0]; od++)
        for (int oh = 0; oh < args->out[1]; oh++)
            for (int ow = 0; ow < args->out[2]; ow++, out += (size_t)args->c) {
                int n = find_elements(task, od, oh, ow);
                load(task, call->in[0]->data, n);
                pool_store(call->out[0]->data, out, soft_forward(task->a, n, task->scale),
                           task->n_c, task->is_bf16, false);
            }
}

static void backward_task(const struct task *task, const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct soft_nd_args *args = task->args;
    size_t out = task->out;
    size_t n_in = (size_t)args->in[0] * (size_t)args->in[1] * (size_t)args->in[2];
    float *dx = call->in[0]->grad;
    for (size_t i = 0; backward->beta[0] == 0.0f && i < n_in; i++)
        pool_store(dx, task->in + i * (size_t)args->c, lane_all(0.0f), task->n_c, false, false);
    for (int od = 0; od < args->out[0]; od++)
        for (int oh = 0; oh < args->out[1]; oh++)
            for (int ow = 0; ow < args->out[2]; ow++, out += (size_t)args->c) {
                int n = find_elements(task, od, oh, ow);
                load(task, call->in[0]->data, n);
                lanes g = pool_load(call->out[0]->grad, out, task->n_c, false);
                soft_backward(task->a, n, task->scale, task->slope, g, false, task->da);
                for (int i = 0; i < n; i++) {
                    lanes sum = pool_load(dx, task->at[i], task->n_c, false) + task->da[i];
                    pool_store(dx, task->at[i], sum, task->n_c, false, false);
                }
            }
}

static enum status run(const struct op_call *call, const struct op_backward_call *backward)
{
    const struct soft_nd_args *args = call->args;
    size_t n = (size_t)args->kernel[0] * (size_t)args->kernel[1] * (size_t)args->kernel[2];
    size_t bytes = (2 * n * sizeof(lanes) + n * sizeof(size_t) + 63) / 64 * 64;
    size_t in = (size_t)args->in[0] * (size_t)args->in[1] * (size_t)args->in[2];
    size_t out = (size_t)args->out[0] * (size_t)args->out[1] * (size_t)args->out[2];
    int n_parts = (args->c + N_LANES - 1) / N_LANES;
    double values[SOFT_N_VALUES];
    char *memory;
    TRY(call->backend->scratch(call->backend, (size_t)omp_get_max_threads() * bytes,
                               (void **)&memory));
    soft_values(args->beta, args->is_detached ? SOFT_DETACHED : SOFT_EXACT, values);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < (int64_t)args->n * n_parts; i++) {
        size_t video = (size_t)(i / n_parts), channel = (size_t)(i % n_parts) * N_LANES;
        struct task task = {.args = args, .is_bf16 = call->in[0]->dtype == DTYPE_BF16};
        task.scale.log2 = lane_all((float)values[SOFT_LOG2]);
        task.scale.lowest = lane_all((float)values[SOFT_LOWEST]);
        task.slope = lane_all((float)values[SOFT_SLOPE]);
        task.n_c = args->c - (int)channel < N_LANES ? args->c - (int)channel : N_LANES;
        task.in = video * in * (size_t)args->c + channel;
        task.out = video * out * (size_t)args->c + channel;
        task.a = (lanes *)(void *)(memory + (size_t)omp_get_thread_num() * bytes);
        task.da = task.a + n;
        task.at = (size_t *)(void *)(task.da + n);
        if (backward)
            backward_task(&task, backward);
        else
            forward_task(&task, call);
    }
    return OK;
}

enum status ISA_NAME(soft_nd_forward)(const struct op_call *call)
{
    return run(call, NULL);
}

enum status ISA_NAME(soft_nd_backward)(const struct op_backward_call *backward)
{
    if (!backward->want[0] || !backward->forward->out[0]->grad) return OK;
    return run(backward->forward, backward);
}
