#include "cpu/kernels.h"
#include "cpu/rows.h"

enum { IN_TOP, IN_LATERAL };

struct geometry {
    int64_t n, top_h, top_w, h, w, c;
};

static struct geometry geometry_of(const struct op_call *call)
{
    const int64_t *top = call->in[IN_TOP]->shape, *lateral = call->in[IN_LATERAL]->shape;
    return (struct geometry){lateral[0], top[1], top[2], lateral[1], lateral[2], lateral[3]};
}

// The first destination whose source index floor(dst * in / out) is at least `source`.
static int64_t first_destination(int64_t source, int64_t n_in, int64_t n_out)
{
    return (source * n_out + n_in - 1) / n_in;
}

enum status cpu_upsample_add_forward(const struct op_call *call)
{
    struct geometry g = geometry_of(call);
    const float *top = (const float *)call->in[IN_TOP]->data;
    const float *lateral = (const float *)call->in[IN_LATERAL]->data;
    float *y = (float *)call->out[0]->data;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < g.n * g.h; row++) {
        int64_t image = row / g.h, source_y = row % g.h * g.top_h / g.h;
        const float *from = top + (image * g.top_h + source_y) * g.top_w * g.c;
        for (int64_t x = 0; x < g.w; x++) {
            int64_t at = (row * g.w + x) * g.c;
            rows_sum(y + at, lateral + at, from + x * g.top_w / g.w * g.c, (size_t)g.c);
        }
    }
    return OK;
}

enum status cpu_upsample_add_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct geometry g = geometry_of(call);
    const float *dy = (const float *)call->out[0]->grad;
    float *dtop = (float *)call->in[IN_TOP]->grad;
    if (backward->want[IN_TOP]) {
        float beta = backward->beta[IN_TOP];
#pragma omp parallel for schedule(static)
        for (int64_t row = 0; row < g.n * g.top_h; row++) {
            int64_t image = row / g.top_h, top_y = row % g.top_h;
            int64_t y0 = first_destination(top_y, g.top_h, g.h);
            int64_t y1 = first_destination(top_y + 1, g.top_h, g.h);
            for (int64_t top_x = 0; top_x < g.top_w; top_x++) {
                int64_t x0 = first_destination(top_x, g.top_w, g.w);
                int64_t x1 = first_destination(top_x + 1, g.top_w, g.w);
                rows_gather_sum(dtop + (row * g.top_w + top_x) * g.c, beta,
                                dy + ((image * g.h + y0) * g.w + x0) * g.c, (size_t)(y1 - y0),
                                (size_t)(x1 - x0), (size_t)(g.w * g.c), (size_t)g.c);
            }
        }
    }
    if (backward->want[IN_LATERAL])
        rows_scale_add((float *)call->in[IN_LATERAL]->grad, dy, NULL, backward->beta[IN_LATERAL],
                       (size_t)(g.n * g.h * g.w), (size_t)g.c);
    return OK;
}
