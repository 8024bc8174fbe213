// What a classifier said of each image of a set, in memory and as a JSON file:
//
//   {"type": "classification", "classes": ["cat", ...],
//    "images": [{"id": 1, "file": "cat/1.jpg", "label": 0, "loss": 0.3, "top": [0, 4, ...],
//                "scores": [0.7, ...]}, ...]}
//
// "top" are up to five channels by descending score (ties: the lower channel), "scores" their
// probabilities, "loss" is the cross-entropy, -1 when the label is not known.
#ifndef TARN_EVAL_CLASS_RESULTS_H
#define TARN_EVAL_CLASS_RESULTS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CLASS_TOP = 5 };

struct class_result {
    int64_t id;
    const char *file; // of the arena
    int label;        // channel; -1: not known
    int n_top, top[CLASS_TOP];
    double scores[CLASS_TOP], loss;
};

struct class_results {
    struct class_result *items;
    size_t n, capacity;
    const char **classes; // (n_classes) names, of the arena
    size_t n_classes;
    struct arena texts;
};

void class_results_init(struct class_results *results);
void class_results_free(struct class_results *results);

enum status class_results_set_classes(struct class_results *results, size_t n,
                                      const char *const *names) MUST_USE;

// The best five, their probabilities and the loss of one image, from its logits (n_classes).
enum status class_results_add(struct class_results *results, int64_t id, const char *file,
                              int label, const float *logits) MUST_USE;

enum status class_results_save(const struct class_results *results, const char *path) MUST_USE;

// ERR_DATA names file and place: channels that no class has, lists of other lengths, an id twice.
// Images come by ascending id.
enum status class_results_load(const char *path, struct class_results *results) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
