#include "train/step_log.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_STEPS = 64, MAX_BATCHES = STEP_LOG_MAX_BATCHES, MAX_ROOTS = 32 };

struct logged_batch {
    struct detector_losses losses; // their names and numbers; the tensors are gone
    double share;
};

struct logged_step {
    int64_t iteration;
    int first_batch, n_batches;
    struct step_images images;
    double wait;
};

// What the device writes, in pinned memory.
struct log_values {
    float losses[MAX_BATCHES][MAX_ROOTS], norms_squared[MAX_STEPS];
};

struct step_log {
    struct backend *backend;
    struct log_values *values;
    struct logged_step steps[MAX_STEPS];
    int n_steps;
    struct logged_batch batches[MAX_BATCHES];
    int n_batches;
    struct step_result results[MAX_STEPS];
};

void step_images_note(struct step_images *images, const struct batch *batch)
{
    for (int i = 0; i < batch->n; i++) {
        char one[32];
        int n = snprintf(one, sizeof one, "%s%" PRId64, images->used ? ", " : "",
                         batch->image_ids[i]);
        if (images->used + (size_t)n + sizeof ", ..." > sizeof images->text) {
            if (images->used) memcpy(images->text + images->used, ", ...", sizeof ", ...");
            return;
        }
        memcpy(images->text + images->used, one, (size_t)n + 1);
        images->used += (size_t)n;
    }
}

enum status step_result_add(struct step_result *result, const struct detector_losses *losses,
                            const float *values, int64_t iteration,
                            const struct step_images *images, double share)
{
    double sums[DETECTOR_MAX_LOSSES] = {0};
    for (int i = 0; i < losses->n_roots; i++) sums[losses->root_loss[i]] += (double)values[i];
    result->n_losses = losses->n;
    for (int i = 0; i < losses->n; i++) {
        result->names[i] = losses->names[i];
        if (!isfinite(sums[i]))
            return fail(ERR_NUMERIC,
                        "step %" PRId64 ": the %s loss is %g; image ids %s. A lower train.lr, a "
                        "longer warm-up or train.clip_norm helps where the images are sound",
                        iteration + 1, losses->names[i], sums[i], images->text);
        result->losses[i] += share * sums[i];
        result->loss += share * sums[i];
    }
    return OK;
}

enum status step_log_create(struct backend *backend, struct step_log **log)
{
    struct step_log *l = (struct step_log *)mem_alloc(1, sizeof *l);
    if (!l) return ERR_MEMORY;
    l->backend = backend;
    l->values =
        (struct log_values *)backend->pinned.get(backend->pinned.context, sizeof *l->values);
    if (!l->values) {
        mem_free(l);
        return ERR_MEMORY;
    }
    *log = l;
    return OK;
}

void step_log_destroy(struct step_log *log)
{
    if (!log) return;
    // The device may still write.
    (void)log->backend->synchronize(log->backend);
    log->backend->pinned.put(log->backend->pinned.context, log->values, sizeof *log->values);
    mem_free(log);
}

bool step_log_is_full(const struct step_log *log, int64_t n_batches)
{
    return log->n_steps == MAX_STEPS ||
           (log->n_steps > 0 && log->n_batches + n_batches > MAX_BATCHES);
}

void step_log_begin(struct step_log *log, int64_t iteration)
{
    assert(log->n_steps < MAX_STEPS);
    log->steps[log->n_steps] =
        (struct logged_step){.iteration = iteration, .first_batch = log->n_batches};
}

enum status step_log_losses(struct step_log *log, const struct detector_losses *losses,
                            double share)
{
    struct logged_step *step = &log->steps[log->n_steps];
    assert(log->n_batches < MAX_BATCHES && losses->n_roots <= MAX_ROOTS);
    int at = log->n_batches++;
    log->batches[at] = (struct logged_batch){*losses, share};
    step->n_batches = log->n_batches - step->first_batch;
    for (int i = 0; i < losses->n_roots; i++)
        TRY(log->backend->download_later(log->backend, &log->values->losses[at][i],
                                         losses->roots[i]->data, sizeof(float)));
    return OK;
}

float *step_log_norm(struct step_log *log)
{
    return &log->values->norms_squared[log->n_steps];
}

void step_log_end(struct step_log *log, const struct step_images *images, double wait)
{
    struct logged_step *step = &log->steps[log->n_steps++];
    step->images = *images;
    step->wait = wait;
}

static enum status read_step(const struct step_log *log, int i, struct step_result *result)
{
    const struct logged_step *step = &log->steps[i];
    *result = (struct step_result){.wait = step->wait};
    for (int k = 0; k < step->n_batches; k++) {
        const struct logged_batch *batch = &log->batches[step->first_batch + k];
        TRY(step_result_add(result, &batch->losses, log->values->losses[step->first_batch + k],
                            step->iteration, &step->images, batch->share));
    }
    float squared = log->values->norms_squared[i];
    if (!isfinite(squared))
        return fail(ERR_NUMERIC, "step %" PRId64 ", image ids %s: the gradient is not finite",
                    step->iteration + 1, step->images.text);
    result->grad_norm = sqrt((double)squared);
    return OK;
}

enum status step_log_read(struct step_log *log, const struct step_result **results, int *n)
{
    int n_steps = log->n_steps;
    log->n_steps = log->n_batches = 0;
    if (n_steps > 0) TRY(log->backend->synchronize(log->backend));
    for (int i = 0; i < n_steps; i++) TRY(read_step(log, i, &log->results[i]));
    *results = log->results;
    *n = n_steps;
    return OK;
}
