// Forward kernels of pools whose maths is a function of one window (backbone/pool/view.h).
#ifndef TARN_CUDA_POOL_WINDOW_Y_H
#define TARN_CUDA_POOL_WINDOW_Y_H

#include "cuda/pool/values.h"

typedef lanes (*pool_y)(const struct pool_view *v);

struct pool_results {
    void *y;
    uint8_t *bytes; // NULL: nothing is saved
};

// A window that the map's border cuts, channels channel to channel + N.
template <typename T, int SIDE, int N, pool_y Y>
static __device__ void pool_border_y(const struct pool_map *map, const struct pool_results *to,
                                     const T *x, const struct map_patch *p, int channel)
{
    float a[SIDE * SIDE], work[2 * SIDE * SIDE];
#pragma unroll 1
    for (int k = channel; k < channel + N; k++) {
        struct pool_view v = pool_view_of(map, p, k);
        pool_load_any(a, x, sizeof(T) == 2, map, p, k);
        v.a = a;
        v.work = work;
        if (to->bytes) v.bytes = to->bytes + v.out;
        pool_store(to->y, v.out, Y(&v), sizeof(T) == 2);
    }
}

// Windows of SIDE x SIDE: a thread has N channels of a window in registers.
template <typename T, int SIDE, int N, pool_y Y>
static __global__ void __launch_bounds__(POOL_BLOCK)
    pool_forward_kernel(const struct pool_map map, const struct pool_results to, const T *x)
{
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_windows(&map); i += MAP_STEP) {
        struct map_patch p = map_patch_of(&map, i);
        if (p.rows != SIDE || p.cols != SIDE) {
            pool_border_y<T, SIDE, N, Y>(&map, &to, x, &p, channel);
            continue;
        }
        float a[SIDE * SIDE][N], y[N];
        alignas(16) uint8_t saved[N];
        pool_load_whole<T, SIDE, N>(a, x, &map, &p, channel);
#pragma unroll
        for (int k = 0; k < N; k++) {
            struct pool_view v = pool_whole_view<SIDE>(&map, &p, channel + k);
            float own[SIDE * SIDE], work[2 * SIDE * SIDE];
#pragma unroll
            for (int e = 0; e < SIDE * SIDE; e++) own[e] = a[e][k];
            v.a = own;
            v.work = work;
            saved[k] = 0;
            v.bytes = to.bytes ? &saved[k] : NULL;
            y[k] = Y(&v);
        }
        vec_store<N>((T *)to.y + p.out + channel, y);
        if (to.bytes) vec_copy<N>(to.bytes + p.out + channel, saved);
    }
}

// Any window, one channel a thread; memory: 3 floats an element of a window for each thread.
template <pool_y Y>
static __global__ void pool_forward_any_kernel(const struct pool_map map,
                                               const struct pool_results to, const void *x,
                                               bool is_bf16, float *memory)
{
    size_t area = (size_t)map.window.kernel_h * map.window.kernel_w;
    float *a = memory + CUDA_FIRST * 3 * area;
    for (size_t i = CUDA_FIRST; i < map_windows(&map) * (size_t)map.c; i += CUDA_STEP) {
        struct map_patch p = map_patch_of(&map, (unsigned)(i / (unsigned)map.c));
        struct pool_view v = pool_view_of(&map, &p, (int)(i % (unsigned)map.c));
        pool_load_any(a, x, is_bf16, &map, &p, v.channel);
        v.a = a;
        v.work = a + area;
        if (to.bytes) v.bytes = to.bytes + v.out;
        pool_store(to.y, v.out, Y(&v), is_bf16);
    }
}

// Threads for n pieces of work with `floats` floats of memory each.
static inline unsigned pool_any_blocks(size_t n, size_t floats)
{
    enum { MEMORY = 16 << 20 }; // floats
    size_t most = MEMORY / POOL_BLOCK / floats, blocks = (n + POOL_BLOCK - 1) / POOL_BLOCK;
    if (most < 1) most = 1;
    return (unsigned)(blocks < most ? blocks : most);
}

static inline bool pool_is_side(const struct pool_map *map, int side)
{
    return map->window.kernel_h == side && map->window.kernel_w == side;
}

// Whether a thread can hold n_lanes channels of a window in registers.
static inline bool pool_fits_registers(const struct pool_map *map, int n_lanes)
{
    return map->c % n_lanes == 0 && (pool_is_side(map, 2) || pool_is_side(map, 3));
}

// T is x's type; BYTES of channels a thread, of windows of 2x2 and 3x3.
template <typename T, int BYTES, pool_y Y>
static enum status pool_launch_y(const struct op_call *call, const struct pool_map *map,
                                 char *scratch)
{
    enum { N = BYTES / sizeof(T) };
    const T *x = (const T *)call->in[0]->data;
    struct pool_results to = {call->out[0]->data,
                              call->n_out > 1 ? (uint8_t *)call->out[1]->data : NULL};
    if (pool_fits_registers(map, N)) {
        struct map_grid grid = map_grid_of(map->c / N, map_windows(map), INT32_MAX);
        if (pool_is_side(map, 2))
            CUDA_LAUNCH((pool_forward_kernel<T, 2, N, Y>), grid.grid, grid.block, 0,
                        cuda_stream(call), *map, to, x);
        else
            CUDA_LAUNCH((pool_forward_kernel<T, 3, N, Y>), grid.grid, grid.block, 0,
                        cuda_stream(call), *map, to, x);
    } else {
        size_t floats = 3 * (size_t)map->window.kernel_h * map->window.kernel_w;
        unsigned blocks = pool_any_blocks(map_windows(map) * (size_t)map->c, floats);
        CUDA_LAUNCH(pool_forward_any_kernel<Y>, blocks, POOL_BLOCK, 0, cuda_stream(call), *map, to,
                    x, sizeof(T) == 2, (float *)scratch);
    }
    return cuda_check(call, "pool");
}

// The scratch of pool_launch_y.
static inline size_t pool_any_bytes(const struct pool_map *map, int n_lanes)
{
    size_t floats = 3 * (size_t)map->window.kernel_h * map->window.kernel_w;
    if (pool_fits_registers(map, n_lanes)) return 0;
    return (size_t)pool_any_blocks(map_windows(map) * (size_t)map->c, floats) * POOL_BLOCK *
           floats * sizeof(float);
}

template <int BYTES, pool_y Y, pool_value_of VALUE>
static enum status pool_window_forward(const struct op_call *call, const struct pool_map *base,
                                       pool_form form)
{
    struct pool_map map = *base;
    struct pool_learned values;
    size_t any_bytes = pool_any_bytes(&map, BYTES / (int)dtype_bytes(call->in[0]->dtype));
    char *scratch;
    if (map_windows(&map) == 0 || map.c == 0) return OK;
    pool_learned_measure(call, form, 0, 0, &values);
    TRY(call->backend->scratch(call->backend, values.bytes + any_bytes, (void **)&scratch));
    TRY(pool_learned_fill<VALUE>(call, &values, &map, &scratch));
    VEC_DTYPE(call->in[0]->dtype, T, { return (pool_launch_y<T, BYTES, Y>(call, &map, scratch)); });
}

#endif
