#include "train/train_step.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "nn/tape.h"
#include "train/optimizer.h"

// One step under way.
struct step {
    struct session *session;
    struct step_log *log; // NULL: losses are read at once
    struct step_result *result;
    struct step_images images;
    int64_t iteration;
    double share; // of a batch
};

static enum status read_losses(struct step *step, const struct detector_losses *losses)
{
    struct backend *backend = step->session->backend;
    float values[sizeof losses->roots / sizeof *losses->roots];
    if (step->log) return step_log_losses(step->log, losses, step->share);
    for (int i = 0; i < losses->n_roots; i++)
        TRY(backend->download(backend, &values[i], losses->roots[i]->data, sizeof values[i]));
    return step_result_add(step->result, losses, values, step->iteration, &step->images,
                           step->share);
}

static enum status run_batch(struct step *step, const struct batch *batch)
{
    struct session *session = step->session;
    struct detector_losses losses;
    struct tape *tape = session->tape;
    TRY(detector_losses(session->detector, tape, batch, &losses));
    TRY(read_losses(step, &losses));
    TRY(tape_backward(tape, losses.n_roots, losses.roots, (float)step->share));
    return session->backend->uploads_done(session->backend); // the loader writes there again
}

static enum status run_batches(struct step *step, struct loader *loader)
{
    const struct config *config = &step->session->config;
    struct tape *tape = step->session->tape;
    int64_t n = config->train.accumulate;
    tape->recording = tape->training = true;
    tape->seed = (uint64_t)config->train.seed;
    for (int64_t i = 0; i < n; i++) {
        struct batch *batch = NULL;
        double start = clock_seconds();
        TRY(loader_next(loader, &batch));
        step->result->wait += clock_seconds() - start;
        step_images_note(&step->images, batch);
        tape_reset(tape);
        tape->step = (uint32_t)(step->iteration * n + i);
        enum status status = run_batch(step, batch);
        loader_release(loader, batch);
        TRY(status);
    }
    return OK;
}

enum status train_step(struct session *session, struct loader *loader, struct step_log *log,
                       int64_t iteration, double lr, struct step_result *result)
{
    const struct config *config = &session->config;
    struct params *params = detector_params(session->detector);
    struct tape *tape = session->tape;
    struct step step = {.session = session, .log = log, .result = result, .iteration = iteration,
                        .share = 1.0 / (double)config->train.accumulate};
    memset(result, 0, sizeof *result);
    params_zero_grad(params);
    if (log) step_log_begin(log, iteration);
    TRY(run_batches(&step, loader));
    TRY(params_finish_grad(params));
    tape->recording = tape->training = false;
    struct optimizer_args args;
    optimizer_args_init(config, &args);
    args.lr = lr;
    args.first_step = iteration == 0;
    args.step = iteration + 1;
    args.norm_squared_later = log ? step_log_norm(log) : NULL;
    enum status status = optimizer_step(params, tape, &args, &result->grad_norm);
    if (status == ERR_NUMERIC)
        return fail_context(status, "step %" PRId64 ", image ids %s: ", iteration + 1,
                            step.images.text);
    if (status == OK && params->average)
        status = optimizer_average(params, tape, config->train.ema, iteration);
    if (status == OK && log) step_log_end(log, &step.images, result->wait);
    return status;
}
