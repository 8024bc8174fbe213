// The backward pass of pools whose maths is a function of one window: chooses a kernel. None of
// them has atomics.
#ifndef TARN_CUDA_POOL_BACKWARD_H
#define TARN_CUDA_POOL_BACKWARD_H

#include "cuda/pool/any_dx.h"
#include "cuda/pool/overlap_dx.h"
#include "cuda/pool/window_y.h"

enum pool_path { POOL_APART_2, POOL_OVERLAP_2, POOL_OVERLAP_3, POOL_ANY };

// has_overlap_2: kernels for 2x2 windows that overlap were asked for.
static inline enum pool_path pool_path_of(const struct pool_map *map, int n_lanes,
                                          bool has_overlap_2)
{
    const struct window *w = &map->window;
    bool is_apart = w->stride_h == w->kernel_h && w->stride_w == w->kernel_w;
    if (map->c % n_lanes != 0) return POOL_ANY;
    if (pool_is_side(map, 3)) return POOL_OVERLAP_3;
    if (!pool_is_side(map, 2)) return POOL_ANY;
    return is_apart ? POOL_APART_2 : has_overlap_2 ? POOL_OVERLAP_2 : POOL_ANY;
}

// What a pool's backward kernels are compiled for.
#define POOL_DX_TEMPLATE int BYTES, int SLOTS_2, int SLOTS_3, bool HAS_OVERLAP_2, pool_dx DX

struct pool_dx_plan {
    enum pool_path path;
    struct map_grid grid; // rows of partial sums: grid.x; POOL_ANY: `rows`
    unsigned rows;
    int slots;
    size_t memory; // floats a thread of POOL_ANY
    bool gathers;
};

static inline struct pool_dx_plan pool_dx_plan_of(const struct pool_map *map, enum pool_path path,
                                                  int n_lanes, int slots)
{
    const struct window *w = &map->window;
    struct pool_dx_plan plan;
    plan.path = path;
    plan.slots = slots;
    plan.memory = 0;
    plan.gathers = (w->stride_h < w->kernel_h && map->oh > 1) ||
                   (w->stride_w < w->kernel_w && map->ow > 1);
    if (path == POOL_APART_2) {
        plan.grid = map_grid_of(map->c / n_lanes, map_windows(map),
                                 slots > 0 ? (unsigned)POOL_MAX_ROWS : INT32_MAX);
    } else if (path != POOL_ANY) {
        unsigned h = (unsigned)(map->h + POOL_TILE - 1) / POOL_TILE;
        unsigned w_tiles = (unsigned)(map->w + POOL_TILE - 1) / POOL_TILE;
        unsigned tiles = (unsigned)map->n * h * w_tiles;
        plan.grid.grid = dim3(tiles < POOL_MAX_ROWS ? tiles : (unsigned)POOL_MAX_ROWS,
                              (unsigned)(map->c + POOL_TILE_CHANNELS - 1) / POOL_TILE_CHANNELS);
        plan.grid.block = dim3(POOL_BLOCK);
    } else {
        plan.memory = 4 * (size_t)w->kernel_h * w->kernel_w + slots;
        unsigned n = plan.gathers ? map_pixels(map) : map_windows(map);
        size_t threads = (size_t)pool_any_blocks(n * (size_t)map->c, plan.memory) * POOL_BLOCK;
        size_t rows = threads / map->c < POOL_MAX_ROWS ? threads / map->c : (size_t)POOL_MAX_ROWS;
        plan.rows = rows < 1 ? 1 : rows < n ? (unsigned)rows : n;
        plan.grid.grid = dim3((plan.rows * (unsigned)map->c + POOL_BLOCK - 1) / POOL_BLOCK);
        plan.grid.block = dim3(POOL_BLOCK);
        return plan;
    }
    plan.rows = plan.grid.grid.x;
    return plan;
}

template <typename T, POOL_DX_TEMPLATE>
static enum status pool_launch_dx(const struct op_backward_call *backward,
                                  const struct pool_map *map, const struct pool_dx_plan *plan,
                                  float *partial, float *memory)
{
    enum { N = BYTES / sizeof(T) };
    const struct op_call *call = backward->forward;
    const T *x = (const T *)call->in[0]->data;
    struct pool_gradients grads = pool_gradients_of(backward);
    dim3 grid = plan->grid.grid, block = plan->grid.block;
    // Longer vectors would not fit the registers of windows of 3x3.
    enum { N_3 = BYTES / sizeof(float), SIDE_2 = HAS_OVERLAP_2 ? 2 : 3 };
    enum { HELD_2 = HAS_OVERLAP_2 ? SLOTS_2 : SLOTS_3 };
    if (plan->path == POOL_APART_2)
        CUDA_LAUNCH((pool_apart_kernel<T, 2, N, SLOTS_2, DX>), grid, block, 0, cuda_stream(call),
                    *map, grads, x, partial);
    else if (plan->path == POOL_OVERLAP_3)
        CUDA_LAUNCH((pool_overlap_kernel<T, 3, N_3, SLOTS_3, DX>), grid, block, 0,
                    cuda_stream(call), *map, grads, x, partial);
    else if (plan->path == POOL_OVERLAP_2) // where it was asked for
        CUDA_LAUNCH((pool_overlap_kernel<T, SIDE_2, N_3, HELD_2, DX>), grid, block, 0,
                    cuda_stream(call), *map, grads, x, partial);
    else {
        if (!plan->gathers) TRY(pool_any_zero(backward));
        CUDA_LAUNCH(pool_any_kernel<DX>, grid, block, 0, cuda_stream(call), *map, grads, x,
                    sizeof(T) == 2, plan->gathers, plan->rows, plan->slots, partial, memory);
    }
    return cuda_check(call, "pool backward");
}

template <POOL_DX_TEMPLATE, pool_value_of VALUE, pool_gradient_of GRADIENT>
static enum status pool_window_backward(const struct op_backward_call *backward,
                                        const struct pool_map *base, pool_form form)
{
    const struct op_call *call = backward->forward;
    struct pool_map map = *base;
    struct pool_learned values;
    bool wants_params = pool_wants_params(backward);
    char *scratch;
    if ((!backward->want[0] && !wants_params) || !call->out[0]->grad) return OK;
    if (map_windows(&map) == 0 || map.c == 0) return cuda_zero_wanted(backward);
    int n_lanes = BYTES / (int)dtype_bytes(call->in[0]->dtype);
    enum pool_path path = pool_path_of(&map, n_lanes, HAS_OVERLAP_2);
    pool_learned_measure(call, form, 0, 0, &values);
    int slots = path == POOL_ANY         ? values.form.n
                : path == POOL_OVERLAP_3 ? SLOTS_3
                                         : SLOTS_2;
    struct pool_dx_plan plan = pool_dx_plan_of(&map, path, n_lanes, slots);
    pool_learned_measure(call, form, slots, plan.rows, &values);
    size_t memory = (size_t)plan.rows * map.c * plan.memory * sizeof(float);
    TRY(call->backend->scratch(call->backend, values.bytes + memory, (void **)&scratch));
    TRY(pool_learned_fill<VALUE>(call, &values, &map, &scratch));
    float *partial = wants_params ? values.partial : NULL;
    if (call->in[0]->dtype == DTYPE_BF16)
        TRY((pool_launch_dx<bf16, BYTES, SLOTS_2, SLOTS_3, HAS_OVERLAP_2, DX>(
            backward, &map, &plan, partial, (float *)scratch)));
    else
        TRY((pool_launch_dx<float, BYTES, SLOTS_2, SLOTS_3, HAS_OVERLAP_2, DX>(
            backward, &map, &plan, partial, (float *)scratch)));
    return wants_params ? pool_learned_finish<GRADIENT>(backward, &map, &values) : OK;
}

#endif
