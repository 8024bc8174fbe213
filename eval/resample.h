// Average precision of resampled images, from one matching.
//
// A resample draws images with replacement: image i counts weights[i] times. Its average precision
// is, bit for bit, that of a data set in which image i stands weights[i] times in a row under ids
// of its own. Matching looks at one image at a time, so only the accumulation is done again.
#ifndef TARN_EVAL_RESAMPLE_H
#define TARN_EVAL_RESAMPLE_H

#include "eval/match.h"

#ifdef __cplusplus
extern "C" {
#endif

// Objects that count in the first area range, by category.
struct resample_objects {
    size_t n_categories; // 1 when they are not used
    uint32_t *images;    // by category
    size_t *begins;      // (K + 1)
};
enum status resample_objects_build(const struct eval_truth *truth, const struct eval_params *params,
                                   struct resample_objects *objects) MUST_USE;
void resample_objects_free(struct resample_objects *objects);

// Detections of one image with one score, neighbours in the order of their category, of which at
// least one is found or ignored at some threshold.
struct resample_event {
    uint32_t first, n; // positions in the category's order
    uint32_t image;
    uint32_t masks; // of its first detection in hits and ignored, when n > 1
};

// What an event is at one threshold. An item is 4 * event + kind.
enum resample_kind { RESAMPLE_FOUND, RESAMPLE_IGNORED, RESAMPLE_SEVERAL };

// One result in the order of accumulation: the first area range, up to the largest limit.
struct resample_curves {
    size_t n_categories, n_thresholds;
    uint32_t *images;              // (detections) by category, then descending score
    size_t *begins;                // (K + 1) in images
    struct resample_event *events; // by category, then descending score
    size_t *event_begins;          // (K + 1)
    uint32_t *items;               // of each (category, threshold); a category's events from 0
    size_t *item_begins;           // (K * T + 1)
    uint32_t *hits, *ignored;      // bits of thresholds, of the detections of events with n > 1
    size_t largest_events, largest_items;
};
// ERR_MEMORY also for so many detections of one image, times images, that 31 bits cannot count a
// resample.
enum status resample_curves_build(const struct eval_truth *truth, const struct cells *cells,
                                  const struct matches *matches, const struct eval_params *params,
                                  struct resample_curves *curves) MUST_USE;
void resample_curves_free(struct resample_curves *curves);

// One thread's working memory.
struct resample_scratch {
    int32_t *event_weights, *before; // (largest_events)
    int32_t *hits, *counted;         // at each true positive: so many, out of so many
    double *precision;
    size_t hits_capacity, counted_capacity, precision_capacity;
};
enum status resample_scratch_create(const struct resample_curves *curves,
                                    struct resample_scratch *scratch) MUST_USE;
void resample_scratch_free(struct resample_scratch *scratch);

// n_objects: (K) objects in the resample; needed: (K, R) true positives that reach each recall.
void resample_count_objects(const struct resample_objects *objects,
                            const struct eval_params *params, const int32_t *weights,
                            int32_t *n_objects, int32_t *needed);

// precision: (K, T, R); what belongs to categories without objects is left as it is.
enum status resample_precision(const struct resample_curves *curves, const int32_t *weights,
                               const int32_t *n_objects, const int32_t *needed,
                               struct resample_scratch *scratch, double *precision) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
