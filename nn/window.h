// The geometry of sliding windows, shared by convolutions and pools on every backend.
// Padding is excluded from pooling windows: it is never selected, weighted or counted.
// Valid as C17 and CUDA C++.
#ifndef TARN_NN_WINDOW_H
#define TARN_NN_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/both.h"

struct window {
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int pad_begin_h, pad_begin_w; // top, left
    int pad_end_h, pad_end_w;     // bottom, right
    bool ceil_mode;
    uint8_t zero[3]; // see nn/ops.h
};

BOTH_INLINE struct window window_square(int kernel, int stride, int padding)
{
    struct window w = {kernel,  kernel,  stride,  stride, padding,
                       padding, padding, padding, false,  {0, 0, 0}};
    return w;
}

// Output length of one axis; <= 0 when the window does not fit. PyTorch's rule: in ceil mode the
// last window is dropped if it starts in the padding after the input.
BOTH_INLINE int window_output(int in, int kernel, int stride, int pad_begin, int pad_end,
                              bool ceil_mode)
{
    int span = in + pad_begin + pad_end - kernel;
    if (span < 0) return 0;
    int out = (span + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (out - 1) * stride >= in + pad_begin) out--;
    return out;
}

// The part [*begin, *end) of window `out` that lies inside the input of length `in`.
BOTH_INLINE void window_range(int out, int in, int kernel, int stride, int pad_begin, int *begin,
                              int *end)
{
    int first = out * stride - pad_begin, last = first + kernel;
    *begin = first < 0 ? 0 : first;
    *end = last > in ? in : last;
}

// The windows [*begin, *end) of n_out that contain input position `in`.
BOTH_INLINE void window_cover(int in, int n_out, int kernel, int stride, int pad_begin, int *begin,
                              int *end)
{
    int low = in + pad_begin - kernel + 1; // first window starts here or later
    *begin = low <= 0 ? 0 : (low + stride - 1) / stride;
    int high = (in + pad_begin) / stride + 1;
    *end = high > n_out ? n_out : high;
}

#endif
