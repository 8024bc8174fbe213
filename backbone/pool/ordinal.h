// Ordinal pooling (Kumar 2018; Deliege et al. 2019): a learned weight for each rank of the window,
//     y = sum_r w_r a_(r) / sum_r w_r,  a_(0) >= a_(1) >= ...,
// with dy/da of rank r = w_r / sum w and dy/dw_r = (a_(r) - y) / sum w. A window with fewer
// elements than the kernel (at the map's border) takes the weights of the first ranks; where those
// are all 0 it is the average. Equal elements are ranked in row-major order.
#ifndef TARN_BACKBONE_POOL_ORDINAL_H
#define TARN_BACKBONE_POOL_ORDINAL_H

#include "backbone/pool/math.h"

enum { ORDINAL_AVG, ORDINAL_MAX, ORDINAL_RANDOM }; // init
enum { ORDINAL_PROJECT, ORDINAL_SOFTMAX };         // constraint

struct ordinal_args {
    int init, constraint;
    int scope; // enum pool_scope
};

enum { ORDINAL_MAX_KERNEL = 16, ORDINAL_MAX_ELEMENTS = ORDINAL_MAX_KERNEL * ORDINAL_MAX_KERNEL };

// rank[i] of every element, as a float.
POOL_INLINE void ordinal_ranks(const lanes *a, int n, lanes *rank)
{
    const lanes zero = lane_all(0.0f), one = lane_all(1.0f);
    POOL_UNROLL
    for (int i = 0; i < n; i++) rank[i] = zero;
    POOL_UNROLL
    for (int i = 1; i < n; i++) {
        POOL_UNROLL
        for (int j = 0; j < i; j++) {
            lane_mask goes_before = lane_greater(a[i], a[j]);
            rank[i] += lane_select(goes_before, zero, one);
            rank[j] += lane_select(goes_before, one, zero);
        }
    }
}

#endif
