#include "cpu/gemm_hot.h"

#include <string.h>

// A tile of ROWS x COLUMNS registers of sums; two more hold a row of b. AVX-512 has 32 registers,
// the others 16. PANEL_ROWS: the same where a panel of 32 rows is cut into tiles.
#if defined(__AVX512F__)
enum { LANES = 16, ROWS = 14, PANEL_ROWS = 11 };
#elif defined(__AVX__)
enum { LANES = 8, ROWS = 6, PANEL_ROWS = 6 };
#else
enum { LANES = 4, ROWS = 6, PANEL_ROWS = 6 };
#endif
enum { COLUMNS = 2, WIDTH = COLUMNS * LANES, LINE = 16 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

#define INLINE static inline __attribute__((always_inline))

INLINE lanes load(const float *from)
{
    lanes value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(float *to, lanes value)
{
    memcpy(to, &value, sizeof value);
}

// Memory to ask for while a tile is computed: a cache line each step, LINE lines `step` floats
// apart, then the next LINE `jump` floats further on.
struct ahead {
    const float *at;
    size_t step, jump;
};

// One row of b times one column of a. `rows`, and one of the steps through a, are constants
// wherever this is inlined, so that the sums stay in registers.
INLINE void add_product(lanes sum[ROWS][COLUMNS], size_t rows, size_t a_row, const float *a,
                        const float *b)
{
    lanes b0 = load(b), b1 = load(b + LANES);
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) {
        float value = a[i * a_row];
        sum[i][0] += value * b0;
        sum[i][1] += value * b1;
    }
}

INLINE void tile(const struct gemm *g, size_t rows, size_t a_row, size_t a_depth, const float *a,
                 const float *b, float *c, struct ahead ahead)
{
    lanes sum[ROWS][COLUMNS];
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (lanes){0};
    size_t k = 0;
    for (; k + LINE <= g->depth; k += LINE, ahead.at += ahead.jump) {
        const float *at = ahead.at;
        for (size_t j = k; j < k + LINE; j++, at += ahead.step) {
            __builtin_prefetch(at, 0, 2);
            add_product(sum, rows, a_row, a + j * a_depth, b + j * GEMM_PANEL);
        }
    }
    for (; k < g->depth; k++)
        add_product(sum, rows, a_row, a + k * a_depth, b + k * GEMM_PANEL);
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) {
        float *to = c + i * g->c_row;
        if (g->add) {
            sum[i][0] += load(to);
            sum[i][1] += load(to + LANES);
        }
        store(to, sum[i][0]);
        store(to + LANES, sum[i][1]);
    }
}

// `n` <= ROWS is not a constant here.
INLINE void some_rows(const struct gemm *g, size_t n, size_t a_row, size_t a_depth, const float *a,
                      const float *b, float *c, struct ahead ahead)
{
    switch (n) {
    case 0: break;
    case 1: tile(g, 1, a_row, a_depth, a, b, c, ahead); break;
    case 2: tile(g, 2, a_row, a_depth, a, b, c, ahead); break;
    case 3: tile(g, 3, a_row, a_depth, a, b, c, ahead); break;
    case 4: tile(g, 4, a_row, a_depth, a, b, c, ahead); break;
    case 5: tile(g, 5, a_row, a_depth, a, b, c, ahead); break;
#if defined(__AVX512F__)
    case 6: tile(g, 6, a_row, a_depth, a, b, c, ahead); break;
    case 7: tile(g, 7, a_row, a_depth, a, b, c, ahead); break;
    case 8: tile(g, 8, a_row, a_depth, a, b, c, ahead); break;
    case 9: tile(g, 9, a_row, a_depth, a, b, c, ahead); break;
    case 10: tile(g, 10, a_row, a_depth, a, b, c, ahead); break;
    case 11: tile(g, 11, a_row, a_depth, a, b, c, ahead); break;
    case 12: tile(g, 12, a_row, a_depth, a, b, c, ahead); break;
    case 13: tile(g, 13, a_row, a_depth, a, b, c, ahead); break;
#endif
    default: tile(g, ROWS, a_row, a_depth, a, b, c, ahead); break;
    }
}

// What the tile of rows number i of a panel asks for: the rows that follow, while a is still to be
// read for the first time or the caller's next block is about to begin; else the next panel, of
// which the first tiles fetch a line of each row.
INLINE struct ahead look_ahead(const struct gemm *g, const float *b, size_t i, size_t rows,
                               bool is_first, bool is_last)
{
    bool at_end = i + rows >= g->n_rows;
    if (g->a_row && (at_end ? is_last : is_first))
        return (struct ahead){g->a + (i + rows) * g->a_row, g->a_row, LINE};
    size_t line = i / ROWS * LINE;
    return (struct ahead){b + (line < WIDTH ? g->b_panel + line : 0), GEMM_PANEL,
                          LINE * GEMM_PANEL};
}

INLINE void plain_rows(const struct gemm *g, const float *b, float *c, bool is_first, bool is_last)
{
    size_t i = 0;
    for (; i + ROWS <= g->n_rows; i += ROWS)
        tile(g, ROWS, g->a_row, 1, g->a + i * g->a_row, b, c + i * g->c_row,
             look_ahead(g, b, i, ROWS, is_first, is_last));
    some_rows(g, g->n_rows - i, g->a_row, 1, g->a + i * g->a_row, b, c + i * g->c_row,
              look_ahead(g, b, i, ROWS, is_first, is_last));
}

INLINE void panel_rows(const struct gemm *g, const float *b, float *c)
{
    for (size_t i = 0; i < g->n_rows;) {
        size_t in_panel = i % GEMM_PANEL, n = GEMM_PANEL - in_panel;
        if (n > g->n_rows - i) n = g->n_rows - i;
        if (n > PANEL_ROWS) n = PANEL_ROWS;
        const float *a = g->a + i / GEMM_PANEL * g->a_panel + in_panel;
        struct ahead ahead = look_ahead(g, b, i, n, false, false);
        if (n == PANEL_ROWS) tile(g, PANEL_ROWS, 1, GEMM_PANEL, a, b, c + i * g->c_row, ahead);
        else some_rows(g, n, 1, GEMM_PANEL, a, b, c + i * g->c_row, ahead);
        i += n;
    }
}

void ISA_NAME(gemm_run)(const struct gemm *g)
{
    for (size_t panel = 0; panel < g->n_panels; panel++)
        for (size_t column = 0; column < GEMM_PANEL; column += WIDTH) {
            const float *b = g->b + panel * g->b_panel + column;
            float *c = g->c + panel * GEMM_PANEL + column;
            bool is_first = panel == 0 && column == 0;
            bool is_last = panel + 1 == g->n_panels && column + WIDTH == GEMM_PANEL;
            if (g->a_panel) panel_rows(g, b, c);
            else plain_rows(g, b, c, is_first, is_last);
        }
}
