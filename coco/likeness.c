#include <math.h>

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
    for (size_t j = 0; j < row; j++) {
        double m[N_MOMENTS] = {0};
        for (int i = 0; i < SSIM_WINDOW; i++) {
            double x = (double)a->rgb[(size_t)(top + i) * row + j];
            double y = (double)b->rgb[(size_t)(top + i) * row + j];
            m[0] += weight[i] * x;
            m[1] += weight[i] * y;
            m[2] += weight[i] * x * x;
            m[3] += weight[i] * y * y;
            m[4] += weight[i] * x * y;
        }
        for (int k = 0; k < N_MOMENTS; k++) moments[(size_t)k * row + j] = m[k];
    }
}

static double index_of(const double m[N_MOMENTS])
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    double var_a = m[2] - m[0] * m[0], var_b = m[3] - m[1] * m[1], cov = m[4] - m[0] * m[1];
    return (2.0 * m[0] * m[1] + c1) * (2.0 * cov + c2) /
           ((m[0] * m[0] + m[1] * m[1] + c1) * (var_a + var_b + c2));
}

enum status float_image_ssim(const struct float_image *a, const struct float_image *b, double *ssim)
{
    if (a->width < SSIM_WINDOW || a->height < SSIM_WINDOW)
        return fail(ERR_USAGE, "SSIM needs at least %dx%d pixels, not %dx%d", SSIM_WINDOW,
                    SSIM_WINDOW, a->width, a->height);
    double weight[SSIM_WINDOW], sum = 0.0;
    size_t row = (size_t)a->width * C;
    double *moments = (double *)mem_alloc(N_MOMENTS * row, sizeof *moments);
    if (!moments) return ERR_MEMORY;
    gaussian(weight);
    int n_rows = a->height - SSIM_WINDOW + 1, n_cols = a->width - SSIM_WINDOW + 1;
    for (int top = 0; top < n_rows; top++) {
        filter_columns(a, b, top, weight, moments);
        for (size_t j = 0; j < (size_t)n_cols * C; j++) {
            double m[N_MOMENTS] = {0};
            for (int k = 0; k < N_MOMENTS; k++)
                for (size_t i = 0; i < SSIM_WINDOW; i++)
                    m[k] += weight[i] * moments[(size_t)k * row + j + i * C];
            sum += index_of(m);
        }
    }
    mem_free(moments);
    *ssim = sum / ((double)n_rows * n_cols * C);
    return OK;
}
