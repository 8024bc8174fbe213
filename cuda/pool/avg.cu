#include "backbone/pool/avg.h"

#include "cuda/pool/define.h"
#include "cuda/pool/gather.h"

static enum status avg_forward(const struct op_call *call)
{
    struct pool_map map;
    TRY(pool_map_of(call, NULL, &map));
    return pool_window_forward<16, avg_y, pool_same_value>(call, &map, NULL);
}

// One element of dx and the windows that contain it. MOST: see gather.h.
template <typename G, int N, int MOST>
static __device__ __forceinline__ void avg_gather(const struct pool_map *map,
                                                  const struct map_pixel *p, const G *dy,
                                                  int channel, float *sum)
{
    float g[MOST * MOST][N];
#pragma unroll
    for (int i = 0; i < MOST * MOST; i++) {
        int r = i / MOST, q = i % MOST;
        if (r < p->n_oh && q < p->n_ow) vec_load<N>(g[i], dy + map_out_at(map, p, r, q) + channel);
    }
#pragma unroll
    for (int i = 0; i < MOST * MOST; i++) {
        int r = i / MOST, q = i % MOST;
        if (r >= p->n_oh || q >= p->n_ow) continue;
        float scale = 1.0f / (float)avg_divisor(map, p->oh + r, p->ow + q);
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] += scale * g[i][k];
    }
}

template <typename G, int N>
static __device__ void avg_gather_many(const struct pool_map *map, const struct map_pixel *p,
                                       const G *dy, int channel, float *sum)
{
    for (int r = 0; r < p->n_oh; r++)
        for (int q = 0; q < p->n_ow; q++) {
            float g[N], scale = 1.0f / (float)avg_divisor(map, p->oh + r, p->ow + q);
            vec_load<N>(g, dy + map_out_at(map, p, r, q) + channel);
#pragma unroll
            for (int k = 0; k < N; k++) sum[k] += scale * g[k];
        }
}

template <typename G, int N, bool IS_FEW>
static __global__ void __launch_bounds__(POOL_BLOCK)
    avg_backward_kernel(const struct pool_map map, G *dx, const G *dy, bool adds)
{
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_pixels(&map); i += MAP_STEP) {
        struct map_pixel p = map_pixel_of(&map, i);
        float sum[N];
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] = 0.0f;
        if (IS_FEW)
            avg_gather<G, N, POOL_GATHER_MOST>(&map, &p, dy, channel, sum);
        else
            avg_gather_many<G, N>(&map, &p, dy, channel, sum);
        vec_accumulate<N>(dx + (size_t)i * map.c + channel, sum, adds);
    }
}

template <typename G, int N>
static void avg_launch(const struct op_backward_call *backward, const struct pool_map *map)
{
    const struct op_call *call = backward->forward;
    struct map_grid grid = map_grid_of(map->c / N, map_pixels(map), INT32_MAX);
    G *dx = (G *)call->in[0]->grad;
    const G *dy = (const G *)call->out[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    if (pool_gathers_few(map))
        CUDA_LAUNCH((avg_backward_kernel<G, N, true>), grid.grid, grid.block, 0, cuda_stream(call),
                    *map, dx, dy, adds);
    else
        CUDA_LAUNCH((avg_backward_kernel<G, N, false>), grid.grid, grid.block, 0,
                    cuda_stream(call), *map, dx, dy, adds);
}

static enum status avg_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct pool_map map;
    if (!backward->want[0] || !call->out[0]->grad) return OK;
    TRY(pool_map_of(call, NULL, &map));
    if (map_pixels(&map) == 0 || map.c == 0) return OK;
    VEC_DTYPE(call->in[0]->grad_dtype, G, {
        if (map.c % vec_width<G>::value == 0)
            avg_launch<G, vec_width<G>::value>(backward, &map);
        else
            avg_launch<G, 1>(backward, &map);
    });
    return cuda_check(call, "pool avg");
}

POOL_CUDA(avg, avg_forward, avg_backward)
