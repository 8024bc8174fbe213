#include "cpu/kernels.h"
#include "cpu/map_hot.h"
#include "nn/ops_map.h"

enum { IN_X, IN_W, IN_BIAS };

static struct map_geometry geometry(const struct op_call *call)
{
    const struct depthwise_conv2d_args *args = (const struct depthwise_conv2d_args *)call->args;
    const int64_t *x = call->in[IN_X]->shape, *y = call->out[0]->shape;
    struct map_geometry map = {(int)x[1], (int)x[2], (int)x[3], (int)y[1], (int)y[2], args->window};
    return map;
}

static size_t in_image(const struct map_geometry *map)
{
    return (size_t)map->h * (size_t)map->w * (size_t)map->c;
}

static size_t out_image(const struct map_geometry *map)
{
    return (size_t)map->oh * (size_t)map->ow * (size_t)map->c;
}

static const float *floats(const struct tensor *t)
{
    return t ? (const float *)t->data : NULL;
}

enum status cpu_depthwise_conv2d_forward(const struct op_call *call)
{
    struct map_geometry map = geometry(call);
    const float *x = floats(call->in[IN_X]), *w = floats(call->in[IN_W]);
    const float *bias = floats(call->in[IN_BIAS]);
    float *y = (float *)call->out[0]->data;
    int64_t n_rows = call->in[IN_X]->shape[0] * map.oh;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_rows; i++) {
        size_t image = (size_t)(i / map.oh);
        ISA_PICK(depthwise_row)
        (&map, x + image * in_image(&map), w, bias, y + image * out_image(&map), (int)(i % map.oh));
    }
    return OK;
}

static void input_gradient(const struct op_backward_call *backward, const struct map_geometry *map)
{
    const struct op_call *call = backward->forward;
    const float *dy = (const float *)call->out[0]->grad, *w = floats(call->in[IN_W]);
    float *dx = (float *)call->in[IN_X]->grad;
    bool adds = backward->beta[IN_X] != 0.0f;
    int64_t n_rows = call->in[IN_X]->shape[0] * map->h;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_rows; i++) {
        size_t image = (size_t)(i / map->h);
        ISA_PICK(depthwise_dx_row)
        (map, dy + image * out_image(map), w, dx + image * in_image(map), adds, (int)(i % map->h));
    }
}

// A row's sums are of a few hundred terms, in float; those of the rows are added in double.
static void store_sum(float *grad, bool adds, const float *partial, size_t n, size_t stride,
                      int64_t n_rows)
{
    for (size_t j = 0; j < n; j++) {
        double sum = adds ? (double)grad[j] : 0.0;
        for (int64_t i = 0; i < n_rows; i++) sum += (double)partial[(size_t)i * stride + j];
        grad[j] = (float)sum;
    }
}

static enum status filter_gradient(const struct op_backward_call *backward,
                                   const struct map_geometry *map)
{
    const struct op_call *call = backward->forward;
    const float *x = floats(call->in[IN_X]), *dy = (const float *)call->out[0]->grad;
    size_t n_taps = tensor_count(call->in[IN_W]), stride = n_taps + (size_t)map->c;
    int64_t n_rows = call->in[IN_X]->shape[0] * map->oh;
    void *scratch;
    TRY(call->backend->scratch(call->backend, (size_t)n_rows * stride * sizeof(float), &scratch));
    float *partial = (float *)scratch;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_rows; i++) {
        size_t image = (size_t)(i / map->oh);
        float *row = partial + (size_t)i * stride;
        ISA_PICK(depthwise_dw_row)
        (map, x + image * in_image(map), dy + image * out_image(map), row, row + n_taps,
         (int)(i % map->oh));
    }
    if (backward->want[IN_W])
        store_sum((float *)call->in[IN_W]->grad, backward->beta[IN_W] != 0.0f, partial, n_taps,
                  stride, n_rows);
    if (backward->want[IN_BIAS])
        store_sum((float *)call->in[IN_BIAS]->grad, backward->beta[IN_BIAS] != 0.0f,
                  partial + n_taps, (size_t)map->c, stride, n_rows);
    return OK;
}

enum status cpu_depthwise_conv2d_backward(const struct op_backward_call *backward)
{
    struct map_geometry map = geometry(backward->forward);
    if (backward->want[IN_X]) input_gradient(backward, &map);
    if (!backward->want[IN_W] && !backward->want[IN_BIAS]) return OK;
    return filter_gradient(backward, &map);
}
