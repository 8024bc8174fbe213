// Tests of pooling layers. Each file tests/ops/pool_<name>.c of a pool with window kernels defines
// `const struct pool_test pool_test_<name>`; from it and a list of geometries come the cases of the
// operation `pool` (see case.h), in f32 and bf16.
#ifndef TARN_TESTS_OPS_POOL_CASE_H
#define TARN_TESTS_OPS_POOL_CASE_H

#include "nn/ops.h"

// The elements of one window and channel, in row-major order, padding left out.
struct pool_window {
    const double *a;
    int n;
    int n_with_padding; // cells of the window inside the padded map
    const int *place;   // of each element in the kernel, row-major

    // The channel's learned numbers: param[i][k] of parameter i.
    const double *param[POOL_MAX_PARAMS];
    int n_params;

    // The rest of the map, for pools that look at it: (row, column) of the channel stands at
    // map[(row * w + column) * n_channels]; the window begins at (top, left), maybe outside.
    const double *map;
    int h, w, n_channels, top, left;
    int n_oh, n_ow, oh, ow;
    struct window window;
    uint64_t output; // running number of the result
    bool training;   // with seed 7 at step 3, as op_run.c sets them
};

enum { POOL_MAX_VARIANTS = 10 };

struct pool_test {
    double (*reference)(const struct pool_window *window, const void *args);
    // Settings to test beside the defaults, "beta=0.5 grad=exact"; their gradients must be exact.
    // A first word "training" runs them as in training.
    const char *variants[POOL_MAX_VARIANTS];
    bool is_linear;      // y is linear in x
    bool needs_kernel;   // kernel 0 (the whole map) has no fixed size
    bool draws_elements; // in training each element has its own random number
    float low, high;     // of x; both 0: -3 to 3
    struct {
        float low, high; // of the learned numbers; both 0: 0.2 to 0.9
    } params[POOL_MAX_PARAMS];
    double tolerance; // 0: that of all operations
};

#define POOL(name) extern const struct pool_test pool_test_##name;
#include "backbone/pool/pools.def"

// Fills a pool's own parameters: its defaults, then "name=value name=value".
void pool_settings(const struct pool_def *def, const char *settings, void *args);

// One layer on the CPU. y, and where dy is given dx and dparams, are allocated here.
struct pool_layer {
    const char *name, *settings;
    struct window window; // kernel 0: the whole map
    int64_t shape[4];     // of x
    const float *x, *dy;
    bool training;
    int64_t seed; // of the tape
    uint32_t step;
    int n_threads;                         // 0: as many as there are
    const float *params[POOL_MAX_PARAMS];  // NULL: the layer's own initial values
    float *y, *dx, *dparams[POOL_MAX_PARAMS];
    int64_t y_shape[4];
};
void pool_layer_run(struct pool_layer *layer);
void pool_layer_free(struct pool_layer *layer);

// What the check of a pool with these settings says of a window: its status; fail_message() has
// the text.
enum status pool_layer_check(const char *name, const char *settings, struct window window);

// y of one 2x2 window, and where they are given its gradient, within 1e-6.
void pool_expect_window(const char *name, const char *settings, const float x[4], double y,
                        const double *dx);

// Properties that hold for pools that are means of the window: a constant map gives its constant,
// y lies between the window's least and largest element, a 1x1 window is the identity, NaN in a
// window gives NaN there and nowhere else. Of elements that are not negative where `is_positive`.
void pool_expect_mean(const char *name, const char *settings);
void pool_expect_positive_mean(const char *name, const char *settings);

// Two settings (of one pool or of two) give the same y, and the same dx, up to a tolerance;
// dx_tolerance 0: the gradients may differ.
void pool_expect_same(const char *name, const char *settings, const char *other,
                      const char *other_settings, double tolerance, double dx_tolerance);

// For x up to the largest floats and 0, y and gradients are finite.
void pool_expect_finite(const char *name, const char *settings);

// A map that is written past the caches gives the same bits as its images one by one.
void pool_expect_streams(const char *name, const char *settings);

// The kernels for all instruction sets of this machine agree, and any number of threads gives the
// same bits, gradients of learned values included.
void pool_expect_levels_agree(const char *name, const char *settings);

#endif
