// Two results on the same images: how much the average precision differs, and how sure that is.
//
// Paired bootstrap over images: n images are drawn with replacement out of the n of the ground
// truth, the same for both results, and the difference B - A is taken on what was drawn. Matches
// are reused; precision is accumulated anew (eval/resample.h), so that a resample's numbers are
// those of a data set with these images. A class without objects in a resample has no value there,
// and the mean over classes is one of those that have.
//
// The interval is the percentile interval (2.5 % and 97.5 % quantiles, interpolated between order
// statistics; Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), moved so
// that the mean of the resampled differences comes to lie on the observed one: repeated images
// shift the average precision of rare classes, which says nothing about the difference. Why so, and
// how often it holds the truth: docs/compare.md.
#ifndef TARN_EVAL_COMPARE_H
#define TARN_EVAL_COMPARE_H

#include "eval/coco_eval.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { COMPARE_AP, COMPARE_AP50, COMPARE_AP75, COMPARE_STATS };

struct compare_options {
    enum eval_type type;
    int n_resamples; // >= 1
    uint64_t seed;
    int n_threads; // 0: OpenMP's default; the bits do not depend on it
};

struct compare_number {
    double a, b, difference; // b - a; a = b = -1, difference 0: undefined, there are no objects
    double low, high;        // of the interval of 95 %
    // (1 + resamples whose difference lies at least |b - a| from their mean) / (1 + resamples): how
    // often chance alone would make a difference of this size.
    double p;
    int n_resamples; // in which the number is defined
};

struct compare_class {
    int64_t category_id;
    char *name;
    int64_t n_objects; // that count
    struct compare_number numbers[COMPARE_STATS];
};

struct comparison {
    enum eval_type type;
    size_t n_images, n_a, n_b; // images of the ground truth; detections, of all pairs
    int n_resamples;
    uint64_t seed;
    struct compare_number numbers[COMPARE_STATS];
    struct compare_class *classes; // ascending category id
    size_t n_classes;
};
extern const char *const compare_stat_names[COMPARE_STATS]; // "AP", "AP50", "AP75"

// Detections in memory. Errors as those of eval_boxes and eval_masks.
enum status compare_detections(const struct eval_truth *truth, const struct eval_detection *a,
                               size_t n_a, const struct eval_detection *b, size_t n_b,
                               const struct compare_options *options,
                               struct comparison *comparison) MUST_USE;

// Several pairs, e.g. one for each training seed: every number is the mean over the pairs, in the
// whole and in each resample, whose images are the same for all of them. What is resampled is
// images, not pairs: how much seeds differ, the pairs themselves tell.
struct compare_pair {
    const struct eval_detection *a, *b;
    size_t n_a, n_b;
};
enum status compare_pairs(const struct eval_truth *truth, const struct compare_pair *pairs,
                          size_t n_pairs, const struct compare_options *options,
                          struct comparison *comparison) MUST_USE;

// One pair, from files.
enum status compare_files(const char *truth_path, const char *a_path, const char *b_path,
                          const struct compare_options *options,
                          struct comparison *comparison) MUST_USE;

void comparison_free(struct comparison *comparison);

// A table to stdout: the three numbers, then the classes that have objects.
void comparison_print(const struct comparison *comparison);
// {"type", "images", "resamples", "seed", "interval": 0.95, "stats": {"AP": {...}}, "per_class"}
enum status comparison_save_json(const struct comparison *comparison, const char *path) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
