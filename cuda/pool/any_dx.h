// Backward kernel for windows and channels of any number.
#ifndef TARN_CUDA_POOL_ANY_DX_H
#define TARN_CUDA_POOL_ANY_DX_H

#include "cuda/pool/window_dx.h"

// One channel a thread. With `gathers` its work is input elements, each of which takes its share of
// all windows that contain it; otherwise windows that do not overlap, added to dx. Threads keep
// their channel; `n_rows` of them have the same. memory: 4 floats an element of a window and one a
// value, for each thread.
template <pool_dx DX>
static __global__ void pool_any_kernel(const struct pool_map map,
                                       const struct pool_gradients grads, const void *x,
                                       bool is_bf16, bool gathers, unsigned n_rows, int slots,
                                       float *partial, float *memory)
{
    size_t thread = CUDA_FIRST, area = (size_t)map.window.kernel_h * map.window.kernel_w;
    const struct window *win = &map.window;
    if (thread >= (size_t)n_rows * map.c) return;
    int channel = (int)(thread % (unsigned)map.c);
    float *a = memory + thread * (4 * area + slots), *da = a + area, *unused = da + 3 * area;
    float *own_dv = partial ? partial + thread * slots : unused;
    for (int k = 0; k < slots; k++) own_dv[k] = 0.0f;
    unsigned n = gathers ? map_pixels(&map) : map_windows(&map);
    for (unsigned i = (unsigned)(thread / (unsigned)map.c); i < n; i += n_rows) {
        struct map_pixel pixel;
        if (gathers) {
            pixel = map_pixel_of(&map, i);
        } else {
            struct map_patch p = map_patch_of(&map, i);
            pixel.image = i / (unsigned)map.ow / (unsigned)map.oh;
            pixel.oh = p.oh;
            pixel.ow = p.ow;
            pixel.n_oh = pixel.n_ow = 1;
        }
        float sum = 0.0f;
        for (int k = 0; k < pixel.n_oh * pixel.n_ow; k++) {
            struct map_patch p = map_patch_at(&map, pixel.image, pixel.oh + k / pixel.n_ow,
                                                pixel.ow + k % pixel.n_ow);
            struct pool_view v = pool_view_of(&map, &p, channel);
            int h = p.oh * win->stride_h - win->pad_begin_h + p.top;
            int w = p.ow * win->stride_w - win->pad_begin_w + p.left;
            bool counts = !gathers || (h == pixel.h && w == pixel.w);
            pool_load_any(a, x, is_bf16, &map, &p, channel);
            v.a = a;
            v.work = da + area;
            DX(&v, pool_load(grads.dy, v.out, grads.is_bf16), da, counts ? own_dv : unused);
            if (gathers) sum += da[(pixel.h - h) * p.cols + pixel.w - w];
            for (int e = 0; e < v.n && !gathers && grads.dx; e++)
                pool_add_dx<1>(&grads,
                               p.first + (size_t)(e / p.cols) * p.row +
                                   (size_t)(e % p.cols) * map.c + channel,
                               &da[e], true);
        }
        if (gathers && grads.dx)
            pool_add_dx<1>(&grads, (size_t)i * map.c + channel, &sum, grads.adds);
    }
}

// Zeroed where it is overwritten: then windows that do not overlap add.
static inline enum status pool_any_zero(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    if (!backward->want[0] || backward->beta[0] != 0.0f) return OK;
    return call->backend->zero(call->backend, call->in[0]->grad, cuda_grad_bytes(call->in[0]));
}

#endif
