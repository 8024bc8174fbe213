#include "train/flops.h"

// Rows of a list of RoIs that hold something; all of them where that cannot be known.
static double filled(const struct tape_node *node, const struct tensor *y)
{
    struct backend *backend = node->call.backend;
    int32_t count = 0;
    if (!y->valid || !y->valid->data || y->shape[0] == 0) return 1;
    if (backend->download(backend, &count, y->valid->data, sizeof count) != OK) return 1;
    return (double)count / (double)y->shape[0];
}

double flops_of(const struct tape_node *node, bool is_backward)
{
    bool is_transposed = node->op == OP_conv_transpose;
    if (node->op != OP_conv2d && node->op != OP_linear && !is_transposed) return 0;
    const struct tensor *x = node->call.in[0], *w = node->call.in[1], *y = node->call.out[0];
    double outputs = (double)tensor_count(y) * filled(node, y);
    // Of one output. A transposed convolution of stride 2 has one position for each.
    double products = is_transposed ? (double)w->shape[3]
                                    : (double)tensor_count(w) / (double)w->shape[0];
    double forward = 2 * outputs * products;
    if (!is_backward) return forward;
    return forward * ((x->needs_grad ? 1 : 0) + (w->needs_grad ? 1 : 0));
}
