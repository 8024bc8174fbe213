#include "cuda/kernels.h"
#include "cuda/map.h"

enum { WEIGHTED_X, WEIGHTED_LOGITS };
enum { WEIGHTED_Y, WEIGHTED_MAXIMUM, WEIGHTED_INVERSE };

struct weighted_maps {
    const float *x, *logits;
    float *y, *maximum, *inverse; // the last two NULL: not saved
};

struct weighted_gradients {
    const float *dy;
    float *dx, *dlogits; // NULL: not wanted
    bool dx_adds, dlogits_adds;
};

static struct map_geometry weighted_map_of(const struct op_call *call)
{
    return map_geometry_of(call, &((const struct weighted_pool_args *)call->args)->window);
}

static struct weighted_maps weighted_maps_of(const struct op_call *call)
{
    bool is_saved = call->n_out > WEIGHTED_INVERSE;
    struct weighted_maps maps = {
        (const float *)call->in[WEIGHTED_X]->data, (const float *)call->in[WEIGHTED_LOGITS]->data,
        (float *)call->out[WEIGHTED_Y]->data,
        is_saved ? (float *)call->out[WEIGHTED_MAXIMUM]->data : NULL,
        is_saved ? (float *)call->out[WEIGHTED_INVERSE]->data : NULL};
    return maps;
}

// Values are summed as distances from that with the largest weight, so that a constant window gives
// exactly its constant.
template <int N>
static __global__ void __launch_bounds__(MAP_BLOCK)
    weighted_forward_kernel(const struct map_geometry map, const struct weighted_maps maps)
{
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_windows(&map); i += MAP_STEP) {
        struct map_patch p = map_patch_of(&map, i);
        float l[N], x[N], m[N], base[N], s[N], t[N];
        vec_load<N>(m, maps.logits + p.first + channel);
        vec_load<N>(base, maps.x + p.first + channel);
#pragma unroll
        for (int k = 0; k < N; k++) s[k] = t[k] = 0.0f;
        for (int e = 0; e < p.rows * p.cols; e++) {
            size_t at = p.first + e / p.cols * p.row + (size_t)(e % p.cols) * map.c + channel;
            vec_load<N>(l, maps.logits + at);
            vec_load<N>(x, maps.x + at);
#pragma unroll
            for (int k = 0; k < N; k++) {
                base[k] = l[k] > m[k] ? x[k] : base[k];
                m[k] = l[k] > m[k] ? l[k] : m[k];
            }
        }
        for (int e = 0; e < p.rows * p.cols; e++) {
            size_t at = p.first + e / p.cols * p.row + (size_t)(e % p.cols) * map.c + channel;
            vec_load<N>(l, maps.logits + at);
            vec_load<N>(x, maps.x + at);
#pragma unroll
            for (int k = 0; k < N; k++) {
                float weight = expf(l[k] - m[k]);
                s[k] += weight;
                t[k] = fmaf(weight, x[k] - base[k], t[k]);
            }
        }
#pragma unroll
        for (int k = 0; k < N; k++) {
            base[k] += t[k] / s[k];
            s[k] = 1.0f / s[k];
        }
        vec_store<N>(maps.y + p.out + channel, base);
        if (!maps.maximum) continue;
        vec_store<N>(maps.maximum + p.out + channel, m);
        vec_store<N>(maps.inverse + p.out + channel, s);
    }
}

// Every element gathers from the windows that contain it.
template <int N>
static __global__ void __launch_bounds__(MAP_BLOCK)
    weighted_backward_kernel(const struct map_geometry map, const struct weighted_maps maps,
                             const struct weighted_gradients grads)
{
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_pixels(&map); i += MAP_STEP) {
        struct map_pixel p = map_pixel_of(&map, i);
        size_t at = (size_t)i * map.c + channel;
        float x[N], l[N], dx[N], dl[N];
        vec_load<N>(x, maps.x + at);
        vec_load<N>(l, maps.logits + at);
#pragma unroll
        for (int k = 0; k < N; k++) dx[k] = dl[k] = 0.0f;
        for (int j = 0; j < p.n_oh * p.n_ow; j++) {
            size_t out = map_out_at(&map, &p, j / p.n_ow, j % p.n_ow) + channel;
            float dy[N], y[N], m[N], inverse[N];
            vec_load<N>(dy, grads.dy + out);
            vec_load<N>(y, maps.y + out);
            vec_load<N>(m, maps.maximum + out);
            vec_load<N>(inverse, maps.inverse + out);
#pragma unroll
            for (int k = 0; k < N; k++) {
                float g = dy[k] * (expf(l[k] - m[k]) * inverse[k]);
                dx[k] += g;
                dl[k] = fmaf(g, x[k] - y[k], dl[k]);
            }
        }
        // x may be its own logits: both contributions go to one place, in this order.
        if (grads.dx) vec_accumulate<N>(grads.dx + at, dx, grads.dx_adds);
        if (grads.dlogits) vec_accumulate<N>(grads.dlogits + at, dl, grads.dlogits_adds);
    }
}

enum status cuda_weighted_pool_forward(const struct op_call *call)
{
    struct map_geometry map = weighted_map_of(call);
    struct weighted_maps maps = weighted_maps_of(call);
    if (tensor_count(call->out[WEIGHTED_Y]) == 0) return OK;
    int n = map.c % 4 == 0 ? 4 : 1;
    struct map_grid grid = map_grid_of(map.c / n, map_windows(&map), INT32_MAX);
    if (n == 4)
        CUDA_LAUNCH(weighted_forward_kernel<4>, grid.grid, grid.block, 0, cuda_stream(call), map,
                    maps);
    else
        CUDA_LAUNCH(weighted_forward_kernel<1>, grid.grid, grid.block, 0, cuda_stream(call), map,
                    maps);
    return cuda_check(call, "weighted_pool");
}

enum status cuda_weighted_pool_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct map_geometry map = weighted_map_of(call);
    struct weighted_maps maps = weighted_maps_of(call);
    const bool *want = backward->want;
    struct weighted_gradients grads = {
        (const float *)call->out[WEIGHTED_Y]->grad,
        want[WEIGHTED_X] ? (float *)call->in[WEIGHTED_X]->grad : NULL,
        want[WEIGHTED_LOGITS] ? (float *)call->in[WEIGHTED_LOGITS]->grad : NULL,
        backward->beta[WEIGHTED_X] != 0.0f, backward->beta[WEIGHTED_LOGITS] != 0.0f};
    if ((!grads.dx && !grads.dlogits) || tensor_count(call->in[WEIGHTED_X]) == 0) return OK;
    int n = map.c % 4 == 0 ? 4 : 1;
    struct map_grid grid = map_grid_of(map.c / n, map_pixels(&map), INT32_MAX);
    if (n == 4)
        CUDA_LAUNCH(weighted_backward_kernel<4>, grid.grid, grid.block, 0, cuda_stream(call), map,
                    maps, grads);
    else
        CUDA_LAUNCH(weighted_backward_kernel<1>, grid.grid, grid.block, 0, cuda_stream(call), map,
                    maps, grads);
    return cuda_check(call, "weighted_pool");
}
