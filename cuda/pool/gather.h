// Backward kernels of pools whose gradient does not look at x: every input element gathers from the
// windows that contain it and is written once.
#ifndef TARN_CUDA_POOL_GATHER_H
#define TARN_CUDA_POOL_GATHER_H

#include "cuda/pool/map.h"

// The usual windows give an element at most MOST x MOST of them: then all loads are under way
// before the first is used. Otherwise windows come one after another.
enum { POOL_GATHER_MOST = 2 };

static inline bool pool_gathers_few(const struct pool_map *map)
{
    const struct window *w = &map->window;
    return w->kernel_h <= POOL_GATHER_MOST * w->stride_h &&
           w->kernel_w <= POOL_GATHER_MOST * w->stride_w;
}

#endif
