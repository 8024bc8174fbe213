// S3Pool (Zhai et al., CVPR 2017): max pooling at stride 1, M[t][u] = max over the kxk window that
// begins at (t, u) (clipped at the map's end), then a choice of rows and columns of M:
//     y[i][j] = sum_t r_i(t) sum_u c_j(u) M[t][u].
// Strips of `grid` rows (or `strips` of them, each a multiple of the stride) give grid / stride
// rows each, the last one what is missing:
//     training (and eval=sample): distinct rows of each strip drawn without replacement, in order;
//         one draw for all images and channels of a batch; r_i is 1 at the drawn row;
//     eval=expected: r_i(t) is the probability that row t is the i-th drawn;
//     eval=avg: the authors' average of the k rows of M from i * stride - k / 2 on, those inside.
// Columns likewise. y is as large as the common shape rule says; padding does nothing else.
#ifndef TARN_BACKBONE_POOL_S3_H
#define TARN_BACKBONE_POOL_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/pool_random.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { S3_AVG, S3_EXPECTED, S3_SAMPLE }; // eval

struct s3_args {
    int64_t grid;
    int64_t strips; // 0; else so many strips on each axis, whatever grid says
    int eval;
    int64_t samples, seed;
    bool pre_max;
};

enum { S3_MAX_GRID = 256, S3_MAX_SAMPLES = 64 };

// The rows (or columns) of M that one output row takes: n of them from `first` on, and their
// weights.
struct s3_taps {
    int first, n;
    const float *weight;
};

// Of both axes, for each of n_samples draws that are averaged.
struct s3_plan {
    int n_samples, kernel_h, kernel_w; // of the maximum
    struct s3_taps *rows, *cols;       // (n_samples, oh), (n_samples, ow)
};

size_t s3_plan_bytes(const struct op_call *call);
// memory: s3_plan_bytes. ERR_USAGE: y is larger than the map.
enum status s3_plan_make(const struct op_call *call, void *memory, struct s3_plan *plan) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
