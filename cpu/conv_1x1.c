#include "cpu/conv_1x1.h"

#include <string.h>

#include "cpu/gemm_hot.h"
#include "cpu/rows_hot.h"

// Rows of a block: multiples of the 14 that the product takes at a time. Enough for the weights
// that stream past, few enough for the block to stay in the second-level cache.
enum { ROWS_AT_ONCE = 14, MAX_BLOCK_ROWS = 112 };

bool conv_1x1_is_possible(const struct conv_problem *p)
{
    return p->kh == 1 && p->kw == 1 && p->padding == 0 && p->o % GEMM_PANEL == 0;
}

bool conv_1x1_backward_is_possible(const struct conv_problem *p)
{
    return p->kh == 1 && p->kw == 1 && p->padding == 0 && p->c % GEMM_PANEL == 0;
}

size_t conv_1x1_weights_bytes(int64_t n_rows, int64_t n_columns)
{
    return (size_t)(n_rows * n_columns) * sizeof(float);
}

void conv_1x1_pack(const float *w, const float *scale, bool transposed, int64_t n_rows,
                   int64_t n_columns, float *packed)
{
#pragma omp parallel for schedule(static)
    for (int64_t panel = 0; panel < n_columns / GEMM_PANEL; panel++) {
        float *to = packed + panel * n_rows * GEMM_PANEL;
        int64_t first = panel * GEMM_PANEL;
        if (!transposed)
            for (int64_t row = 0; row < n_rows; row++)
                for (int64_t j = 0; j < GEMM_PANEL; j++)
                    to[row * GEMM_PANEL + j] =
                        w[row * n_columns + first + j] * (scale ? scale[row] : 1.0f);
        else
            for (int64_t row = 0; row < n_rows; row++)
                for (int64_t j = 0; j < GEMM_PANEL; j++)
                    to[row * GEMM_PANEL + j] =
                        w[(first + j) * n_rows + row] * (scale ? scale[first + j] : 1.0f);
    }
}

// Consecutive outputs whose inputs lie evenly spaced: all pixels at stride 1, else a row of them.
static int64_t run_length(const struct conv_problem *p)
{
    return p->stride == 1 ? (int64_t)p->n * p->oh * p->ow : p->ow;
}

static int64_t input_pixel(const struct conv_problem *p, int64_t output)
{
    if (p->stride == 1) return output;
    int64_t x = output % p->ow, y = output / p->ow % p->oh, image = output / p->ow / p->oh;
    return (image * p->h + y * p->stride) * p->w + x * p->stride;
}

void conv_1x1_run(const struct conv_problem *p, const struct conv_memory *memory, int n_threads)
{
    int64_t length = run_length(p), n_runs = (int64_t)p->n * p->oh * p->ow / length;
    int64_t share = (length + n_threads - 1) / n_threads;
    int64_t block = share < MAX_BLOCK_ROWS ? share : MAX_BLOCK_ROWS;
    block = (block + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE * ROWS_AT_ONCE;
    int64_t blocks_a_run = (length + block - 1) / block;
    size_t n_out = (size_t)p->o;
    bool has_epilogue = memory->bias || memory->residual || p->relu;
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (int64_t i = 0; i < n_runs * blocks_a_run; i++) {
        int64_t begin = i % blocks_a_run * block, end = begin + block;
        if (end > length) end = length;
        size_t first = (size_t)(i / blocks_a_run * length + begin);
        struct gemm gemm = {.n_rows = (size_t)(end - begin),
                            .n_panels = n_out / GEMM_PANEL,
                            .depth = (size_t)p->c,
                            .a = memory->x + input_pixel(p, (int64_t)first) * p->c,
                            .a_row = (size_t)(p->stride * p->c),
                            .b = (const float *)memory->w,
                            .b_panel = (size_t)p->c * GEMM_PANEL,
                            .c = memory->result + first * n_out,
                            .c_row = n_out,
                            .add = p->accumulate != 0};
        ISA_PICK(gemm_run)(&gemm);
        for (size_t row = first; has_epilogue && row < first + gemm.n_rows; row++)
            ISA_PICK(rows_epilogue_block)
            (memory->result + row * n_out, memory->bias,
             memory->residual ? memory->residual + row * n_out : NULL, p->relu != 0, n_out);
    }
}

// The pixels of x that no output has seen have no gradient.
static void zero_unseen(const struct conv_problem *p, float *row, bool is_seen)
{
    size_t pixel = (size_t)p->c * sizeof(float);
    if (!is_seen) {
        memset(row, 0, (size_t)p->w * pixel);
        return;
    }
    for (int64_t x = 0; x < p->w; x++)
        if (x % p->stride != 0 || x / p->stride >= p->ow) memset(row + x * p->c, 0, pixel);
}

void conv_1x1_backward_data(const struct conv_problem *p, const float *dy, const float *w,
                            float beta, float *dx)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < (int64_t)p->n * p->h; i++) {
        int64_t image = i / p->h, y = i % p->h;
        bool is_seen = y % p->stride == 0 && y / p->stride < p->oh;
        float *row = dx + i * p->w * p->c;
        if (beta == 0.0f) zero_unseen(p, row, is_seen);
        if (!is_seen) continue;
        struct gemm gemm = {.n_rows = (size_t)p->ow,
                            .n_panels = (size_t)p->c / GEMM_PANEL,
                            .depth = (size_t)p->o,
                            .a = dy + (image * p->oh + y / p->stride) * p->ow * p->o,
                            .a_row = (size_t)p->o,
                            .b = w,
                            .b_panel = (size_t)p->o * GEMM_PANEL,
                            .c = row,
                            .c_row = (size_t)(p->stride * p->c),
                            .add = beta != 0.0f};
        ISA_PICK(gemm_run)(&gemm);
    }
}
