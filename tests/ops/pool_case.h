// Tests of pooling layers. Each pool's file tests/ops/pool_<name>.c defines
// `const struct pool_test pool_test_<name>`; from it and a list of geometries come the cases of the
// operation `pool` (see case.h).
#ifndef TARN_TESTS_OPS_POOL_CASE_H
#define TARN_TESTS_OPS_POOL_CASE_H

#include "nn/ops.h"

// The elements of one window and channel, in row-major order, padding left out.
struct pool_window {
    const double *a;
    int n;
    int n_with_padding; // cells of the window inside the padded map
};

enum { POOL_MAX_VARIANTS = 4 };

struct pool_test {
    double (*reference)(const struct pool_window *window, const void *args);
    // Settings to test beside the defaults, "beta=0.5 grad=exact"; their gradients must be exact.
    const char *variants[POOL_MAX_VARIANTS];
    bool is_linear; // y is linear in x
};

#define POOL(name) extern const struct pool_test pool_test_##name;
#include "backbone/pool/pools.def"

// Fills a pool's own parameters: its defaults, then "name=value name=value".
void pool_settings(const struct pool_def *def, const char *settings, void *args);

// One layer on the CPU. x (n,h,w,c); y and, when dy is given, dx are allocated here (mem_free).
struct pool_layer {
    const char *name, *settings;
    struct window window; // kernel 0: the whole map
    int64_t shape[4];     // of x
    const float *x, *dy;
    float *y, *dx;
    int64_t y_shape[4];
};
void pool_layer_run(struct pool_layer *layer);
void pool_layer_free(struct pool_layer *layer);

// Properties that hold for pools that are means of the window: a constant map gives its constant,
// y lies between the window's least and largest element, a 1x1 window is the identity, NaN in a
// window gives NaN there and nowhere else.
void pool_expect_mean(const char *name, const char *settings);

// A map that is written past the caches gives the same bits as its images one by one.
void pool_expect_streams(const char *name, const char *settings);

// The kernels for all instruction sets of this machine agree.
void pool_expect_levels_agree(const char *name, const char *settings);

#endif
