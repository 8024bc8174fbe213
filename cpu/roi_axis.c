#include "cpu/roi_axis.h"

#include <assert.h>

size_t roi_axis_capacity(int size, int extent)
{
    // Bins follow each other: together they reach over the map once and share its pixels at their
    // ends. One more for each that rounding might add.
    return (size_t)extent + 4u * (size_t)size + 4u;
}

static void add_weight(struct roi_bin *bin, float *weights, int pixel, float weight)
{
    if (bin->n == 0) bin->first = pixel;
    while (bin->first + bin->n <= pixel) weights[bin->n++] = 0.0f;
    weights[pixel - bin->first] += weight;
}

int roi_axis_fill(const struct roi_grid *grid, int size, struct roi_bin *bins, float *weights)
{
    int32_t used = 0;
    for (int b = 0; b < size; b++) {
        struct roi_bin bin = {.first = 0, .n = 0, .start = used};
        for (int i = 0; i < grid->n_samples; i++) {
            int low;
            float share; // of the next pixel
            if (!roi_grid_sample(grid, b, i, &low, &share)) continue;
            add_weight(&bin, weights + used, low, 1.0f - share);
            if (share > 0.0f) add_weight(&bin, weights + used, low + 1, share);
        }
        used += bin.n;
        bins[b] = bin;
    }
    assert((size_t)used <= roi_axis_capacity(size, grid->extent));
    return grid->n_samples;
}
