#include <stdio.h>

#include "base/mem.h"
#include "cli/cmd_data.h"
#include "cli/command.h"
#include "cli/data_report.h"
#include "train/live_line.h"

struct options {
    char images[FIELD_STRING_BYTES], config[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES];
    char output[FIELD_STRING_BYTES];
    int64_t findings, threads;
};

#define TEXT(name, member, help)                                                                   \
    {                                                                                              \
        name, FIELD_STRING, offsetof(struct options, member), "", 0, 0, NULL, help                 \
    }
static const struct field fields[] = {
    TEXT("images", images, "Folder of the images."),
    TEXT("config", config, "Take the sizes of images and the anchors from this config."),
    TEXT("json", json, "Write all numbers and findings as JSON."),
    TEXT("output", output, "Folder for charts (PNG)."),
    {"findings", FIELD_INT, offsetof(struct options, findings), "10", 0, 1000000000, NULL,
     "Findings shown of each kind; 0: all."},
    {"threads", FIELD_INT, offsetof(struct options, threads), "2", 1, 256, NULL,
     "Threads that read images and masks."},
    {.name = NULL},
};
#undef TEXT

static const struct command_help help = {
    .name = "data check",
    .arguments = "ANNOTATIONS --images DIR [--json F] [--output DIR] [--config CONFIG] "
                 "[section.key=value ...]",
    .summary =
        "Reads an annotation file in COCO's layout and all of its images and masks, and tells\n"
        "what they hold: classes, sizes, how well anchors can meet the objects, and everything\n"
        "that is wrong or odd, with ids (docs/data.md). The exit code is 4 when training would\n"
        "refuse the set.",
    .options = fields,
    .min_paths = 1,
    .max_paths = 1,
};

static void show(void *context, const char *what, size_t done, size_t total)
{
    struct live_line *line = (struct live_line *)context;
    line->label = what;
    live_line_update(line, (int64_t)done, (int64_t)total, NULL);
}

static enum status load_config(const struct options *options, const struct arguments *arguments,
                               struct config *config)
{
    config_defaults(config);
    if (options->config[0]) TRY(config_load(options->config, config));
    TRY(config_override(config, arguments->n_assignments, arguments->assignments));
    return config_check(config);
}

static enum status judge(const struct survey *survey, const char *path)
{
    size_t n_refused = defects_count(&survey->defects, DEFECT_REFUSED);
    size_t n_masks = defects_count(&survey->defects, DEFECT_MASKS), n_objects = 0;
    for (size_t i = 0; i < survey->n_images; i++) n_objects += survey->images[i].n_valid;
    putchar('\n');
    if (n_refused) return fail(ERR_DATA, "%s: %zu defects that training refuses", path, n_refused);
    if (n_masks)
        return fail(ERR_DATA, "%s: %zu defects that training with masks refuses", path, n_masks);
    if (n_objects == 0) return fail(ERR_DATA, "%s: there is nothing to train on", path);
    printf("training takes this set\n");
    return OK;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    const char *path = arguments->paths[0];
    struct live_line line;
    struct survey_options how = {options->images, (int)options->threads, show, &line};
    struct survey *survey = NULL;
    struct data_report report;
    struct config *config = (struct config *)mem_alloc(1, sizeof *config);
    enum status status = OK;
    if (!config) return ERR_MEMORY;
    GUARD(command_needs(&help, "images", options->images));
    GUARD(load_config(options, arguments, config));
    live_line_start(&line, "images", 0);
    status = survey_run(path, &how, &survey);
    live_line_clear(&line);
    if (status != OK) goto done;
    GUARD(data_report_make(survey, config, &report));
    data_report_print(survey, &report, (size_t)options->findings);
    if (options->json[0]) GUARD(data_report_save_json(survey, &report, options->json));
    if (options->output[0]) GUARD(data_report_save_charts(survey, &report, options->output));
    status = judge(survey, path);
done:
    survey_destroy(survey);
    mem_free(config);
    return status;
}

enum status cmd_check(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
