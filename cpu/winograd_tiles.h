// How winograd.c and winograd_weights.c cut an image into tiles and lay the transformed ones out.
#ifndef TARN_CPU_WINOGRAD_TILES_H
#define TARN_CPU_WINOGRAD_TILES_H

#include "cpu/gemm_hot.h"
#include "cpu/onednn.h"
#include "cpu/winograd_hot.h"

#ifdef __cplusplus
extern "C" {
#endif

// Planes of frequencies lie a power of two apart for most channel counts; without a gap all 36
// would fall into the same sets of the first-level cache.
enum { WINOGRAD_PLANE_GAP = 16 };

struct winograd_grid {
    int64_t tiles_h, tiles_w, n_tiles; // n_tiles: of all images
};

struct winograd_place {
    int64_t image, y, x; // a tile's upper left output
};

struct winograd_grid winograd_grid_of(const struct conv_problem *problem);
struct winograd_place winograd_place_of(const struct winograd_grid *grid, int64_t tile);

// Up to whole panels of the matrix product.
size_t winograd_round(int64_t n_columns);

// Panels of 32 columns, each with all rows.
struct winograd_layout winograd_panels(int64_t n_rows, int64_t n_columns);

// The tile's 6x6 inputs; zeros: as many as there are input channels.
void winograd_transform_input(const struct conv_problem *problem, const struct winograd_grid *grid,
                              int64_t tile, const float *x, const float *zeros, float *v,
                              struct winograd_layout layout);

#ifdef __cplusplus
}
#endif
#endif
