#include "tests/ops/regression.h"

#include <math.h>

#include "nn/box_regression.h"

void decode_box(const float weights[4], const double *anchor, const double *delta, double *box)
{
    for (int axis = 0; axis < 2; axis++) {
        double side = anchor[axis + 2] - anchor[axis];
        double centre =
            (anchor[axis] + anchor[axis + 2]) / 2.0 + delta[axis] / (double)weights[axis] * side;
        double growth = fmin(delta[axis + 2] / (double)weights[axis + 2], log(1000.0 / 16.0));
        box[axis] = centre - exp(growth) * side / 2.0;
        box[axis + 2] = centre + exp(growth) * side / 2.0;
    }
}

static double area(const double *box)
{
    return (box[2] - box[0]) * (box[3] - box[1]);
}

static double generalized_iou(const double *a, const double *b)
{
    double hull[4], shared[4];
    for (int axis = 0; axis < 2; axis++) {
        hull[axis] = fmin(a[axis], b[axis]);
        hull[axis + 2] = fmax(a[axis + 2], b[axis + 2]);
        shared[axis] = fmax(a[axis], b[axis]);
        shared[axis + 2] = fmin(a[axis + 2], b[axis + 2]);
    }
    double common = shared[2] > shared[0] && shared[3] > shared[1] ? area(shared) : 0.0;
    double joined = area(a) + area(b) - common;
    return common / joined - (area(hull) - joined) / area(hull);
}

double regression_loss(int kind, float beta, const float weights[4], const double *anchor,
                       const double *box, const double *delta)
{
    double decoded[4], sum = 0.0;
    if (kind == BOX_LOSS_GIOU) {
        decode_box(weights, anchor, delta, decoded);
        return 1.0 - generalized_iou(decoded, box);
    }
    for (int k = 0; k < 4; k++) {
        int axis = k % 2;
        double anchor_side = anchor[axis + 2] - anchor[axis], side = box[axis + 2] - box[axis];
        double shift = (box[axis] + box[axis + 2] - anchor[axis] - anchor[axis + 2]) / 2.0;
        double target = k < 2 ? shift / anchor_side : log(side / anchor_side);
        double d = fabs(delta[k] - (double)weights[k] * target);
        sum += d < (double)beta ? 0.5 * d * d / (double)beta : d - 0.5 * (double)beta;
    }
    return sum;
}
