// Max pooling: y = max a_i; the gradient goes to the first maximum in row-major order. A NaN in the
// window is the result, as in PyTorch (the last one takes the gradient).
#ifndef TARN_BACKBONE_POOL_MAX_H
#define TARN_BACKBONE_POOL_MAX_H

#include "backbone/pool/view.h"

// Elements come in row-major order; the running maximum begins as the first of them.
POOL_INLINE lane_mask max_replaces(lanes a, lanes maximum)
{
    return lane_either(lane_greater(a, maximum), lane_not(lane_equal(a, a)));
}

// *place: the number of the maximum among the elements.
POOL_INLINE lanes max_find(const lanes *a, int n, lanes *place)
{
    lanes maximum = a[0];
    *place = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 1; i < n; i++) {
        lane_mask replaces = max_replaces(a[i], maximum);
        maximum = lane_select(replaces, a[i], maximum);
        *place = lane_select(replaces, lane_all((float)i), *place);
    }
    return maximum;
}

POOL_WINDOW_INLINE lanes max_y(const struct pool_view *v)
{
    lanes maximum = v->a[0], place = lane_all((float)pool_place(v, 0));
    POOL_UNROLL
    for (int i = 1; i < v->n; i++) {
        lane_mask replaces = max_replaces(v->a[i], maximum);
        maximum = lane_select(replaces, v->a[i], maximum);
        place = lane_select(replaces, lane_all((float)pool_place(v, i)), place);
    }
    if (v->bytes) pool_save(v, place);
    return maximum;
}

#endif
