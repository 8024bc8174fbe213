// How often a classifier is right.
#ifndef TARN_EVAL_ACCURACY_H
#define TARN_EVAL_ACCURACY_H

#include <stdint.h>
#include <stdio.h>

#include "eval/class_results.h"

#ifdef __cplusplus
extern "C" {
#endif

struct accuracy {
    size_t n, n_classes;      // images with a label
    double top1, top5, loss;  // shares of n, and the mean cross-entropy; 0 without images
    double per_class_mean;    // mean of top-1 over the classes that have images
    int64_t *confusion;       // (n_classes, n_classes): images of class row taken for column
    int64_t *n_of;            // (n_classes) images
    int64_t *n_top5_of;       // (n_classes) of them those whose class is among the best five
    const char *const *names; // (n_classes) of the results
};

enum status accuracy_measure(const struct class_results *results,
                             struct accuracy *accuracy) MUST_USE;
void accuracy_free(struct accuracy *accuracy);

void accuracy_print(const struct accuracy *accuracy, FILE *stream);
// A line a class: images, top-1, top-5 and what it is taken for most.
void accuracy_print_classes(const struct accuracy *accuracy, FILE *stream);

// {"images": n, "top1": ..., "top5": ..., "loss": ..., "per_class_mean": ..., "classes":
// [{"name", "images", "top1", "top5"}], "confusion": [[...], ...]}; undefined numbers are null.
enum status accuracy_save_json(const struct accuracy *accuracy, const char *path) MUST_USE;

// Each class's top-1 as a bar (PNG), of those that have images.
enum status accuracy_draw_classes(const struct accuracy *accuracy, const char *path) MUST_USE;

// The confusion matrix as a picture (PNG): rows are the images' classes, columns what they were
// taken for, in shares of the row.
enum status accuracy_draw(const struct accuracy *accuracy, const char *path) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
