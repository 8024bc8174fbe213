// One evaluation as an HTML page that needs nothing beside itself: numbers, curves, errors, images.
// docs/report.md says what its parts mean.
#ifndef TARN_EVAL_REPORT_REPORT_H
#define TARN_EVAL_REPORT_REPORT_H

#include "eval/evaluation.h"

#ifdef __cplusplus
extern "C" {
#endif

struct report_options {
    const char *subject; // what was evaluated: a results file or a checkpoint; for the title
    const char *images;  // folder of the images, to draw the worst ones; NULL: none are drawn
    int n_worst;         // at most so many images; 0: REPORT_WORST
};

enum {
    REPORT_WORST = 12,
    REPORT_SHOWN_CLASSES = 100, // with curves of their own, and in the confusion matrix
};

// Written atomically. truth, detections: those that evaluation was made from. The annotation file
// is read again for file names when there are images. An image that cannot be shown is said so on
// the page, and is no error.
enum status report_write(const char *path, const struct eval_truth *truth,
                         const struct eval_detection *detections,
                         const struct evaluation *evaluation,
                         const struct report_options *options) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
