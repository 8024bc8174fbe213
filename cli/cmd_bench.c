#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/bench_model.h"
#include "cli/cmd_bench.h"
#include "cli/command.h"
#include "cli/peak.h"

struct options {
    char size[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES], device[DEVICE_BYTES];
    int64_t batch, runs, objects;
    bool train;
};

static const struct field fields[] = {
    {"size", FIELD_STRING, offsetof(struct options, size), "800x1344", 0, 0, NULL,
     "Height and width of the images; multiples of 32."},
    {"batch", FIELD_INT, offsetof(struct options, batch), "1", 1, 4096, NULL, "Images at a time."},
    {"runs", FIELD_INT, offsetof(struct options, runs), "7", 1, BENCH_MAX_RUNS, NULL,
     "Timed repetitions, after two that are not timed; medians are reported."},
    {"objects", FIELD_INT, offsetof(struct options, objects), "8", 1, 10000, NULL,
     "Objects in each image (training); of a classifier always one."},
    {"train", FIELD_BOOL, offsetof(struct options, train), "false", 0, 0, NULL,
     "Whole training steps: losses, gradients, update. Otherwise the forward pass."},
    {"json", FIELD_STRING, offsetof(struct options, json), "", 0, 0, NULL,
     "Write the numbers as JSON too."},
    DEVICE_FIELD(struct options),
    {.name = NULL},
};

static const struct command_help help = {
    .name = "bench",
    .arguments = "model CONFIG --size HxW [--batch N] [--train] [--json F] [section.key=value ...]",
    .summary =
        "Times a model with random weights: images/s, GFLOP/s, the share of the machine's own\n"
        "peak (the best large matrix product in the same run), time for each kind of operation.\n"
        "`tarn bench pools --help` tells about the pooling layers.",
    .options = fields,
    .min_paths = 2,
    .max_paths = 2,
};

static void print_result(const struct options *options, const struct bench_result *r, double peak)
{
    double rate = r->flops / r->seconds * 1e-9;
    printf("%s, %dx%d, batch %d, %d runs (medians)\n",
           options->train ? "training step" : "forward pass", r->height, r->width, r->batch,
           r->runs);
    printf("  %.4f s, %.3f images/s, %.1f GFLOP an image\n", r->seconds,
           (double)r->batch / r->seconds, r->flops * 1e-9 / (double)r->batch);
    printf("  %.1f GFLOP/s, %.1f%% of the peak of %.1f GFLOP/s\n", rate, 100 * rate / peak, peak);
    if (r->n_positive >= 0) printf("  %d RoIs match objects\n", r->n_positive);
    printf("  %.0f MB of activations and gradients at the most\n\n", (double)r->peak_bytes * 1e-6);
    printf("  %-30s %10s %8s %8s %10s\n", "operation", "seconds", "share", "calls", "GFLOP/s");
    for (int i = 0; i < r->n_kinds; i++) {
        const struct bench_kind *k = &r->kinds[i];
        double share = k->seconds / r->timed_seconds;
        printf("  %-30s %10.5f %7.1f%% %8d", k->name, k->seconds, 100 * share, k->calls);
        if (k->flops > 0) printf(" %10.1f", k->flops / k->seconds * 1e-9);
        printf("\n");
    }
    printf("  %-30s %10.5f %7.1f%%\n", "everything else", r->other_seconds,
           100 * r->other_seconds / r->timed_seconds);
}

static enum status save_json(const struct options *options, const struct bench_result *r,
                             double peak)
{
    struct file_writer writer;
    double rate = r->flops / r->seconds * 1e-9;
    TRY(file_writer_begin(&writer, options->json));
    FILE *f = writer.stream;
    fprintf(f, "{\"mode\": \"%s\", \"height\": %d, \"width\": %d, \"batch\": %d, \"runs\": %d,\n",
            options->train ? "train" : "forward", r->height, r->width, r->batch, r->runs);
    fprintf(f, " \"timed_seconds\": %.9g,\n", r->timed_seconds);
    fprintf(f, " \"seconds\": %.9g, \"images_per_second\": %.9g, \"gflop\": %.9g,\n", r->seconds,
            (double)r->batch / r->seconds, r->flops * 1e-9);
    fprintf(f, " \"gflops\": %.9g, \"peak_gflops\": %.9g, \"share_of_peak\": %.9g,\n", rate, peak,
            rate / peak);
    fprintf(f, " \"peak_bytes\": %zu, \"other_seconds\": %.9g, \"positive_rois\": %d,\n",
            r->peak_bytes, r->other_seconds, r->n_positive);
    fprintf(f, " \"operations\": [");
    for (int i = 0; i < r->n_kinds; i++)
        fprintf(f, "%s\n  {\"name\": \"%s\", \"seconds\": %.9g, \"calls\": %d, \"gflop\": %.9g}",
                i ? "," : "", r->kinds[i].name, r->kinds[i].seconds, r->kinds[i].calls,
                r->kinds[i].flops * 1e-9);
    fprintf(f, "]}\n");
    return file_writer_commit(&writer);
}

static enum status bench(const struct options *options, const struct arguments *arguments)
{
    struct bench_result *result = NULL;
    struct session *session = NULL;
    struct bench_job job = {.batch = (int)options->batch, .runs = (int)options->runs,
                            .objects = (int)options->objects, .train = options->train};
    struct config *config = (struct config *)mem_alloc(1, sizeof *config);
    double before = 0, after = 0;
    enum status status = config ? OK : ERR_MEMORY;
    if (!config) goto done;
    GUARD(arguments_size("size", options->size, &job.height, &job.width));
    if (job.height % 32 || job.width % 32) {
        status = fail(ERR_USAGE, "--size: both sides must be multiples of 32");
        goto done;
    }
    config_defaults(config);
    GUARD(config_load(arguments->paths[1], config));
    GUARD(config_override(config, arguments->n_assignments, arguments->assignments));
    GUARD(config_check(config));
    GUARD(session_open_model(config, options->device, &session));
    bool bf16 = session->config.train.precision == PRECISION_BF16;
    result = (struct bench_result *)mem_alloc(1, sizeof *result);
    if (!result) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(peak_measure(session->tape, bf16, &before));
    GUARD(bench_model(session, &job, result));
    // The machine may have sped up or slowed down meanwhile.
    GUARD(peak_measure(session->tape, bf16, &after));
    print_result(options, result, fmax(before, after));
    if (options->json[0]) GUARD(save_json(options, result, fmax(before, after)));
done:
    mem_free(result);
    session_close(session);
    mem_free(config);
    return status;
}

static enum status run(const void *options, const struct arguments *arguments)
{
    if (strcmp(arguments->paths[0], "model") == 0)
        return bench((const struct options *)options, arguments);
    return fail(ERR_USAGE,
                "'%s' cannot be measured; expected: model or pools\nusage: tarn bench %s",
                arguments->paths[0], help.arguments);
}

enum status cmd_bench(int argc, char **argv)
{
    struct options options;
    if (argc > 1 && strcmp(argv[1], "pools") == 0) return cmd_bench_pools(argc - 1, argv + 1);
    return command_run(&help, argc, argv, &options, run);
}
