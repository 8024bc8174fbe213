#include <string.h>

#include "cli/command.h"
#include "cli/detect_job.h"
#include "cli/eval_progress.h"
#include "coco/class_set.h"
#include "train/evaluate_classes.h"

struct options {
    char checkpoint[FIELD_STRING_BYTES], config[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES];
    char device[DEVICE_BYTES];
    int64_t top;
};

static const struct field fields[] = {
    {"checkpoint", FIELD_STRING, offsetof(struct options, checkpoint), "", 0, 0, NULL,
     "Trained classifier (safetensors)."},
    {"config", FIELD_STRING, offsetof(struct options, config), "", 0, 0, NULL,
     "Config of the model, for a checkpoint that tarn did not write."},
    {"top", FIELD_INT, offsetof(struct options, top), "3", 1, CLASS_TOP, NULL,
     "How many classes to print for each image, the most probable first."},
    {"json", FIELD_STRING, offsetof(struct options, json), "", 0, 0, NULL,
     "Write the five most probable classes of each image as JSON."},
    DEVICE_FIELD(struct options),
    {.name = NULL},
};

static const struct command_help help = {
    .name = "classify",
    .arguments = "--checkpoint C PATH... [--top 3] [--json OUT.json] [section.key=value ...]",
    .summary =
        "Tells the classes of images (files, or the images of folders) with their\n"
        "probabilities. Of each, resized so that its short side is crop.resize, the network\n"
        "sees the centre of side crop.size. An image that cannot be read is reported and left\n"
        "out; the exit code is then 4. eval.batch_size images are computed at a time, read by\n"
        "data.threads threads.",
    .options = fields,
    .min_paths = 1,
    .max_paths = ARGUMENTS_MAX,
};

struct widths {
    int file, name;
};

static int longer(int width, const char *text, int most)
{
    size_t n = strlen(text);
    if (n > (size_t)most) return most;
    return (int)n > width ? (int)n : width;
}

static struct widths measure(const struct class_results *results)
{
    enum { MOST_FILE = 48, MOST_NAME = 24 };
    struct widths widths = {(int)strlen("image"), (int)strlen("class")};
    for (size_t i = 0; i < results->n; i++)
        widths.file = longer(widths.file, results->items[i].file, MOST_FILE);
    for (size_t i = 0; i < results->n_classes; i++)
        widths.name = longer(widths.name, results->classes[i], MOST_NAME);
    return widths;
}

// Of a long path the end, where the file's name is.
static void print_file(const char *file, int width)
{
    size_t n = strlen(file);
    if (n > (size_t)width)
        printf("...%s", file + n - ((size_t)width - 3));
    else
        printf("%-*s", width, file);
}

static void print_table(const struct class_results *results, int top)
{
    const struct widths widths = measure(results);
    int shown = top < (int)results->n_classes ? top : (int)results->n_classes;
    printf("%-*s", widths.file, "image");
    for (int k = 0; k < shown; k++) printf("  %-*s      %%", widths.name, "class");
    printf("\n");
    for (size_t i = 0; i < results->n; i++) {
        const struct class_result *r = &results->items[i];
        print_file(r->file, widths.file);
        for (int k = 0; k < r->n_top && k < shown; k++)
            printf("  %-*.*s %6.2f", widths.name, widths.name, results->classes[r->top[k]],
                   100 * r->scores[k]);
        printf("\n");
    }
}

static enum status open_model(const struct options *options, const struct arguments *arguments,
                              struct session **session)
{
    struct session *opened = NULL;
    TRY(session_open_checkpoint(options->checkpoint, options->config[0] ? options->config : NULL,
                                options->device, arguments->n_assignments, arguments->assignments,
                                &opened));
    if (!config_is_classifier(&opened->config)) {
        session_close(opened);
        return fail(ERR_USAGE, "%s: a detector; `tarn detect` runs it", options->checkpoint);
    }
    opened->config.data.format = FORMAT_FOLDER; // whole images, also after training on crops
    *session = opened;
    return OK;
}

static enum status classify(struct session *session, const struct detect_job *job,
                            struct class_results *results, size_t *n_broken)
{
    const struct class_source source = {.format = CLASS_FILES,
                                        .images = "",
                                        .files = (const char *const *)job->paths,
                                        .n_files = job->n};
    struct coco_dataset *dataset = NULL;
    struct eval_progress progress;
    TRY(class_set_load(&source, &dataset));
    eval_progress_start(&progress, "classify");
    enum status status =
        evaluate_classes(session, dataset, "", &progress.options, results, n_broken);
    eval_progress_end(&progress);
    coco_dataset_destroy(dataset);
    if (status == OK) eval_progress_log(&progress, results->n, "");
    return status;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    struct session *session = NULL;
    struct detect_job job = {.n = 0};
    struct class_results results;
    size_t n_broken = 0;
    enum status status = OK;
    TRY(command_needs(&help, "checkpoint", options->checkpoint));
    class_results_init(&results);
    GUARD(detect_job_make(arguments->n_paths, arguments->paths, &job));
    GUARD(open_model(options, arguments, &session));
    GUARD(classify(session, &job, &results, &n_broken));
    print_table(&results, (int)options->top);
    if (options->json[0]) GUARD(class_results_save(&results, options->json));
    if (n_broken) status = fail(ERR_DATA, "%zu of %zu images could not be read", n_broken, job.n);
done:
    class_results_free(&results);
    session_close(session);
    detect_job_free(&job);
    return status;
}

enum status cmd_classify(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
