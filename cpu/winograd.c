#include "cpu/winograd.h"

#include <omp.h>
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/winograd_tiles.h"

enum {
    TILE = WINOGRAD_TILE,
    FREQUENCIES = WINOGRAD_FREQUENCIES,
    MIN_TILES = 24,        // below, reading 36 instead of 9 values a weight costs what is saved
    MIN_CHANNELS = 16,     // below, the transforms cost more than the products
    BLOCK_BYTES = 3 << 20, // transformed inputs and outputs of a block of tiles
    MIN_BLOCK_TILES = 28,  // multiples of the 14 rows that the product takes at a time
    MAX_BLOCK_TILES = 98,
};

bool winograd_is_possible(const struct conv_problem *p)
{
    return p->kh == 3 && p->kw == 3 && p->stride == 1 && p->padding <= 2;
}

bool winograd_pays(const struct conv_problem *p)
{
    return winograd_is_possible(p) && p->c >= MIN_CHANNELS && p->o >= MIN_CHANNELS &&
           winograd_grid_of(p).n_tiles >= MIN_TILES;
}

size_t winograd_weights_bytes(int64_t n_rows, int64_t n_columns)
{
    return winograd_panels(n_rows, n_columns).plane * FREQUENCIES * sizeof(float);
}

void winograd_transform_weights(const float *w, const float *scale, bool rotated, int64_t n_rows,
                                int64_t n_columns, float *u)
{
    struct winograd_layout layout = winograd_panels(n_rows, n_columns);
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

static void transform_output(const struct conv_problem *p, const struct winograd_grid *g,
                             int64_t tile, const float *m, size_t plane,
                             const struct conv_memory *memory)
{
    struct winograd_place at = winograd_place_of(g, tile);
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

// A block's two sets of planes should stay near a core's second-level cache, yet be tall enough for
// the weights that stream past; every thread should get a block.
static int64_t block_tiles(const struct conv_problem *p, int n_threads)
{
    int64_t tiles = BLOCK_BYTES / (int64_t)sizeof(float) / FREQUENCIES / (p->c + p->o);
    int64_t share = (winograd_grid_of(p).n_tiles + n_threads - 1) / n_threads;
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
    b.v.plane = tiles * (size_t)p->c + WINOGRAD_PLANE_GAP;
    b.m_row = winograd_round(p->o);
    b.m_plane = tiles * b.m_row + WINOGRAD_PLANE_GAP;
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
    struct winograd_grid g = winograd_grid_of(p);
    float *v = (float *)scratch_cut(&scratch, b->v_bytes);
    float *m = (float *)scratch_cut(&scratch, b->m_bytes);
    for (int64_t i = 0; i < n; i++)
        winograd_transform_input(p, &g, first + i, memory->x, zeros, v + i * p->c, b->v);
    struct winograd_layout u = winograd_panels(p->c, p->o);
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
    int64_t n_tiles = winograd_grid_of(p).n_tiles, tiles = block_tiles(p, n_threads);
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
