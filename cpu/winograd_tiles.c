#include "cpu/winograd_tiles.h"

enum { TILE = WINOGRAD_TILE, PATCH = WINOGRAD_PATCH };

struct winograd_grid winograd_grid_of(const struct conv_problem *p)
{
    struct winograd_grid g;
    g.tiles_h = (p->oh + TILE - 1) / TILE;
    g.tiles_w = (p->ow + TILE - 1) / TILE;
    g.n_tiles = p->n * g.tiles_h * g.tiles_w;
    return g;
}

struct winograd_place winograd_place_of(const struct winograd_grid *g, int64_t tile)
{
    struct winograd_place place;
    place.image = tile / (g->tiles_h * g->tiles_w);
    place.y = tile / g->tiles_w % g->tiles_h * TILE;
    place.x = tile % g->tiles_w * TILE;
    return place;
}

void winograd_transform_input(const struct conv_problem *p, const struct winograd_grid *g,
                              int64_t tile, const float *x, const float *zeros, float *v,
                              struct winograd_layout layout)
{
    struct winograd_place at = winograd_place_of(g, tile);
    const float *from[WINOGRAD_FREQUENCIES];
    for (int64_t i = 0; i < PATCH; i++)
        for (int64_t j = 0; j < PATCH; j++) {
            int64_t y = at.y - p->padding + i, xx = at.x - p->padding + j;
            bool inside = y >= 0 && y < p->h && xx >= 0 && xx < p->w;
            from[i * PATCH + j] =
                inside ? x + ((at.image * p->h + y) * p->w + xx) * p->c : zeros;
        }
    ISA_PICK(winograd_input)(from, (size_t)p->c, v, layout);
}

size_t winograd_round(int64_t n)
{
    return (size_t)(n + GEMM_PANEL - 1) / GEMM_PANEL * GEMM_PANEL;
}

struct winograd_layout winograd_panels(int64_t n_rows, int64_t n_columns)
{
    struct winograd_layout layout;
    layout.plane = (size_t)n_rows * winograd_round(n_columns) + WINOGRAD_PLANE_GAP;
    layout.panel = (size_t)n_rows * GEMM_PANEL;
    return layout;
}
