#include "train/train_step.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "nn/tape.h"
#include "train/optimizer.h"

enum { IDS_BYTES = 512 };

// "12, 7, 3" of the images of this step; of many, the first ones.
struct image_names {
    char text[IDS_BYTES];
    size_t used;
};

static void note_images(struct image_names *ids, const struct batch *batch)
{
    for (int i = 0; i < batch->n; i++) {
        char one[32];
        int n = snprintf(one, sizeof one, "%s%" PRId64, ids->used ? ", " : "",
                         batch->image_ids[i]);
        if (ids->used + (size_t)n + sizeof ", ..." > sizeof ids->text) {
            if (ids->used) memcpy(ids->text + ids->used, ", ...", sizeof ", ...");
            return;
        }
        memcpy(ids->text + ids->used, one, (size_t)n + 1);
        ids->used += (size_t)n;
    }
}

// Adds this batch's losses, `share` of the step each.
static enum status read_losses(struct session *session, const struct detector_losses *losses,
                               int64_t iteration, const struct image_names *ids, double share,
                               struct step_result *result)
{
    double sums[DETECTOR_MAX_LOSSES] = {0};
    for (int i = 0; i < losses->n_roots; i++) {
        float value = 0;
        TRY(session->backend->download(session->backend, &value, losses->roots[i]->data,
                                       sizeof value));
        sums[losses->root_loss[i]] += (double)value;
    }
    result->n_losses = losses->n;
    for (int i = 0; i < losses->n; i++) {
        result->names[i] = losses->names[i];
        if (!isfinite(sums[i]))
            return fail(ERR_NUMERIC,
                        "step %" PRId64 ": the %s loss is %g; image ids %s. A lower train.lr, a "
                        "longer warm-up or train.clip_norm helps where the images are sound",
                        iteration + 1, losses->names[i], sums[i], ids->text);
        result->losses[i] += share * sums[i];
        result->loss += share * sums[i];
    }
    return OK;
}

static enum status run_batch(struct session *session, const struct batch *batch, int64_t iteration,
                             const struct image_names *ids, double share,
                             struct step_result *result)
{
    struct detector_losses losses;
    struct tape *tape = session->tape;
    TRY(detector_losses(session->detector, tape, batch, &losses));
    TRY(read_losses(session, &losses, iteration, ids, share, result));
    return tape_backward(tape, losses.n_roots, losses.roots, (float)share);
}

enum status train_step(struct session *session, struct loader *loader, int64_t iteration, double lr,
                       struct step_result *result)
{
    const struct config *config = &session->config;
    struct params *params = detector_params(session->detector);
    struct tape *tape = session->tape;
    struct image_names ids = {.used = 0};
    int64_t n = config->train.accumulate;
    memset(result, 0, sizeof *result);
    params_zero_grad(params);
    tape->recording = tape->training = true;
    tape->seed = (uint64_t)config->train.seed;
    for (int64_t i = 0; i < n; i++) {
        struct batch *batch = NULL;
        double start = clock_seconds();
        TRY(loader_next(loader, &batch));
        result->wait += clock_seconds() - start;
        note_images(&ids, batch);
        tape_reset(tape);
        tape->step = (uint32_t)(iteration * n + i);
        enum status status = run_batch(session, batch, iteration, &ids, 1.0 / (double)n, result);
        loader_release(loader, batch);
        TRY(status);
    }
    TRY(params_finish_grad(params));
    tape->recording = tape->training = false;
    struct optimizer_args args;
    optimizer_args_init(config, &args);
    args.lr = lr;
    args.first_step = iteration == 0;
    enum status status = optimizer_step(params, tape, &args, &result->grad_norm);
    if (status == ERR_NUMERIC)
        return fail_context(status, "step %" PRId64 ", image ids %s: ", iteration + 1, ids.text);
    return status;
}
