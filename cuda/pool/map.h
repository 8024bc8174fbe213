// What the call of a pooling layer hands to its kernels.
#ifndef TARN_CUDA_POOL_MAP_H
#define TARN_CUDA_POOL_MAP_H

#include <assert.h>

#include "backbone/pool/view.h"
#include "cuda/kernels.h"
#include "cuda/map.h"

enum { POOL_BLOCK = MAP_BLOCK, POOL_MAX_ROWS = 1024 };

// Changes the window from the layer's, e.g. to see its surroundings; y is as large as it is.
typedef void (*pool_see)(const struct op_call *call, struct window *window);

// ERR_UNSUPPORTED: more elements than 32 bits count, a channel; more parameters than POOL_GPU_ARGS.
static inline enum status pool_map_of(const struct op_call *call, pool_see see,
                                      struct pool_map *map)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    const int64_t *x = call->in[0]->shape, *y = call->out[0]->shape;
    memset(map, 0, sizeof *map);
    if (x[0] * x[1] * x[2] > INT32_MAX || y[0] * y[1] * y[2] > INT32_MAX)
        return fail(ERR_UNSUPPORTED, "pool %s: a map of %lld x %lld x %lld on CUDA", op->def->name,
                    (long long)x[0], (long long)x[1], (long long)x[2]);
    map->n = (int)x[0];
    map->h = (int)x[1];
    map->w = (int)x[2];
    map->c = (int)x[3];
    map->oh = (int)y[1];
    map->ow = (int)y[2];
    map->window = op->window;
    map->form = op->def->form;
    size_t bytes = op->def->args_bytes;
    if (bytes > sizeof map->args)
        return fail(ERR_UNSUPPORTED, "pool %s: %zu bytes of parameters on CUDA, at most %zu",
                    op->def->name, bytes, sizeof map->args);
    if (bytes) memcpy(map->args, op->args, bytes);
    if (see) see(call, &map->window);
    return OK;
}

// Single elements of a type that is known at run time.
static __device__ inline float pool_load(const void *x, size_t at, bool is_bf16)
{
    return is_bf16 ? to_float(((const bf16 *)x)[at]) : ((const float *)x)[at];
}

static __device__ inline void pool_store(void *y, size_t at, float value, bool is_bf16)
{
    if (is_bf16)
        from_float((bf16 *)y + at, value);
    else
        ((float *)y)[at] = value;
}

// Gradients of x and y, of one type.
struct pool_gradients {
    void *dx; // NULL: not wanted
    const void *dy;
    bool is_bf16, adds;
};

static inline struct pool_gradients pool_gradients_of(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    assert(call->in[0]->grad_dtype == call->out[0]->grad_dtype);
    struct pool_gradients g = {backward->want[0] ? call->in[0]->grad : NULL, call->out[0]->grad,
                               call->out[0]->grad_dtype == DTYPE_BF16, backward->beta[0] != 0.0f};
    return g;
}

template <int N>
static __device__ inline void pool_load_dy(float *to, const struct pool_gradients *g, size_t at)
{
    if (g->is_bf16)
        vec_load<N>(to, (const bf16 *)g->dy + at);
    else
        vec_load<N>(to, (const float *)g->dy + at);
}

template <int N>
static __device__ inline void pool_add_dx(const struct pool_gradients *g, size_t at,
                                          const float *from, bool adds)
{
    if (g->is_bf16)
        vec_accumulate<N>((bf16 *)g->dx + at, from, adds);
    else
        vec_accumulate<N>((float *)g->dx + at, from, adds);
}

static __device__ inline struct pool_view pool_view_of(const struct pool_map *map,
                                                       const struct map_patch *p, int channel)
{
    struct pool_view v;
    v.a = NULL;
    v.work = NULL;
    v.bytes = NULL;
    v.n = p->rows * p->cols;
    v.cols = p->cols;
    v.top = p->top;
    v.left = p->left;
    v.kernel_w = map->window.kernel_w;
    v.oh = p->oh;
    v.ow = p->ow;
    v.channel = channel;
    v.out = p->out + (size_t)channel;
    v.map = map;
    return v;
}

// The view of a whole SIDE x SIDE window: what the compiler knows of it makes its loops unroll.
template <int SIDE>
static __device__ inline struct pool_view pool_whole_view(const struct pool_map *map,
                                                          const struct map_patch *p, int channel)
{
    struct pool_view v = pool_view_of(map, p, channel);
    v.n = SIDE * SIDE;
    v.cols = v.kernel_w = SIDE;
    v.top = v.left = 0;
    return v;
}

template <typename T, int SIDE, int N>
static __device__ inline void pool_load_whole(float a[SIDE * SIDE][N], const T *x,
                                              const struct pool_map *map,
                                              const struct map_patch *p, int channel)
{
    const T *first = x + p->first + channel;
#pragma unroll
    for (int i = 0; i < SIDE * SIDE; i++)
        vec_load<N>(a[i], first + (size_t)(i / SIDE) * p->row + (size_t)(i % SIDE) * map->c);
}

// One channel of any window.
static __device__ inline void pool_load_any(float *a, const void *x, bool is_bf16,
                                            const struct pool_map *map,
                                            const struct map_patch *p, int channel)
{
    for (int r = 0; r < p->rows; r++)
        for (int q = 0; q < p->cols; q++)
            a[r * p->cols + q] = pool_load(
                x, p->first + (size_t)r * p->row + (size_t)q * map->c + channel, is_bf16);
}

#endif
