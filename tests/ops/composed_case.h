// Tests of pooling layers that are compositions of operations. A pool's file gives a table of cases
// and a reference in double precision; from them follow, for each case, what the operations'
// harness checks too: values, gradients of the map and of every parameter, repetition bit for bit in
// memory that was used before, batches, inference, and maps of bf16.
#ifndef TARN_TESTS_OPS_COMPOSED_CASE_H
#define TARN_TESTS_OPS_COMPOSED_CASE_H

#include "tests/ops/case.h"

struct composed_case {
    const char *name;
    const char *settings; // "filter=5 pre_max=false"; NULL: defaults
    struct window window; // kernel 0: the whole map
    int64_t shape[4];     // of x
    bool training;
};

struct composed_test {
    const char *pool;
    const struct composed_case *cases;
    size_t n_cases;
    // The result for x and the parameters in the order of their declaration; ref_shape gives y its
    // memory.
    void (*reference)(const struct pool *pool, const struct ref *x, const struct ref *params,
                      struct ref *y);
    double tolerance; // |got - wanted| <= tolerance * (|wanted| + root mean square); 0: 1e-5
    bool is_random;   // draws (seed 7, step 3): inference differs
};

void composed_check(const struct composed_test *test);

// One layer in inference on the CPU with parameters as a network initialises them. y (mem_free) and
// its shape.
void composed_run(const char *pool, const char *settings, struct window window,
                  const int64_t shape[4], const float *x, float **y, int64_t y_shape[4]);

// The status and message of a layer that is refused at the site.
void composed_expect_refusal(const char *pool, const char *settings, enum pool_site site,
                             struct window window, const char *message);

#endif
