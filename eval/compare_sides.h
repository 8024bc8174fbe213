// Inside the comparison: both results made ready, and their numbers for given weights of images.
#ifndef TARN_EVAL_COMPARE_SIDES_H
#define TARN_EVAL_COMPARE_SIDES_H

#include "eval/compare.h"
#include "eval/resample.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SIDES = 2 };

// What is fixed before the first resample.
struct compare_sides {
    const struct eval_truth *truth;
    struct eval_params params;
    struct resample_objects objects;
    struct resample_curves curves[SIDES];
    size_t n_categories, n_numbers; // (1 + K) * COMPARE_STATS: all classes, then each
    int threshold_50, threshold_75; // places in params.thresholds
};
enum status compare_sides_build(const struct eval_truth *truth, const struct eval_detection *a,
                                size_t n_a, const struct eval_detection *b, size_t n_b,
                                const struct compare_options *options,
                                struct compare_sides *sides) MUST_USE;
void compare_sides_free(struct compare_sides *sides);

// One thread's.
struct compare_worker {
    int32_t *weights; // (images) set by the caller
    struct resample_scratch scratch[SIDES];
    int32_t *n_objects;     // (K)
    int32_t *needed;        // (K, R)
    double *precision;      // (K, T, R)
    double *gathered;       // (T, R, K) of the classes that have objects
    double *numbers[SIDES]; // (n_numbers) out; -1: undefined
};
enum status compare_worker_create(const struct compare_sides *sides,
                                  struct compare_worker *worker) MUST_USE; // from a zeroed one
void compare_worker_free(struct compare_worker *worker);

// The numbers of both sides, and n_objects, under worker->weights.
enum status compare_measure(const struct compare_sides *sides,
                            struct compare_worker *worker) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
