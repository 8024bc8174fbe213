#include "backbone/pool/avg.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(avg);

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    pool_window_rows_y(call, map, image, begin, end, avg_y);
}

static const struct pool_needs needs = {.n_lanes = N_LANES};

enum status ISA_NAME(pool_avg_forward)(const struct op_call *call)
{
    return pool_run_forward(call, &needs, forward_rows, 1);
}

// The gradient does not depend on x: each element gathers from its windows and is written once.
struct gradients {
    const float *dy;
    float *dx;
    bool adds;
};

POOL_LOOP_INLINE void gather_with(const struct gradients *g, const struct pool_map *map,
                                  const struct pool_pixel *p, const float *scale, int n_oh,
                                  int n_ow, bool adds, float *restrict dx)
{
    const float *restrict dy = g->dy + p->out;
    size_t c = (size_t)map->c, out_row = (size_t)map->ow * c;
#pragma omp simd
    for (size_t ch = 0; ch < c; ch++) {
        float sum = adds ? dx[ch] : 0.0f;
        POOL_UNROLL
        for (int i = 0; i < n_oh * n_ow; i++)
            sum += scale[i] * dy[(size_t)(i / n_ow) * out_row + (size_t)(i % n_ow) * c + ch];
        dx[ch] = sum;
    }
}

// More windows than the usual one to four: one after another.
static void gather_many(const struct gradients *g, const struct pool_map *map,
                        const struct pool_pixel *p)
{
    float *restrict dx = g->dx + p->in;
    size_t c = (size_t)map->c, out_row = (size_t)map->ow * c;
    if (!g->adds)
        for (size_t ch = 0; ch < c; ch++) dx[ch] = 0.0f;
    for (int r = 0; r < p->n_oh; r++)
        for (int q = 0; q < p->n_ow; q++) {
            const float *restrict dy = g->dy + p->out + (size_t)r * out_row + (size_t)q * c;
            float scale = 1.0f / (float)avg_divisor(map, p->oh + r, p->ow + q);
            for (size_t ch = 0; ch < c; ch++) dx[ch] += scale * dy[ch];
        }
}

POOL_LOOP_INLINE void gather(const void *context, const struct pool_map *map,
                             const struct pool_pixel *p, int n_oh, int n_ow)
{
    const struct gradients *g = context;
    if (n_oh < 1 || n_oh > 2 || n_ow < 1 || n_ow > 2) {
        gather_many(g, map, p);
        return;
    }
    float scale[4];
    for (int i = 0; i < n_oh * n_ow; i++)
        scale[i] = 1.0f / (float)avg_divisor(map, p->oh + i / n_ow, p->ow + i % n_ow);
    float *dx = g->dx + p->in;
    POOL_ALIGNED float buffer[POOL_MAX_STREAM_CHANNELS];
    if (g->adds) {
        gather_with(g, map, p, scale, n_oh, n_ow, true, dx);
    } else if (map->dx_streams) {
        gather_with(g, map, p, scale, n_oh, n_ow, false, buffer);
        stream_copy(dx, buffer, (size_t)map->c * sizeof(float));
    } else {
        gather_with(g, map, p, scale, n_oh, n_ow, false, dx);
    }
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end)
{
    const struct op_call *call = backward->forward;
    struct gradients g = {
        .dy = call->out[0]->grad, .dx = call->in[0]->grad, .adds = backward->beta[0] != 0.0f};
    pool_gather_band(map, image, begin, end, gather, &g);
    if (map->dx_streams) stream_end();
}

enum status ISA_NAME(pool_avg_backward)(const struct op_backward_call *backward)
{
    return pool_run_backward(backward, &needs, backward_band, 16);
}
