#include "cli/bench_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/tape.h"
#include "train/flops.h"
#include "train/optimizer.h"

enum { N_OBJECTS = 8, WARM_UP = 2 };

// Times of all runs; kind = operation, + N_OPS for its backward.
struct timing {
    struct backend *backend;
    double start;
    double seconds[BENCH_MAX_RUNS][BENCH_MAX_KINDS], total[BENCH_MAX_RUNS];
    double flops[BENCH_MAX_KINDS];
    int calls[BENCH_MAX_KINDS];
    int run; // negative: warming up
    enum status status;
};

static void before(void *context, const struct tape_node *node, bool is_backward)
{
    struct timing *t = (struct timing *)context;
    (void)node;
    (void)is_backward;
    t->start = clock_seconds();
}

static void after(void *context, const struct tape_node *node, bool is_backward)
{
    struct timing *t = (struct timing *)context;
    if (t->status == OK) t->status = t->backend->synchronize(t->backend);
    double seconds = clock_seconds() - t->start;
    int kind = (int)node->op + (is_backward ? (int)N_OPS : 0);
    if (t->run < 0) return;
    t->seconds[t->run][kind] += seconds;
    if (t->run > 0) return; // every run does the same
    t->calls[kind]++;
    t->flops[kind] += flops_of(node, is_backward);
}

static void batch_free(struct batch *batch)
{
    mem_free(batch->images);
    mem_free(batch->sizes);
    mem_free(batch->original_sizes);
    mem_free(batch->image_ids);
    mem_free(batch->image_index);
    mem_free(batch->boxes);
    mem_free(batch->labels);
    mem_free(batch->counts);
}

static void fill_image(struct batch *batch, size_t i, int n_classes)
{
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, (uint32_t)i);
    size_t pixels = (size_t)batch->height * (size_t)batch->width * 3;
    float height = (float)batch->height, width = (float)batch->width;
    for (size_t j = 0; j < pixels; j++) batch->images[i * pixels + j] = rng_uniform(&rng, -2, 2);
    batch->sizes[2 * i] = height;
    batch->sizes[2 * i + 1] = width;
    batch->original_sizes[2 * i] = batch->height;
    batch->original_sizes[2 * i + 1] = batch->width;
    batch->image_ids[i] = (int64_t)i + 1;
    batch->counts[i] = N_OBJECTS;
    for (size_t j = 0; j < N_OBJECTS; j++) {
        float *box = batch->boxes + 4 * (i * N_OBJECTS + j);
        box[0] = rng_uniform(&rng, 0, 0.7f * width);
        box[1] = rng_uniform(&rng, 0, 0.7f * height);
        box[2] = box[0] + rng_uniform(&rng, 0.05f, 0.3f) * width;
        box[3] = box[1] + rng_uniform(&rng, 0.05f, 0.3f) * height;
        batch->labels[i * N_OBJECTS + j] = 1 + (int32_t)rng_below(&rng, (uint32_t)n_classes - 1);
    }
}

static enum status batch_make(const struct bench_job *job, int n_classes, struct batch *batch)
{
    size_t n = (size_t)job->batch, pixels = (size_t)job->height * (size_t)job->width * 3;
    *batch = (struct batch){.n = job->batch, .height = job->height, .width = job->width,
                            .max_objects = N_OBJECTS};
    batch->images = (float *)mem_alloc(n, pixels * sizeof(float));
    batch->sizes = (float *)mem_alloc(n, 2 * sizeof(float));
    batch->original_sizes = (int *)mem_alloc(n, 2 * sizeof(int));
    batch->image_ids = (int64_t *)mem_alloc(n, sizeof(int64_t));
    batch->image_index = (size_t *)mem_alloc(n, sizeof(size_t));
    batch->boxes = (float *)mem_alloc(n, N_OBJECTS * 4 * sizeof(float));
    batch->labels = (int32_t *)mem_alloc(n, N_OBJECTS * sizeof(int32_t));
    batch->counts = (int32_t *)mem_alloc(n, sizeof(int32_t));
    if (!batch->images || !batch->sizes || !batch->original_sizes || !batch->image_ids ||
        !batch->image_index || !batch->boxes || !batch->labels || !batch->counts)
        return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) fill_image(batch, i, n_classes);
    return OK;
}

static enum status forward_run(struct session *session, const struct batch *batch)
{
    int64_t shape[4] = {batch->n, batch->height, batch->width, 3};
    struct tensor *images = NULL;
    struct tape *tape = session->tape;
    tape->recording = tape->training = false;
    tape_reset(tape);
    TRY(tape_upload(tape, DTYPE_F32, 4, shape, batch->images, &images));
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
                                    .batch = job->batch, .runs = job->runs};
    for (int kind = 0; kind < BENCH_MAX_KINDS; kind++) {
        struct bench_kind *out = &result->kinds[result->n_kinds];
        if (t->calls[kind] == 0) continue;
        for (int run = 0; run < job->runs; run++) values[run] = t->seconds[run][kind];
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
    result->seconds = median(t->total, job->runs);
    qsort(result->kinds, (size_t)result->n_kinds, sizeof *result->kinds, compare_kinds);
}

enum status bench_model(struct session *session, const struct bench_job *job,
                        struct bench_result *result)
{
    struct batch batch = {.n = 0};
    struct tape *tape = session->tape;
    struct timing *timing = (struct timing *)mem_alloc(1, sizeof *timing);
    enum status status = timing ? OK : ERR_MEMORY;
    if (!timing) goto done;
    timing->backend = session->backend;
    GUARD(batch_make(job, (int)session->config.model.n_classes, &batch));
    tape->observer = (struct tape_observer){timing, before, after};
    for (timing->run = -WARM_UP; timing->run < job->runs; timing->run++) {
        double start = clock_seconds();
        GUARD(job->train ? train_run(session, &batch, timing->run == -WARM_UP)
                         : forward_run(session, &batch));
        GUARD(timing->status);
        if (timing->run >= 0) timing->total[timing->run] = clock_seconds() - start;
    }
    summarize(timing, job, result);
    result->peak_bytes = tape_peak_bytes(tape);
done:
    tape->observer = (struct tape_observer){NULL, NULL, NULL};
    batch_free(&batch);
    mem_free(timing);
    return status;
}
