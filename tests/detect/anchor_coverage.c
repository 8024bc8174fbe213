// The best anchor of an object against a search through all of them.
#include "detect/anchor_coverage.h"

#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "detect/anchors.h"

static double iou(const double a[4], const float b[4])
{
    double w = fmin(a[2], (double)b[2]) - fmax(a[0], (double)b[0]);
    double h = fmin(a[3], (double)b[3]) - fmax(a[1], (double)b[1]);
    double common = w > 0 && h > 0 ? w * h : 0;
    return common /
           ((a[2] - a[0]) * (a[3] - a[1]) + (double)(b[2] - b[0]) * (double)(b[3] - b[1]) - common);
}

static double search(struct anchor_set *set, const double box[4], int width, int height)
{
    int padded_w = (width + 31) / 32 * 32, padded_h = (height + 31) / 32 * 32;
    double best = 0;
    for (int level = 0; level < COVERAGE_LEVELS; level++) {
        int grid_w = padded_w, grid_h = padded_h;
        for (int i = 0; i < set->log2_strides[level]; i++) {
            grid_w = (grid_w + 1) / 2;
            grid_h = (grid_h + 1) / 2;
        }
        size_t n = (size_t)(grid_w * grid_h * set->n_base);
        float *all = (float *)mem_alloc(4 * n, sizeof *all);
        cr_assert_not_null(all);
        anchors_grid(set->base[level], set->n_base, padded_h, padded_w, grid_h, grid_w, all);
        for (size_t i = 0; i < n; i++) best = fmax(best, iou(box, all + 4 * i));
        mem_free(all);
    }
    return best;
}

Test(anchor_coverage, equals_a_search_through_all)
{
    static const int sizes[RPN_LEVELS] = {8, 16, 32, 64, 128};
    struct anchor_set sets[2];
    struct rng rng;
    anchor_set_retinanet(&sets[0]);
    anchor_set_rpn(sizes, &sets[1]);
    cr_expect_eq(sets[0].n_base, 9);
    cr_expect_eq(sets[1].n_base, 3);
    rng_start(&rng, 1, RNG_TEST, 0);
    for (int i = 0; i < 60; i++) {
        int width = 40 + (int)rng_below(&rng, 300), height = 40 + (int)rng_below(&rng, 300);
        double x = rng_double(&rng) * (width - 2), y = rng_double(&rng) * (height - 2);
        double box[4] = {x, y, x + 1 + rng_double(&rng) * (width - x - 1),
                         y + 1 + rng_double(&rng) * (height - y - 1)};
        for (int k = 0; k < 2; k++)
            cr_expect_float_eq(anchor_set_best(&sets[k], box, width, height),
                               search(&sets[k], box, width, height), 1e-9);
    }
}
