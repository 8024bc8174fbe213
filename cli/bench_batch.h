// Made-up training batches and masks for benchmarks.
#ifndef TARN_CLI_BENCH_BATCH_H
#define TARN_CLI_BENCH_BATCH_H

#include "cli/bench_model.h"

#ifdef __cplusplus
extern "C" {
#endif

// job->batch images of noise with job->objects boxes each; with_masks: their ellipses as well.
enum status bench_batch_make(const struct bench_job *job, int n_classes, bool with_masks,
                             struct batch *batch) MUST_USE;

// As a loader delivers batches to a device: images as bytes in its pinned memory, in the size that
// they are resized to.
enum status bench_batch_pin(struct batch *batch, const struct arena_source *pinned) MUST_USE;

// pinned: what bench_batch_pin was given; NULL without.
void bench_batch_free(struct batch *batch, const struct arena_source *pinned);

// Pastes n masks of mask_side x mask_side into an image of the job's size, as run lengths.
enum status bench_paste(const struct bench_job *job, int n, int mask_side, int method) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
