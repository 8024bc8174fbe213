#include <string.h>

#include "cpu/kernels.h"
#include "cpu/winograd.h"
#include "cpu/winograd_tiles.h"

enum {
    TILE = WINOGRAD_TILE,
    FREQUENCIES = WINOGRAD_FREQUENCIES,
    BLOCK_TILES = 256, // tiles whose planes are in memory at a time
};

static void transform_gradient(const struct conv_problem *p, const struct winograd_grid *g,
                               int64_t tile, const float *dy, const float *zeros, float *z,
                               struct winograd_layout layout)
{
    struct winograd_place at = winograd_place_of(g, tile);
    const float *from[TILE * TILE];
    for (int64_t i = 0; i < TILE; i++)
        for (int64_t j = 0; j < TILE; j++) {
            bool inside = at.y + i < p->oh && at.x + j < p->ow;
            from[i * TILE + j] =
                inside ? dy + ((at.image * p->oh + at.y + i) * p->ow + at.x + j) * p->o : zeros;
        }
    ISA_PICK(winograd_gradient)(from, (size_t)p->o, z, layout);
}

// Once a block's planes are in memory, the threads share the frequencies, so that none needs sums
// of its own.
struct weight_memory {
    int64_t tiles;
    struct winograd_layout v, z; // panels of input and of output channels
    size_t u_row, u_plane;
    size_t v_bytes, z_bytes, u_bytes, zero_bytes;
};

static struct weight_memory weight_memory(const struct conv_problem *p)
{
    struct weight_memory b;
    int64_t all = winograd_grid_of(p).n_tiles, wider = p->c > p->o ? p->c : p->o;
    b.tiles = all < BLOCK_TILES ? all : BLOCK_TILES;
    b.v = winograd_panels(b.tiles, p->c);
    b.z = winograd_panels(b.tiles, p->o);
    b.u_row = winograd_round(p->c);
    b.u_plane = (size_t)p->o * b.u_row + WINOGRAD_PLANE_GAP;
    b.v_bytes = scratch_round(b.v.plane * FREQUENCIES * sizeof(float));
    b.z_bytes = scratch_round(b.z.plane * FREQUENCIES * sizeof(float));
    b.u_bytes = scratch_round(b.u_plane * FREQUENCIES * sizeof(float));
    b.zero_bytes = scratch_round((size_t)wider * sizeof(float));
    return b;
}

size_t winograd_weights_scratch(const struct conv_problem *p)
{
    struct weight_memory b = weight_memory(p);
    return b.v_bytes + b.z_bytes + b.u_bytes + b.zero_bytes;
}

void winograd_backward_weights(const struct conv_problem *p, const float *x, const float *dy,
                               const float *scale, float beta, float *dw, void *memory)
{
    struct weight_memory b = weight_memory(p);
    struct winograd_grid g = winograd_grid_of(p);
    char *scratch = (char *)memory;
    float *v = (float *)scratch_cut(&scratch, b.v_bytes);
    float *z = (float *)scratch_cut(&scratch, b.z_bytes);
    float *u = (float *)scratch_cut(&scratch, b.u_bytes);
    float *zeros = (float *)scratch_cut(&scratch, b.zero_bytes);
    memset(zeros, 0, b.zero_bytes);
#pragma omp parallel
    {
        for (int64_t first = 0; first < g.n_tiles; first += b.tiles) {
            int64_t n = g.n_tiles - first < b.tiles ? g.n_tiles - first : b.tiles;
#pragma omp for schedule(static)
            for (int64_t i = 0; i < n; i++) {
                winograd_transform_input(p, &g, first + i, x, zeros, v + i * GEMM_PANEL, b.v);
                transform_gradient(p, &g, first + i, dy, zeros, z + i * GEMM_PANEL, b.z);
            }
#pragma omp for schedule(static)
            for (size_t f = 0; f < FREQUENCIES; f++) {
                struct gemm gemm = {.n_rows = (size_t)p->o,
                                    .n_panels = b.u_row / GEMM_PANEL,
                                    .depth = (size_t)n,
                                    .a = z + f * b.z.plane,
                                    .a_panel = b.z.panel,
                                    .b = v + f * b.v.plane,
                                    .b_panel = b.v.panel,
                                    .c = u + f * b.u_plane,
                                    .c_row = b.u_row,
                                    .add = first > 0};
                ISA_PICK(gemm_run)(&gemm);
            }
        }
#pragma omp for schedule(static)
        for (int64_t o = 0; o < p->o; o++)
            ISA_PICK(winograd_kernel_gradient)
            (u + (size_t)o * b.u_row, b.u_plane, scale ? scale[o] : 1.0f, beta, (size_t)p->c,
             dw + o * 9 * p->c);
    }
}
