#include "cpu/kernels.h"
#include "cpu/rows.h"

enum status cpu_relu_forward(const struct op_call *call)
{
    const struct tensor *x = call->in[0];
    int64_t n = list_count(x->valid, x->shape[0]);
    float *y = (float *)call->out[0]->data;
    rows_relu(y, (const float *)x->data, list_floats(x, n));
    list_zero_beyond(x, y, n);
    return OK;
}

enum status cpu_relu_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct tensor *x = call->in[0], *y = call->out[0];
    if (!backward->want[0]) return OK;
    int64_t n = list_count(x->valid, x->shape[0]);
    float *dx = (float *)x->grad;
    rows_relu_backward(dx, (const float *)y->grad, (const float *)y->data, backward->beta[0],
                       list_floats(x, n));
    if (backward->beta[0] == 0.0f) list_zero_beyond(x, dx, n);
    return OK;
}
