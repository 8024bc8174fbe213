#include "detect/anchor_coverage.h"

#include <math.h>

#include "detect/anchors.h"

static const float ratios[3] = {0.5f, 1.0f, 2.0f};

void anchor_set_retinanet(struct anchor_set *set)
{
    for (int level = 0; level < COVERAGE_LEVELS; level++) {
        int size = 32 << level;
        int sizes[3] = {size, (int)(size * pow(2.0, 1.0 / 3)), (int)(size * pow(2.0, 2.0 / 3))};
        set->n_base = anchors_base(sizes, 3, ratios, 3, set->base[level]);
        set->log2_strides[level] = 3 + level;
    }
}

void anchor_set_rpn(const int sizes[RPN_LEVELS], struct anchor_set *set)
{
    for (int level = 0; level < COVERAGE_LEVELS; level++) {
        set->n_base = anchors_base(&sizes[level], 1, ratios, 3, set->base[level]);
        set->log2_strides[level] = 2 + level;
    }
}

// Overlap along one axis of [low, high] with the anchor [base_low, base_high] at the nearest cell:
// the overlap falls with the distance of the centres, so that no other cell has more.
static double best_overlap(double low, double high, double base_low, double base_high, int stride,
                           int grid)
{
    double wanted = ((low + high) - (base_low + base_high)) / 2 / stride;
    double cell = fmin(fmax(round(wanted), 0), grid - 1);
    double shift = cell * stride;
    return fmax(0, fmin(high, base_high + shift) - fmax(low, base_low + shift));
}

static int grid_of(int padded, int log2_stride)
{
    int grid = padded;
    for (int i = 0; i < log2_stride; i++) grid = (grid + 1) / 2;
    return grid;
}

double anchor_set_best(const struct anchor_set *set, const double box[4], int width, int height)
{
    int padded_w = (width + 31) / 32 * 32, padded_h = (height + 31) / 32 * 32;
    double area = (box[2] - box[0]) * (box[3] - box[1]), best = 0;
    for (int level = 0; level < COVERAGE_LEVELS; level++) {
        int grid_w = grid_of(padded_w, set->log2_strides[level]);
        int grid_h = grid_of(padded_h, set->log2_strides[level]);
        for (int i = 0; i < set->n_base; i++) {
            const float *a = set->base[level][i];
            double w = (double)(a[2] - a[0]), h = (double)(a[3] - a[1]);
            double common =
                best_overlap(box[0], box[2], (double)a[0], (double)a[2], padded_w / grid_w,
                             grid_w) *
                best_overlap(box[1], box[3], (double)a[1], (double)a[3], padded_h / grid_h, grid_h);
            best = fmax(best, common / (area + w * h - common));
        }
    }
    return best;
}
