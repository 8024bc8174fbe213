// One golden case: a detector with the file's parameters, and its training compared.
#ifndef TARN_TESTS_GOLDEN_RUN_H
#define TARN_TESTS_GOLDEN_RUN_H

#include "compare.h"
#include "detect/detector.h"
#include "values.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MUST(expression) cr_assert((expression) == OK, "%s", fail_message())

enum { GOLDEN_STEPS = 5 };
#define GOLDEN_TOLERANCE 1e-4

struct golden_run {
    struct golden golden;
    struct backend *backend;
    struct tape *tape;
    struct detector *detector;
    struct params *params;
    struct batch batch;
};

void golden_run_open(struct golden_run *run, const char *name,
                     const struct detector_config *config);
void golden_run_close(struct golden_run *run);

// Parameters and images of the seed that the metadata name, then the biases that the file holds
// under `prefix` (NULL: none).
void golden_run_set(struct golden_run *run, const char *seed_key,
                    const struct golden_geometry *geometry, const char *prefix);

// Boxes and labels of targets{i}.
void golden_run_add_targets(struct golden_run *run);

void golden_run_compare(struct golden_run *run, const char *name, const struct tensor *t);

// A tensor's values in host memory; to be freed with mem_free.
void *golden_run_download(const struct golden_run *run, const struct tensor *t);

// The same on the first n elements.
void golden_run_compare_part(struct golden_run *run, const char *name, const struct tensor *t,
                             size_t n);

// Every detection of the file must be among ours; equal scores may come in another order.
void golden_run_compare_detections(struct golden_run *run, const struct detections *found,
                                   int image);

// GOLDEN_STEPS steps of SGD: losses before each, gradients of the first, parameters and velocity
// after the last. before(run, step), if any, prepares a step.
void golden_run_train(struct golden_run *run, int n_losses,
                      void (*before)(struct golden_run *run, int step));

#ifdef __cplusplus
}
#endif
#endif
