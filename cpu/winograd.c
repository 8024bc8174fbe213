#include "cpu/winograd.h"

#include <omp.h>
#include <string.h>

#include "cpu/gemm_hot.h"
#include "cpu/kernels.h"
#include "cpu/winograd_hot.h"

enum {
    TILE = WINOGRAD_TILE,
    PATCH = WINOGRAD_PATCH,
    FREQUENCIES = WINOGRAD_FREQUENCIES,
    // Planes of frequencies lie a power of two apart for most channel counts; without a gap all 36
    // would fall into the same sets of the first-level cache.
    PLANE_GAP = 16,
    MIN_TILES = 24,    // below, reading 36 instead of 9 values a weight costs what is saved
    MIN_CHANNELS = 16, // below, the transforms cost more than the products
    BLOCK_BYTES = 3 << 20, // transformed inputs and outputs of a block of tiles
    MIN_BLOCK_TILES = 28,  // multiples of the 14 rows that the product takes at a time
    MAX_BLOCK_TILES = 98,
    WEIGHT_BLOCK_TILES = 256,
};

struct grid {
    int64_t tiles_h, tiles_w, n_tiles; // n_tiles: of all images
};

static struct grid grid_of(const struct conv_problem *p)
{
    struct grid g;
    g.tiles_h = (p->oh + TILE - 1) / TILE;
    g.tiles_w = (p->ow + TILE - 1) / TILE;
    g.n_tiles = p->n * g.tiles_h * g.tiles_w;
    return g;
}

bool winograd_is_possible(const struct conv_problem *p)
{
    return p->kh == 3 && p->kw == 3 && p->stride == 1 && p->padding <= 2;
}

bool winograd_pays(const struct conv_problem *p)
{
    return winograd_is_possible(p) && p->c >= MIN_CHANNELS && p->o >= MIN_CHANNELS &&
           grid_of(p).n_tiles >= MIN_TILES;
}

static size_t round_to_panels(int64_t n)
{
    return (size_t)(n + GEMM_PANEL - 1) / GEMM_PANEL * GEMM_PANEL;
}

// Panels of 32 columns, each with all rows.
static struct winograd_layout panel_layout(int64_t n_rows, int64_t n_columns)
{
    struct winograd_layout layout = {(size_t)n_rows * round_to_panels(n_columns) + PLANE_GAP,
                                     (size_t)n_rows * GEMM_PANEL};
    return layout;
}

size_t winograd_weights_bytes(int64_t n_rows, int64_t n_columns)
{
    return panel_layout(n_rows, n_columns).plane * FREQUENCIES * sizeof(float);
}

void winograd_transform_weights(const float *w, const float *scale, bool rotated, int64_t n_rows,
                                int64_t n_columns, float *u)
{
    struct winograd_layout layout = panel_layout(n_rows, n_columns);
    // Panel by panel: 36 places are then written to, each one line after another.
#pragma omp parallel for schedule(static)
    for (int64_t column = 0; column < n_columns; column += GEMM_PANEL) {
        int64_t n = n_columns - column < GEMM_PANEL ? n_columns - column : GEMM_PANEL;
        for (int64_t row = 0; row < n_rows; row++)
            ISA_PICK(winograd_kernel)
            (w + row * 9 * n_columns + column, (size_t)n_columns, scale ? scale[row] : 1.0f,
             rotated, (size_t)n, u + (column * n_rows + row * GEMM_PANEL), layout);
    }
}

// A tile's upper left output.
struct place {
    int64_t image, y, x;
};

static struct place place_of(const struct grid *g, int64_t tile)
{
    struct place place = {tile / (g->tiles_h * g->tiles_w), tile / g->tiles_w % g->tiles_h * TILE,
                          tile % g->tiles_w * TILE};
    return place;
}

static void transform_input(const struct conv_problem *p, const struct grid *g, int64_t tile,
                            const float *x, const float *zeros, float *v,
                            struct winograd_layout layout)
{
    struct place at = place_of(g, tile);
    const float *from[FREQUENCIES];
    for (int64_t i = 0; i < PATCH; i++)
        for (int64_t j = 0; j < PATCH; j++) {
            int64_t y = at.y - p->padding + i, xx = at.x - p->padding + j;
            bool inside = y >= 0 && y < p->h && xx >= 0 && xx < p->w;
            from[i * PATCH + j] =
                inside ? x + ((at.image * p->h + y) * p->w + xx) * p->c : zeros;
        }
    ISA_PICK(winograd_input)(from, (size_t)p->c, v, layout);
}

static void transform_gradient(const struct conv_problem *p, const struct grid *g, int64_t tile,
                               const float *dy, const float *zeros, float *z,
                               struct winograd_layout layout)
{
    struct place at = place_of(g, tile);
    const float *from[TILE * TILE];
    for (int64_t i = 0; i < TILE; i++)
        for (int64_t j = 0; j < TILE; j++) {
            bool inside = at.y + i < p->oh && at.x + j < p->ow;
            from[i * TILE + j] =
                inside ? dy + ((at.image * p->oh + at.y + i) * p->ow + at.x + j) * p->o : zeros;
        }
    ISA_PICK(winograd_gradient)(from, (size_t)p->o, z, layout);
}

static void transform_output(const struct conv_problem *p, const struct grid *g, int64_t tile,
                             const float *m, size_t plane, const struct conv_memory *memory)
{
    struct place at = place_of(g, tile);
    struct winograd_output output = {
        .bias = memory->bias, .has_residual = memory->residual != NULL, .relu = p->relu != 0};
    for (int64_t i = 0; i < TILE; i++)
        for (int64_t j = 0; j < TILE; j++) {
            if (at.y + i >= p->oh || at.x + j >= p->ow) continue;
            int64_t offset = ((at.image * p->oh + at.y + i) * p->ow + at.x + j) * p->o;
            output.y[i * TILE + j] = memory->result + offset;
            if (memory->residual) output.residual[i * TILE + j] = memory->residual + offset;
        }
    ISA_PICK(winograd_output)(m, plane, (size_t)p->o, &output);
}

// ---- forward, and backward with respect to the input ---------------------------------------------

// A block's two sets of planes should stay near a core's second-level cache, yet be tall enough for
// the weights that stream past; every thread should get a block.
static int64_t block_tiles(const struct conv_problem *p, int n_threads)
{
    int64_t tiles = BLOCK_BYTES / (int64_t)sizeof(float) / FREQUENCIES / (p->c + p->o);
    int64_t share = (grid_of(p).n_tiles + n_threads - 1) / n_threads;
    if (tiles > MAX_BLOCK_TILES) tiles = MAX_BLOCK_TILES;
    if (tiles < MIN_BLOCK_TILES) tiles = MIN_BLOCK_TILES;
    return tiles < share ? tiles : share;
}

struct block_memory {
    struct winograd_layout v;
    size_t m_row, m_plane;               // floats
    size_t v_bytes, m_bytes, zero_bytes; // v and m of one thread; zeros are shared
};

static struct block_memory block_memory(const struct conv_problem *p, int n_threads)
{
    struct block_memory b;
    size_t tiles = (size_t)block_tiles(p, n_threads);
    b.v.panel = GEMM_PANEL;
    b.v.plane = tiles * (size_t)p->c + PLANE_GAP;
    b.m_row = round_to_panels(p->o);
    b.m_plane = tiles * b.m_row + PLANE_GAP;
    b.v_bytes = scratch_round(b.v.plane * FREQUENCIES * sizeof(float));
    b.m_bytes = scratch_round(b.m_plane * FREQUENCIES * sizeof(float));
    b.zero_bytes = scratch_round((size_t)p->c * sizeof(float));
    return b;
}

size_t winograd_scratch(const struct conv_problem *p, int n_threads)
{
    struct block_memory b = block_memory(p, n_threads);
    return b.zero_bytes + (size_t)n_threads * (b.v_bytes + b.m_bytes);
}

static void run_block(const struct conv_problem *p, const struct conv_memory *memory,
                      const struct block_memory *b, int64_t first, int64_t n, const float *zeros,
                      char *scratch)
{
    struct grid g = grid_of(p);
    float *v = (float *)scratch_cut(&scratch, b->v_bytes);
    float *m = (float *)scratch_cut(&scratch, b->m_bytes);
    for (int64_t i = 0; i < n; i++)
        transform_input(p, &g, first + i, memory->x, zeros, v + i * p->c, b->v);
    struct winograd_layout u = panel_layout(p->c, p->o);
    for (size_t f = 0; f < FREQUENCIES; f++) {
        struct gemm gemm = {.n_rows = (size_t)n,
                            .n_panels = b->m_row / GEMM_PANEL,
                            .depth = (size_t)p->c,
                            .a = v + f * b->v.plane,
                            .a_row = (size_t)p->c,
                            .b = (const float *)memory->w + f * u.plane,
                            .b_panel = u.panel,
                            .c = m + f * b->m_plane,
                            .c_row = b->m_row};
        ISA_PICK(gemm_run)(&gemm);
    }
    for (int64_t i = 0; i < n; i++)
        transform_output(p, &g, first + i, m + (size_t)i * b->m_row, b->m_plane, memory);
}

void winograd_run(const struct conv_problem *p, const struct conv_memory *memory, int n_threads)
{
    struct block_memory b = block_memory(p, n_threads);
    int64_t n_tiles = grid_of(p).n_tiles, tiles = block_tiles(p, n_threads);
    char *scratch = (char *)memory->scratch;
    float *zeros = (float *)scratch_cut(&scratch, b.zero_bytes);
    memset(zeros, 0, b.zero_bytes);
#pragma omp parallel for schedule(dynamic) num_threads(n_threads)
    for (int64_t first = 0; first < n_tiles; first += tiles) {
        size_t part = (size_t)omp_get_thread_num() * (b.v_bytes + b.m_bytes);
        int64_t left = n_tiles - first;
        run_block(p, memory, &b, first, left < tiles ? left : tiles, zeros, scratch + part);
    }
}

// ---- backward with respect to the weights --------------------------------------------------------

// Tiles whose planes are in memory at a time: the frequencies are then shared among the threads,
// so that no thread needs sums of its own.
struct weight_memory {
    int64_t tiles;
    struct winograd_layout v, z; // panels of input and of output channels
    size_t u_row, u_plane;
    size_t v_bytes, z_bytes, u_bytes, zero_bytes;
};

static struct weight_memory weight_memory(const struct conv_problem *p)
{
    struct weight_memory b;
    int64_t all = grid_of(p).n_tiles, wider = p->c > p->o ? p->c : p->o;
    b.tiles = all < WEIGHT_BLOCK_TILES ? all : WEIGHT_BLOCK_TILES;
    b.v = panel_layout(b.tiles, p->c);
    b.z = panel_layout(b.tiles, p->o);
    b.u_row = round_to_panels(p->c);
    b.u_plane = (size_t)p->o * b.u_row + PLANE_GAP;
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
    struct grid g = grid_of(p);
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
                transform_input(p, &g, first + i, x, zeros, v + i * GEMM_PANEL, b.v);
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
