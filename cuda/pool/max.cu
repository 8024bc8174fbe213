#include "backbone/pool/max.h"

#include "cuda/pool/define.h"
#include "cuda/pool/gather.h"

static enum status max_forward(const struct op_call *call)
{
    struct pool_map map;
    TRY(pool_map_of(call, NULL, &map));
    return pool_window_forward<16, max_y, pool_same_value>(call, &map, NULL);
}

// A byte holds a place in windows of up to 256 elements. For larger ones (the whole map) it means
// nothing: places are found again, as whole numbers.
static bool max_has_places(const struct pool_map *map)
{
    return (int64_t)map->window.kernel_h * map->window.kernel_w <= 256;
}

static __global__ void max_places_kernel(const struct pool_map map, int *places, const void *x,
                                         bool is_bf16)
{
    for (size_t i = CUDA_FIRST; i < map_windows(&map) * (size_t)map.c; i += CUDA_STEP) {
        struct map_patch p = map_patch_of(&map, (unsigned)(i / (unsigned)map.c));
        struct pool_view v = pool_view_of(&map, &p, (int)(i % (unsigned)map.c));
        float maximum = 0.0f;
        int place = -1;
        for (int e = 0; e < v.n; e++) {
            size_t at = p.first + (size_t)(e / p.cols) * p.row + (size_t)(e % p.cols) * map.c;
            float a = pool_load(x, at + v.channel, is_bf16);
            if (e > 0 && !max_replaces(a, maximum)) continue;
            maximum = a;
            place = pool_place(&v, e);
        }
        places[i] = place;
    }
}

// The share of window (r, q) of the pixel's.
template <int N, typename P>
static __device__ __forceinline__ void max_take(const struct pool_map *map,
                                                const struct map_pixel *p, int r, int q,
                                                const P *places, const float *g, float *sum)
{
    const struct window *w = &map->window;
    int row = p->h + w->pad_begin_h - (p->oh + r) * w->stride_h;
    int col = p->w + w->pad_begin_w - (p->ow + q) * w->stride_w;
    int place = row * w->kernel_w + col;
#pragma unroll
    for (int k = 0; k < N; k++) sum[k] += (int)places[k] == place ? g[k] : 0.0f;
}

template <typename G, typename P, int N, int MOST>
static __device__ __forceinline__ void max_gather(const struct pool_map *map,
                                                  const struct map_pixel *p, const G *dy,
                                                  const P *places, int channel, float *sum)
{
    float g[MOST * MOST][N];
    alignas(16) P at[MOST * MOST][N];
#pragma unroll
    for (int i = 0; i < MOST * MOST; i++) {
        size_t out = map_out_at(map, p, i / MOST, i % MOST) + channel;
        if (i / MOST >= p->n_oh || i % MOST >= p->n_ow) continue;
        vec_load<N>(g[i], dy + out);
        vec_copy<N>(at[i], places + out);
    }
#pragma unroll
    for (int i = 0; i < MOST * MOST; i++)
        if (i / MOST < p->n_oh && i % MOST < p->n_ow)
            max_take<N>(map, p, i / MOST, i % MOST, at[i], g[i], sum);
}

template <typename G, typename P, int N, bool IS_FEW>
static __global__ void __launch_bounds__(POOL_BLOCK)
    max_backward_kernel(const struct pool_map map, G *dx, const G *dy, const P *places, bool adds)
{
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_pixels(&map); i += MAP_STEP) {
        struct map_pixel p = map_pixel_of(&map, i);
        float sum[N];
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] = 0.0f;
        if (IS_FEW) {
            max_gather<G, P, N, POOL_GATHER_MOST>(&map, &p, dy, places, channel, sum);
        } else {
            for (int j = 0; j < p.n_oh * p.n_ow; j++) {
                struct map_pixel one = p;
                one.oh += j / p.n_ow;
                one.ow += j % p.n_ow;
                one.n_oh = one.n_ow = 1;
                max_gather<G, P, N, 1>(&map, &one, dy, places, channel, sum);
            }
        }
        vec_accumulate<N>(dx + (size_t)i * map.c + channel, sum, adds);
    }
}

template <typename G, typename P, int N>
static void max_launch(const struct op_backward_call *backward, const struct pool_map *map,
                       const P *places)
{
    const struct op_call *call = backward->forward;
    struct map_grid grid = map_grid_of(map->c / N, map_pixels(map), INT32_MAX);
    G *dx = (G *)call->in[0]->grad;
    const G *dy = (const G *)call->out[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    if (N > 1 && pool_gathers_few(map))
        CUDA_LAUNCH((max_backward_kernel<G, P, N, true>), grid.grid, grid.block, 0,
                    cuda_stream(call), *map, dx, dy, places, adds);
    else
        CUDA_LAUNCH((max_backward_kernel<G, P, N, false>), grid.grid, grid.block, 0,
                    cuda_stream(call), *map, dx, dy, places, adds);
}

static enum status max_find_places(const struct op_call *call, const struct pool_map *map,
                                   int **places)
{
    size_t n = map_windows(map) * (size_t)map->c;
    TRY(call->backend->scratch(call->backend, n * sizeof **places, (void **)places));
    CUDA_LAUNCH(max_places_kernel, cuda_blocks(n), CUDA_BLOCK, 0, cuda_stream(call), *map, *places,
                (const void *)call->in[0]->data, call->in[0]->dtype == DTYPE_BF16);
    return cuda_check(call, "pool max");
}

static enum status max_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct pool_map map;
    int *found = NULL;
    if (!backward->want[0] || !call->out[0]->grad) return OK;
    TRY(pool_map_of(call, NULL, &map));
    if (map_pixels(&map) == 0 || map.c == 0) return OK;
    const uint8_t *places = (const uint8_t *)call->out[1]->data;
    if (!max_has_places(&map)) TRY(max_find_places(call, &map, &found));
    VEC_DTYPE(call->in[0]->grad_dtype, G, {
        if (found)
            max_launch<G, int, 1>(backward, &map, found);
        else if (map.c % vec_width<G>::value == 0)
            max_launch<G, uint8_t, vec_width<G>::value>(backward, &map, places);
        else
            max_launch<G, uint8_t, 1>(backward, &map, places);
    });
    return cuda_check(call, "pool max");
}

POOL_CUDA(max, max_forward, max_backward)
