// The steps of a survey: private to coco/survey*.c.
#ifndef TARN_COCO_SURVEY_PARTS_H
#define TARN_COCO_SURVEY_PARTS_H

#include "coco/survey.h"

#ifdef __cplusplus
extern "C" {
#endif

enum status survey_read(struct survey *survey) MUST_USE; // the file's entries
enum status survey_check_images(struct survey *survey,
                                const struct survey_options *options) MUST_USE;
enum status survey_check_boxes(struct survey *survey) MUST_USE; // after the images
enum status survey_check_masks(struct survey *survey,
                               const struct survey_options *options) MUST_USE;

// Calls work(context, thread, i) for i = 0 .. n - 1 in options->n_threads threads, thread counting
// from 0; the first error ends it.
enum status survey_parallel(const struct survey_options *options, const char *what, size_t n,
                            enum status (*work)(void *context, int thread, size_t i),
                            void *context) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
