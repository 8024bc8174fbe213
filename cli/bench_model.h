// Times a model's forward pass or training step, as a whole and by kind of operation.
#ifndef TARN_CLI_BENCH_MODEL_H
#define TARN_CLI_BENCH_MODEL_H

#include "train/session.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_MAX_RUNS = 64, BENCH_MAX_KINDS = 2 * N_OPS + 1 };

struct bench_job {
    int height, width, batch, runs;
    int objects; // in each image
    bool train;
};

struct bench_kind {
    char name[48]; // "conv2d", "conv2d backward", "paste_mask"
    double seconds; // of one run, median
    double flops;   // of one run
    int calls;      // in one run
};

struct bench_result {
    int height, width, batch, runs;
    double seconds, flops; // of one run; seconds: median
    double timed_seconds;  // of one run that waits after each operation, to time it
    double other_seconds;  // outside of all operations
    size_t peak_bytes;
    int n_positive; // RoIs that the mask head saw in training; -1: no such head
    int n_kinds; // longest first
    struct bench_kind kinds[BENCH_MAX_KINDS];
};

// A device that goes its own pace is timed twice: as it is, and with each operation waited for.
// Mask R-CNN's forward pass ends with its masks as run lengths of the image.
enum status bench_model(struct session *session, const struct bench_job *job,
                        struct bench_result *result) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
