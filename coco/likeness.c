#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "coco/float_image.h"

enum { C = FLOAT_IMAGE_CHANNELS, RADIUS = SSIM_WINDOW / 2, N_MOMENTS = 5 };

double float_image_psnr(const struct float_image *a, const struct float_image *b)
{
    size_t n = (size_t)a->width * (size_t)a->height * C;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a->rgb[i] - (double)b->rgb[i];
        sum += d * d;
    }
    return sum > 0.0 ? -10.0 * log10(sum / (double)n) : (double)INFINITY;
}

static void gaussian(double weight[SSIM_WINDOW])
{
    double sum = 0.0;
    for (int i = 0; i < SSIM_WINDOW; i++) {
        double z = (i - RADIUS) / 1.5;
        weight[i] = exp(-0.5 * z * z);
        sum += weight[i];
    }
    for (int i = 0; i < SSIM_WINDOW; i++) weight[i] /= sum;
}

// The moments a, b, aa, bb, ab of one row of windows, filtered down the columns.
static void filter_columns(const struct float_image *a, const struct float_image *b, int top,
                           const double weight[SSIM_WINDOW], double *moments)
{
    size_t row = (size_t)a->width * C;
    double *restrict m = moments;
    memset(m, 0, N_MOMENTS * row * sizeof *m);
    for (int i = 0; i < SSIM_WINDOW; i++) {
        const float *restrict from_a = a->rgb + (size_t)(top + i) * row;
        const float *restrict from_b = b->rgb + (size_t)(top + i) * row;
        for (size_t j = 0; j < row; j++) {
            double x = (double)from_a[j], y = (double)from_b[j];
            double wx = weight[i] * x, wy = weight[i] * y;
            m[j] += wx;
            m[row + j] += wy;
            m[2 * row + j] += wx * x;
            m[3 * row + j] += wy * y;
            m[4 * row + j] += wx * y;
        }
    }
}

static void filter_rows(const double *restrict in, double *restrict out, size_t n,
                        const double weight[SSIM_WINDOW])
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < SSIM_WINDOW; i++)
        for (size_t j = 0; j < n; j++) out[j] += weight[i] * in[j + i * C];
}

// m: the five moments, `row` apart.
static double index_of(const double *m, size_t row)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    double a = m[0], b = m[row];
    double var_a = m[2 * row] - a * a, var_b = m[3 * row] - b * b, cov = m[4 * row] - a * b;
    return (2.0 * a * b + c1) * (2.0 * cov + c2) / ((a * a + b * b + c1) * (var_a + var_b + c2));
}

enum status float_image_ssim(const struct float_image *a, const struct float_image *b, double *ssim)
{
    if (a->width < SSIM_WINDOW || a->height < SSIM_WINDOW)
        return fail(ERR_USAGE, "SSIM needs at least %dx%d pixels, not %dx%d", SSIM_WINDOW,
                    SSIM_WINDOW, a->width, a->height);
    double weight[SSIM_WINDOW], sum = 0.0;
    size_t row = (size_t)a->width * C;
    double *columns = (double *)mem_alloc(2 * N_MOMENTS * row, sizeof *columns);
    if (!columns) return ERR_MEMORY;
    double *both = columns + N_MOMENTS * row;
    gaussian(weight);
    int n_rows = a->height - SSIM_WINDOW + 1, n_cols = a->width - SSIM_WINDOW + 1;
    for (int top = 0; top < n_rows; top++) {
        filter_columns(a, b, top, weight, columns);
        for (size_t k = 0; k < N_MOMENTS; k++)
            filter_rows(columns + k * row, both + k * row, (size_t)n_cols * C, weight);
        for (size_t j = 0; j < (size_t)n_cols * C; j++) sum += index_of(both + j, row);
    }
    mem_free(columns);
    *ssim = sum / ((double)n_rows * n_cols * C);
    return OK;
}
