#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/bench_pools.h"
#include "cli/cmd_bench.h"
#include "cli/command.h"
#include "train/device.h"

enum { MAX_WINDOWS = 8, MAX_KERNEL = 63 };

struct options {
    char shape[FIELD_STRING_BYTES], pools[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES];
    char backend[FIELD_STRING_BYTES];
    struct field_ints kernels;
    int dtype;
    int64_t stride, runs;
};

static const struct field fields[] = {
    {"shape", FIELD_STRING, offsetof(struct options, shape), "8x400x672x64", 0, 0, NULL,
     "Images x height x width x channels of the map."},
    {"kernels", FIELD_INTS, offsetof(struct options, kernels), "2,3", 1, MAX_KERNEL, NULL,
     "Sides of the windows; padding is (kernel - 1) / 2."},
    {"stride", FIELD_INT, offsetof(struct options, stride), "2", 1, 64, NULL, "Of the windows."},
    {"pools", FIELD_STRING, offsetof(struct options, pools), "", 0, 0, NULL,
     "Pools to time, e.g. max,avg,soft:grad=detached; default: all."},
    {"dtype", FIELD_CHOICE, offsetof(struct options, dtype), "f32", 0, 0, "f32|bf16",
     "Type of the maps, on a GPU of their gradients too; on the CPU these are f32."},
    {"backend", FIELD_STRING, offsetof(struct options, backend), "cpu", 0, 0, NULL,
     "Where to compute: cpu, cuda, cuda:N, or auto: the first GPU, where there is one."},
    {"runs", FIELD_INT, offsetof(struct options, runs), "7", 1, BENCH_POOLS_MAX_RUNS, NULL,
     "Timed repetitions, after two that are not timed; medians are reported."},
    {"json", FIELD_STRING, offsetof(struct options, json), "", 0, 0, NULL,
     "Write the numbers as JSON too."},
    {.name = NULL},
};

static const struct command_help help = {
    .name = "bench pools",
    .arguments = "[--shape NxHxWxC] [--dtype f32|bf16] [--pools LIST] [--kernels 2,3] [--json F]",
    .summary =
        "Times pooling layers: forward and backward, the bytes a second that their inputs and\n"
        "outputs make up, and the share of what a plain copy reaches on this machine in the\n"
        "same run. What is held for backward does not count.",
    .options = fields,
    .no_assignments = true,
};

static enum status parse_shape(const char *text, int64_t shape[4])
{
    int v[4], used = 0;
    if (sscanf(text, "%5dx%5dx%5dx%5d%n", &v[0], &v[1], &v[2], &v[3], &used) != 4 || text[used])
        return fail(ERR_USAGE, "--shape: '%.40s' is not NxHxWxC, e.g. 8x400x672x64", text);
    for (int i = 0; i < 4; i++) {
        if (v[i] < 1) return fail(ERR_USAGE, "--shape: '%.40s' has a side of 0 or less", text);
        shape[i] = v[i];
    }
    return OK;
}

static void print_row(const char *label, const char *window, const struct bench_pool_result *r,
                      double copy)
{
    double forward = r->forward_bytes / r->forward_seconds;
    double backward = r->backward_bytes / r->backward_seconds;
    printf("%-24.24s %5s %9.2f %6.1f %5.0f%% %10.2f %6.1f %5.0f%% %10.1f\n", label, window,
           r->forward_seconds * 1e3, forward * 1e-9, 100 * forward / copy,
           r->backward_seconds * 1e3, backward * 1e-9, 100 * backward / copy, r->held_bytes * 1e-6);
}

static void write_row(FILE *f, const char *separator, const char *label, const struct window *w,
                      const struct bench_pool_result *r)
{
    fprintf(f, "%s\n  {\"pool\": ", separator);
    json_write_string(f, label);
    fprintf(f,
            ", \"kernel\": %d, \"stride\": %d, \"padding\": %d,\n"
            "   \"forward_seconds\": %.9g, \"backward_seconds\": %.9g,\n"
            "   \"forward_bytes\": %.0f, \"backward_bytes\": %.0f, \"held_bytes\": %.0f}",
            w->kernel_h, w->stride_h, w->pad_begin_h, r->forward_seconds, r->backward_seconds,
            r->forward_bytes, r->backward_bytes, r->held_bytes);
}

struct table {
    struct pool_choice pools[POOL_CHOICE_MAX];
    int n_pools;
    bool is_timed[POOL_CHOICE_MAX][MAX_WINDOWS];
    struct bench_pool_result results[POOL_CHOICE_MAX][MAX_WINDOWS];
    double copy_before, copy_after; // bytes a second
    const char *kind; // of copy
};

enum { WINDOW_TEXT_BYTES = 16 };

// How many windows a pool is timed with: one if it takes the whole map whatever is asked.
static int n_windows(const struct options *options, const struct pool_def *def)
{
    return def->default_kernel ? options->kernels.n : 1;
}

static struct window window_of(const struct options *options, const struct pool_def *def, int k)
{
    int kernel = (int)options->kernels.v[k];
    if (!def->default_kernel) return pool_default_window(def);
    return window_square(kernel, (int)options->stride, (kernel - 1) / 2);
}

static const char *window_text(const struct window *window, char text[WINDOW_TEXT_BYTES])
{
    if (!window->kernel_h) return "map";
    snprintf(text, WINDOW_TEXT_BYTES, "%dx%d/%d", window->kernel_h, window->kernel_w,
             window->stride_h);
    return text;
}

static enum status time_all(const struct options *options, struct bench_pools *bench,
                            struct table *table)
{
    const char *kind;
    TRY(bench_pools_copy(bench, &table->copy_before, &table->kind));
    for (int i = 0; i < table->n_pools; i++) {
        const struct pool_def *def = table->pools[i].pool.def;
        for (int k = 0; k < n_windows(options, def); k++) {
            const struct window window = window_of(options, def, k);
            char text[WINDOW_TEXT_BYTES];
            enum status status =
                bench_pools_run(bench, &table->pools[i], &window, &table->results[i][k]);
            if (status != OK && status != ERR_USAGE) return status;
            table->is_timed[i][k] = status == OK;
            if (status != OK)
                printf("%-24.24s %5s refused: %s\n", table->pools[i].label,
                       window_text(&window, text), fail_message());
        }
    }
    // The machine may have sped up or slowed down meanwhile.
    return bench_pools_copy(bench, &table->copy_after, &kind);
}

static void print_table(const struct options *options, const struct table *table)
{
    double copy = fmax(table->copy_before, table->copy_after);
    printf("%s %s; copy %.1f GB/s before and %.1f GB/s after (%s); medians of %d runs\n"
           "GB/s: forward x and y; backward dy, dx and, where it is read, x; each byte once\n\n",
           options->shape, options->dtype ? "bf16" : "f32", table->copy_before * 1e-9,
           table->copy_after * 1e-9, table->kind, (int)options->runs);
    printf("%-24s %5s %9s %6s %6s %10s %6s %6s %10s\n", "", "", "forward", "", "of", "backward", "",
           "of", "held for");
    printf("%-24s %5s %9s %6s %6s %10s %6s %6s %10s\n", "pool", "", "ms", "GB/s", "copy", "ms",
           "GB/s", "copy", "backw. MB");
    for (int i = 0; i < table->n_pools; i++)
        for (int k = 0; k < options->kernels.n; k++) {
            const struct window window = window_of(options, table->pools[i].pool.def, k);
            char text[WINDOW_TEXT_BYTES];
            if (table->is_timed[i][k])
                print_row(table->pools[i].label, window_text(&window, text),
                          &table->results[i][k], copy);
        }
}

static enum status save_json(const struct options *options, const struct table *table)
{
    struct file_writer writer;
    const char *separator = "";
    TRY(file_writer_begin(&writer, options->json));
    FILE *f = writer.stream;
    fprintf(f,
            "{\"backend\": \"%s\", \"shape\": \"%s\", \"dtype\": \"%s\", \"runs\": %d,\n"
            " \"copy_bytes_per_second\": %.9g, \"copy_kind\": \"%s\",\n \"pools\": [",
            device_is_gpu(options->backend) ? "cuda" : "cpu", options->shape,
            options->dtype ? "bf16" : "f32",
            (int)options->runs, fmax(table->copy_before, table->copy_after), table->kind);
    for (int i = 0; i < table->n_pools; i++)
        for (int k = 0; k < options->kernels.n; k++) {
            const struct window window = window_of(options, table->pools[i].pool.def, k);
            if (!table->is_timed[i][k]) continue;
            write_row(f, separator, table->pools[i].label, &window, &table->results[i][k]);
            separator = ",";
        }
    fprintf(f, "]}\n");
    return file_writer_commit(&writer);
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    struct bench_pools_job job = {.device = options->backend,
                                  .dtype = options->dtype ? DTYPE_BF16 : DTYPE_F32,
                                  .runs = (int)options->runs};
    struct bench_pools *bench = NULL;
    (void)arguments;
    if (options->kernels.n < 1 || options->kernels.n > MAX_WINDOWS)
        return fail(ERR_USAGE, "--kernels: %d of them, expected 1 to %d", options->kernels.n,
                    MAX_WINDOWS);
    TRY(parse_shape(options->shape, job.shape));
    struct table *table = (struct table *)mem_alloc(1, sizeof *table);
    if (!table) return ERR_MEMORY;
    enum status status = OK;
    GUARD(pool_choices_parse(options->pools, table->pools, &table->n_pools));
    GUARD(bench_pools_open(&job, &bench));
    GUARD(time_all(options, bench, table));
    print_table(options, table);
    if (options->json[0]) GUARD(save_json(options, table));
done:
    bench_pools_close(bench);
    mem_free(table);
    return status;
}

enum status cmd_bench_pools(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
