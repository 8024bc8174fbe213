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
    if (max_has_places(&map)) {
        pool_gather_backward<true>(backward, &map, (const uint8_t *)call->out[1]->data);
    } else {
        TRY(max_find_places(call, &map, &found));
        VEC_DTYPE(call->in[0]->grad_dtype, G,
                  { pool_gather_any<G, int, 1, true>(backward, &map, found); });
    }
    return cuda_check(call, "pool max");
}

POOL_CUDA(max, max_forward, max_backward)
