#include "detect/anchors.h"

#include <math.h>

int anchors_base(const int *sizes, int n_sizes, const float *ratios, int n_ratios,
                 float base[ANCHORS_MAX_BASE][4])
{
    int n = 0;
    for (int r = 0; r < n_ratios; r++) {
        float h_ratio = sqrtf(ratios[r]), w_ratio = 1.0f / h_ratio;
        for (int s = 0; s < n_sizes; s++) {
            float w = w_ratio * (float)sizes[s], h = h_ratio * (float)sizes[s];
            // rintf rounds half to even in the default mode, as torch.round does.
            base[n][0] = rintf(-w / 2.0f);
            base[n][1] = rintf(-h / 2.0f);
            base[n][2] = rintf(w / 2.0f);
            base[n][3] = rintf(h / 2.0f);
            n++;
        }
    }
    return n;
}

int anchors_base_exact(const double *sizes, int n_sizes, const double *ratios, int n_ratios,
                       float base[ANCHORS_MAX_BASE][4])
{
    int n = 0;
    for (int r = 0; r < n_ratios; r++) {
        for (int s = 0; s < n_sizes; s++, n++) {
            double w = sqrt(sizes[s] * sizes[s] / ratios[r]), h = ratios[r] * w;
            base[n][0] = (float)(-w / 2);
            base[n][1] = (float)(-h / 2);
            base[n][2] = (float)(w / 2);
            base[n][3] = (float)(h / 2);
        }
    }
    return n;
}

static void fill(float (*base)[4], int n_base, int stride_y, int stride_x, int grid_h, int grid_w,
                 float *out)
{
    for (int y = 0; y < grid_h; y++) {
        for (int x = 0; x < grid_w; x++) {
            float shift_x = (float)(x * stride_x), shift_y = (float)(y * stride_y);
            for (int a = 0; a < n_base; a++) {
                *out++ = shift_x + base[a][0];
                *out++ = shift_y + base[a][1];
                *out++ = shift_x + base[a][2];
                *out++ = shift_y + base[a][3];
            }
        }
    }
}

void anchors_grid(float (*base)[4], int n_base, int padded_h, int padded_w, int grid_h, int grid_w,
                  float *out)
{
    fill(base, n_base, padded_h / grid_h, padded_w / grid_w, grid_h, grid_w, out);
}

void anchors_grid_strided(float (*base)[4], int n_base, int stride, int grid_h, int grid_w,
                          float *out)
{
    fill(base, n_base, stride, stride, grid_h, grid_w, out);
}
