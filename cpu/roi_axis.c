#include "cpu/roi_axis.h"

#include <assert.h>
#include <math.h>

// A RoI larger than any image; a box that is not finite must not make the loop endless.
enum { MAX_SAMPLES = 1 << 16 };

size_t roi_axis_capacity(int size, int extent)
{
    // Bins follow each other: together they reach over the map once and share its pixels at their
    // ends. One more for each that rounding might add.
    return (size_t)extent + 4u * (size_t)size + 4u;
}

static int samples_of(float bin, int sampling_ratio)
{
    if (sampling_ratio > 0) return sampling_ratio;
    float n = ceilf(bin);
    if (!(n > 0.0f)) return 0;
    return n < (float)MAX_SAMPLES ? (int)n : MAX_SAMPLES;
}

static void add_weight(struct roi_bin *bin, float *weights, int pixel, float weight)
{
    if (bin->n == 0) bin->first = pixel;
    while (bin->first + bin->n <= pixel) weights[bin->n++] = 0.0f;
    weights[pixel - bin->first] += weight;
}

// torchvision's roi_align, its order of operations in float.
int roi_axis_fill(float begin, float length, int size, int sampling_ratio, int extent,
                  struct roi_bin *bins, float *weights)
{
    float bin_length = length / (float)size;
    int n_samples = samples_of(bin_length, sampling_ratio);
    int32_t used = 0;
    for (int b = 0; b < size; b++) {
        struct roi_bin bin = {.first = 0, .n = 0, .start = used};
        for (int i = 0; i < n_samples; i++) {
            float at =
                begin + (float)b * bin_length + ((float)i + 0.5f) * bin_length / (float)n_samples;
            if (!(at >= -1.0f && at <= (float)extent)) continue;
            if (at <= 0.0f) at = 0.0f;
            int low = (int)at;
            float share = at - (float)low; // of the next pixel
            if (low >= extent - 1) {
                low = extent - 1;
                share = 0.0f;
            }
            add_weight(&bin, weights + used, low, 1.0f - share);
            if (share > 0.0f) add_weight(&bin, weights + used, low + 1, share);
        }
        used += bin.n;
        bins[b] = bin;
    }
    assert((size_t)used <= roi_axis_capacity(size, extent));
    return n_samples;
}
