// Average pooling: y = sum a_i / n over the elements inside the map.
#ifndef TARN_BACKBONE_POOL_AVG_H
#define TARN_BACKBONE_POOL_AVG_H

#include <stdbool.h>

#include "backbone/pool/math.h"

struct avg_args {
    bool count_include_pad; // n counts the padding that a window covers, as PyTorch's default
};

// Elements of one axis that a window counts: those of [begin, end), and with padding those of the
// kernel that do not lie behind the padding's end.
POOL_INLINE int avg_count(int out, int in, int kernel, int stride, int pad_begin, int pad_end,
                          bool count_include_pad)
{
    int first = out * stride - pad_begin, last = first + kernel;
    if (count_include_pad) {
        if (last > in + pad_end) last = in + pad_end;
    } else {
        if (first < 0) first = 0;
        if (last > in) last = in;
    }
    return last - first;
}

#endif
