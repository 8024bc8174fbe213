#include "cli/bench_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/bench_batch.h"
#include "detect/batch_upload.h"
#include "detect/roi_heads.h"
#include "nn/tape.h"
#include "train/flops.h"
#include "train/optimizer.h"

enum { WARM_UP = 2, PASTE = 2 * N_OPS };

// Times of all runs; kind = operation, + N_OPS for its backward, or PASTE.
struct timing {
    struct backend *backend;
    double start;
    double seconds[BENCH_MAX_RUNS][BENCH_MAX_KINDS], total[BENCH_MAX_RUNS];
    double whole[BENCH_MAX_RUNS]; // without waiting after each operation
    double flops[BENCH_MAX_KINDS];
    int calls[BENCH_MAX_KINDS];
    int n_positive; // sampled RoIs that match objects, of the last run; -1: none were sampled
    int run;        // negative: warming up
    enum status status;
};

static void before(void *context, const struct tape_node *node, bool is_backward)
{
    struct timing *t = (struct timing *)context;
    (void)node;
    (void)is_backward;
    t->start = clock_seconds();
}

static void note_positives(struct timing *t, const struct tape_node *node)
{
    int32_t n = 0;
    const struct tensor *count = node->call.out[node->call.n_out - 1];
    if (t->status == OK)
        t->status = t->backend->download(t->backend, &n, count->data, sizeof n);
    t->n_positive = n;
}

static void after(void *context, const struct tape_node *node, bool is_backward)
{
    struct timing *t = (struct timing *)context;
    if (t->status == OK) t->status = t->backend->synchronize(t->backend);
    double seconds = clock_seconds() - t->start;
    int kind = (int)node->op + (is_backward ? (int)N_OPS : 0);
    if (t->run < 0) return;
    if (node->op == OP_sample_rois && !is_backward) note_positives(t, node);
    t->seconds[t->run][kind] += seconds;
    if (t->run > 0) return; // every run does the same
    t->calls[kind]++;
    t->flops[kind] += flops_of(node, is_backward);
}

static enum status forward_run(struct session *session, const struct batch *batch)
{
    struct tensor *images = NULL;
    struct tape *tape = session->tape;
    tape->recording = tape->training = false;
    tape_reset(tape);
    TRY(batch_upload_images(tape, batch, &images));
    TRY(detector_forward(session->detector, tape, images));
    return session->backend->synchronize(session->backend);
}

static enum status train_run(struct session *session, const struct batch *batch, bool is_first)
{
    struct params *params = detector_params(session->detector);
    struct detector_losses losses;
    struct optimizer_args args;
    struct tape *tape = session->tape;
    double norm;
    params_zero_grad(params);
    tape->recording = tape->training = true;
    tape_reset(tape);
    TRY(detector_losses(session->detector, tape, batch, &losses));
    TRY(tape_backward(tape, losses.n_roots, losses.roots, 1));
    TRY(params_finish_grad(params));
    tape->recording = tape->training = false;
    optimizer_args_init(&session->config, &args);
    args.lr = 1e-6; // random data: the weights are to stay where they are
    args.first_step = is_first;
    TRY(optimizer_step(params, tape, &args, &norm));
    return session->backend->synchronize(session->backend);
}

// Masks of as many detections as an image may have, all images.
static enum status paste_run(struct session *session, const struct bench_job *job,
                             struct timing *timing)
{
    const struct config *config = &session->config;
    double start = clock_seconds();
    for (int i = 0; i < job->batch; i++)
        TRY(bench_paste(job, (int)config->roi.max_detections, MASK_SIDE, config->mask.paste));
    if (timing->run < 0) return OK;
    timing->seconds[timing->run][PASTE] = clock_seconds() - start;
    timing->calls[PASTE] = job->batch * (int)config->roi.max_detections;
    return OK;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int compare_kinds(const void *a, const void *b)
{
    double x = ((const struct bench_kind *)a)->seconds, y = ((const struct bench_kind *)b)->seconds;
    return (x < y) - (x > y);
}

static void summarize(struct timing *t, const struct bench_job *job, struct bench_result *result)
{
    double values[BENCH_MAX_RUNS];
    *result = (struct bench_result){.height = job->height, .width = job->width,
                                    .batch = job->batch, .runs = job->runs,
                                    .n_positive = t->n_positive};
    for (int kind = 0; kind < BENCH_MAX_KINDS; kind++) {
        struct bench_kind *out = &result->kinds[result->n_kinds];
        if (t->calls[kind] == 0) continue;
        for (int run = 0; run < job->runs; run++) values[run] = t->seconds[run][kind];
        if (kind == PASTE)
            snprintf(out->name, sizeof out->name, "paste_mask");
        else
            snprintf(out->name, sizeof out->name, "%s%s", op_names[kind % (int)N_OPS],
                     kind < (int)N_OPS ? "" : " backward");
        out->seconds = median(values, job->runs);
        out->flops = t->flops[kind];
        out->calls = t->calls[kind];
        result->flops += out->flops;
        result->n_kinds++;
    }
    for (int run = 0; run < job->runs; run++) {
        values[run] = t->total[run];
        for (int kind = 0; kind < BENCH_MAX_KINDS; kind++) values[run] -= t->seconds[run][kind];
    }
    result->other_seconds = median(values, job->runs);
    result->timed_seconds = median(t->total, job->runs);
    result->seconds = median(t->whole, job->runs);
    qsort(result->kinds, (size_t)result->n_kinds, sizeof *result->kinds, compare_kinds);
}

// All runs; totals: what each took.
static enum status run_all(struct session *session, const struct bench_job *job,
                           const struct batch *batch, struct timing *timing, double *totals)
{
    // A device pastes what it has found, which here is nothing.
    bool pastes = session->config.model.type == DETECTOR_MASK_RCNN && !job->train &&
                  !session->backend->is_async;
    for (timing->run = -WARM_UP; timing->run < job->runs; timing->run++) {
        double start = clock_seconds();
        TRY(job->train ? train_run(session, batch, timing->run == -WARM_UP)
                       : forward_run(session, batch));
        if (pastes) TRY(paste_run(session, job, timing));
        TRY(timing->status);
        if (timing->run >= 0) totals[timing->run] = clock_seconds() - start;
    }
    return OK;
}

enum status bench_model(struct session *session, const struct bench_job *job,
                        struct bench_result *result)
{
    struct batch batch = {.n = 0};
    struct tape *tape = session->tape;
    struct timing *timing = (struct timing *)mem_alloc(1, sizeof *timing);
    enum status status = timing ? OK : ERR_MEMORY;
    if (!timing) goto done;
    bool has_masks = session->config.model.type == DETECTOR_MASK_RCNN;
    timing->backend = session->backend;
    timing->n_positive = -1;
    struct bench_job filled = *job;
    if (config_is_classifier(&session->config)) filled.objects = 1; // its class
    GUARD(bench_batch_make(&filled, (int)session->config.model.n_classes, has_masks, &batch));
    if (session->backend->is_async) {
        GUARD(bench_batch_pin(&batch, &session->backend->pinned));
        GUARD(run_all(session, job, &batch, timing, timing->whole));
    }
    tape->observer = (struct tape_observer){timing, before, after};
    GUARD(run_all(session, job, &batch, timing, timing->total));
    if (!session->backend->is_async) memcpy(timing->whole, timing->total, sizeof timing->whole);
    summarize(timing, job, result);
    result->peak_bytes = tape_peak_bytes(tape);
done:
    tape->observer = (struct tape_observer){NULL, NULL, NULL};
    bench_batch_free(&batch, &session->backend->pinned);
    mem_free(timing);
    return status;
}
