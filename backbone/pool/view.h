// One window of a pooling layer, as the functions of a pool see it (backbone/pool/NAME.h):
//
//     POOL_WINDOW_INLINE lanes NAME_y(const struct pool_view *v);
//     POOL_WINDOW_INLINE void NAME_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv);
//
// NAME_y is the window's result; NAME_dx writes the gradient of every element, da, where g is that
// of the result, and adds to dv, those of the pool's learned values. The loops of the CPU
// (cpu/pool_window.h) and the kernels of the GPU (cuda/pool/) run the same functions.
// Valid as C17 and CUDA C++.
#ifndef TARN_BACKBONE_POOL_VIEW_H
#define TARN_BACKBONE_POOL_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "backbone/pool/math.h"
#include "base/both.h"
#include "cpu/pool_values.h"
#include "nn/window.h"

#ifdef __CUDACC__

#define POOL_WINDOW_INLINE static __device__ __forceinline__

enum { POOL_GPU_ARGS = 8, POOL_GPU_CONSTANTS = 4 };

// What all windows of a call share; an argument of kernels.
struct pool_map {
    int n, h, w, c, oh, ow;
    struct window window;
    int form;                           // pool_def.form
    double args[POOL_GPU_ARGS];         // a copy of the pool's own parameters
    const float *values;                // value k of channel c: values[k * c + channel]; NULL:
    float constant[POOL_GPU_CONSTANTS]; // of all channels
};

// One window and channel.
struct pool_view {
    const lanes *a; // its elements inside the map, row-major
    int n, cols;    // elements; those of a row
    int top, left;  // where the first one stands in the kernel
    int kernel_w;   // of the kernel
    int oh, ow, channel;
    size_t out; // number of the result in y
    const struct pool_map *map;
    uint8_t *bytes; // forward: the byte that is saved, see pool_save
    lanes *work;    // memory for 2 n lanes
};

POOL_WINDOW_INLINE lanes pool_value(const struct pool_view *v, int k)
{
    const struct pool_map *map = v->map;
    if (map->values) return __ldg(map->values + (size_t)k * (size_t)map->c + (size_t)v->channel);
    return k == 0   ? map->constant[0]
           : k == 1 ? map->constant[1]
           : k == 2 ? map->constant[2]
                    : map->constant[3];
}

POOL_WINDOW_INLINE void pool_save(const struct pool_view *v, lanes number)
{
    *v->bytes = (uint8_t)(int)number; // cut where it means nothing: in windows above 256
}

POOL_WINDOW_INLINE int pool_place(const struct pool_view *v, int i)
{
    return (v->top + i / v->cols) * v->kernel_w + v->left + i % v->cols;
}

// `name`, the k-th (0 or 1) of two arrays of n lanes, in windows of at most `most` elements.
#define POOL_WORK(v, k, name, most) lanes *name = (v)->work + (k) * (v)->n

#else

#include "cpu/pool_window.h"

#define POOL_WINDOW_INLINE POOL_LOOP_INLINE
#define POOL_WORK(v, k, name, most) lanes name[most]

#endif

// The pool's own parameters.
#define POOL_ARGS(v, type) ((const struct type *)(const void *)(v)->map->args)

#endif
