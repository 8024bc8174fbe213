#include "cpu/kernels.h"
#include "cpu/rows.h"

enum status cpu_relu_forward(const struct op_call *call)
{
    rows_relu((float *)call->out[0]->data, (const float *)call->in[0]->data,
              tensor_count(call->out[0]));
    return OK;
}

enum status cpu_relu_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct tensor *y = call->out[0];
    if (backward->want[0])
        rows_relu_backward((float *)call->in[0]->grad, (const float *)y->grad,
                           (const float *)y->data, backward->beta[0], tensor_count(y));
    return OK;
}
