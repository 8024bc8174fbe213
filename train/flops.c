#include "train/flops.h"

double flops_of(const struct tape_node *node, bool is_backward)
{
    if (node->op != OP_conv2d && node->op != OP_linear) return 0;
    const struct tensor *x = node->call.in[0], *w = node->call.in[1], *y = node->call.out[0];
    double outputs = (double)tensor_count(y);
    double products = (double)tensor_count(w) / (double)w->shape[0]; // of one output
    double forward = 2 * outputs * products;
    if (!is_backward) return forward;
    return forward * ((x->needs_grad ? 1 : 0) + (w->needs_grad ? 1 : 0));
}
