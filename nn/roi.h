// Geometry of regions of interest that every backend computes alike. Valid as C17 and CUDA C++.
#ifndef TARN_NN_ROI_H
#define TARN_NN_ROI_H

#include <math.h>

#include "nn/box_coder.h"

// Exponent of the first level's stride: scale 1/4 is level 2.
BOX_INLINE int roi_first_level(float first_scale)
{
    return (int)lroundf(-log2f(first_scale));
}

// The pyramid level of a RoI counted from `first` (Lin et al. 2017, eq. 1, with torchvision's
// margin); a RoI without a proper area goes to the first.
BOX_INLINE int roi_level(const float roi[4], int first, int n_levels)
{
    float area = (roi[2] - roi[0]) * (roi[3] - roi[1]);
    float level = floorf(4.0f + log2f(sqrtf(area) / 224.0f) + 1e-6f);
    if (!(level > (float)first)) return 0;
    return level < (float)(first + n_levels) ? (int)level - first : n_levels - 1;
}

#endif
