#include "host_backend.h"

#include <string.h>

int host_backend_params_changed;

static enum status copy(struct backend *backend, void *to, const void *from, size_t bytes)
{
    (void)backend;
    memcpy(to, from, bytes);
    return OK;
}

static enum status zero(struct backend *backend, void *to, size_t bytes)
{
    (void)backend;
    memset(to, 0, bytes);
    return OK;
}

static enum status fill(struct backend *backend, void *to, float value, size_t n)
{
    (void)backend;
    for (size_t i = 0; i < n; i++) ((float *)to)[i] = value;
    return OK;
}

static enum status synchronize(struct backend *backend)
{
    (void)backend;
    return OK;
}

static void params_changed(struct backend *backend)
{
    (void)backend;
    host_backend_params_changed++;
}

static enum status twice_forward(const struct op_call *call)
{
    const float *x = (const float *)call->in[0]->data;
    float *y = (float *)call->out[0]->data;
    for (size_t i = 0; i < tensor_count(call->in[0]); i++) y[i] = 2 * x[i];
    return OK;
}

static void accumulate(float *to, const float *from, float factor, float beta, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = (beta != 0 ? to[i] : 0) + factor * from[i];
}

static enum status twice_backward(const struct op_backward_call *b)
{
    const struct op_call *call = b->forward;
    if (b->want[0])
        accumulate((float *)call->in[0]->grad, (const float *)call->out[0]->grad, 2, b->beta[0],
                   tensor_count(call->in[0]));
    return OK;
}

static enum status add_forward(const struct op_call *call)
{
    const float *a = (const float *)call->in[0]->data, *c = (const float *)call->in[1]->data;
    float *y = (float *)call->out[0]->data;
    for (size_t i = 0; i < tensor_count(call->in[0]); i++) y[i] = a[i] + c[i];
    return OK;
}

static enum status add_backward(const struct op_backward_call *b)
{
    const struct op_call *call = b->forward;
    for (int i = 0; i < 2; i++)
        if (b->want[i])
            accumulate((float *)call->in[i]->grad, (const float *)call->out[0]->grad, 1,
                       b->beta[i], tensor_count(call->in[i]));
    return OK;
}

static const struct op_kernels kernels[N_OPS] = {
    [OP_relu] = {twice_forward, twice_backward},
    [OP_upsample_add] = {add_forward, add_backward},
};

static struct backend the_backend = {
    .name = "host",
    .kernels = kernels,
    .upload = copy,
    .download = copy,
    .zero = zero,
    .fill = fill,
    .synchronize = synchronize,
    .params_changed = params_changed,
};

struct backend *host_backend(void)
{
    the_backend.memory = arena_host_source;
    return &the_backend;
}
