// A run's log.jsonl and the charts drawn from it. One JSON object a line:
//   {"kind":"train","iteration":40,"lr":0.01,"loss":1.2,"losses":{"classification":0.9,...},
//    "grad_norm":3.1,"images_per_second":4.5,"data_wait":0.02,"seconds":12.5}
//   {"kind":"eval","iteration":40,"seconds":3.1,"stats":{"AP":0.1,...},"mask_stats":{"AP":...}}
// Losses and norm are means over the iterations since the last line; data_wait is the share of
// the time in which the model waited for images; seconds are those of the interval. A model with
// trained pooling layers has "pools" too (train/pool_values.h), as they are after that iteration.
// "mask_stats" are there when the model finds masks. Of a classifier an evaluation has "top1",
// "top5" and "loss" in place of "stats".
#ifndef TARN_TRAIN_METRICS_H
#define TARN_TRAIN_METRICS_H

#include <stdint.h>

#include "detect/detector.h"
#include "train/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

struct metrics_step {
    int64_t iteration; // finished ones
    double lr, loss, grad_norm, images_per_second, data_wait, seconds;
    int n_losses;
    const char *const *names;
    double losses[DETECTOR_MAX_LOSSES];
    const char *pools; // JSON; NULL: none
};

struct metrics;

// Continues FOLDER/log.jsonl behind its first keep_bytes bytes (0: a new log); what lies behind
// them is cut off. The charts start with what the kept lines say.
enum status metrics_open(const char *folder, uint64_t keep_bytes,
                         struct metrics **metrics) MUST_USE;
void metrics_close(struct metrics *metrics); // NULL-safe

enum status metrics_log_step(struct metrics *metrics, const struct metrics_step *step) MUST_USE;
enum status metrics_log_eval(struct metrics *metrics, int64_t iteration, double seconds,
                             const struct evaluate_stats *stats) MUST_USE;

// Length of the log; all of it is handed to the system.
uint64_t metrics_log_bytes(const struct metrics *metrics);

// FOLDER/losses.png and, once there is an evaluation, FOLDER/ap.png or, of a classifier,
// FOLDER/accuracy.png.
enum status metrics_draw(const struct metrics *metrics) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
