// What is evaluated: thresholds, area ranges, limits.
#ifndef TARN_EVAL_PARAMS_H
#define TARN_EVAL_PARAMS_H

#include <stdbool.h>

#include "eval/coco_eval.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EVAL_MAX_THRESHOLDS = 32, // one bit each in the masks of eval/match.h
    EVAL_MAX_AREAS = 8,
    EVAL_MAX_LIMITS = 8,
    EVAL_RECALLS = 101,
};

struct eval_area {
    char label[16];
    double low, high; // inclusive both
};

struct eval_params {
    enum eval_type type;
    int n_thresholds;
    double thresholds[EVAL_MAX_THRESHOLDS]; // IoU
    double recalls[EVAL_RECALLS];
    int n_areas;
    struct eval_area areas[EVAL_MAX_AREAS];
    int n_limits;
    int limits[EVAL_MAX_LIMITS]; // detections per image and category, ascending
    int max_per_image;           // over all categories, before anything else; 0: no such limit
    bool use_categories;         // false: all categories are one
    bool honor_ignore;           // the file's "ignore" counts beside "iscrowd"
    int n_threads;               // >= 1
};

// COCO's: IoU 0.50:0.05:0.95, all/small/medium/large, 1/10/100, with the very bits of numpy's
// linspace (step rounded once, products and sums rounded apart, the end exact).
void eval_params_init(struct eval_params *params);

// ERR_USAGE naming what is wrong.
enum status eval_params_check(const struct eval_params *params) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
