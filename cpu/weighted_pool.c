#include "cpu/kernels.h"
#include "cpu/map_hot.h"
#include "nn/ops_map.h"

enum { IN_X, IN_LOGITS };
enum { OUT_Y, OUT_MAXIMUM, OUT_INVERSE };

static struct map_geometry geometry(const struct op_call *call)
{
    const struct weighted_pool_args *args = (const struct weighted_pool_args *)call->args;
    const int64_t *x = call->in[IN_X]->shape, *y = call->out[OUT_Y]->shape;
    struct map_geometry map = {(int)x[1], (int)x[2], (int)x[3], (int)y[1], (int)y[2], args->window};
    return map;
}

static const float *image_of(const struct op_call *call, int input, int64_t image)
{
    const struct tensor *t = call->in[input];
    return (const float *)t->data + (size_t)image * (tensor_count(t) / (size_t)t->shape[0]);
}

static float *output_of(const struct op_call *call, int output, int64_t image)
{
    if (output >= call->n_out) return NULL;
    const struct tensor *t = call->out[output];
    return (float *)t->data + (size_t)image * (tensor_count(t) / (size_t)t->shape[0]);
}

static struct weighted_rows rows_of(const struct op_call *call, int64_t image)
{
    struct weighted_rows rows = {.x = image_of(call, IN_X, image),
                                 .logits = image_of(call, IN_LOGITS, image),
                                 .y = output_of(call, OUT_Y, image),
                                 .out = output_of(call, OUT_Y, image),
                                 .maximum = output_of(call, OUT_MAXIMUM, image),
                                 .inverse = output_of(call, OUT_INVERSE, image)};
    return rows;
}

enum status cpu_weighted_pool_forward(const struct op_call *call)
{
    struct map_geometry map = geometry(call);
    int64_t n_rows = call->in[IN_X]->shape[0] * map.oh;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_rows; i++) {
        struct weighted_rows rows = rows_of(call, i / map.oh);
        ISA_PICK(weighted_forward_row)(&map, &rows, (int)(i % map.oh));
    }
    return OK;
}

enum status cpu_weighted_pool_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct map_geometry map = geometry(call);
    const struct tensor *y = call->out[OUT_Y];
    int64_t n_images = call->in[IN_X]->shape[0];
    size_t image_in = (size_t)map.h * (size_t)map.w * (size_t)map.c;
    size_t image_out = (size_t)map.oh * (size_t)map.ow * (size_t)map.c;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_images * map.h; i++) {
        size_t image = (size_t)(i / map.h);
        struct weighted_rows rows = rows_of(call, i / map.h);
        rows.dy = (const float *)y->grad + image * image_out;
        if (backward->want[IN_X]) rows.dx = (float *)call->in[IN_X]->grad + image * image_in;
        if (backward->want[IN_LOGITS])
            rows.dlogits = (float *)call->in[IN_LOGITS]->grad + image * image_in;
        rows.dx_adds = backward->beta[IN_X] != 0.0f;
        rows.dlogits_adds = backward->beta[IN_LOGITS] != 0.0f;
        ISA_PICK(weighted_backward_row)(&map, &rows, (int)(i % map.h));
    }
    return OK;
}
