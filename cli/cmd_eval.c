#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "train/evaluate.h"
#include "train/live_line.h"

struct options {
    char checkpoint[FIELD_STRING_BYTES], config[FIELD_STRING_BYTES], images[FIELD_STRING_BYTES];
    char annotations[FIELD_STRING_BYTES], results[FIELD_STRING_BYTES];
    char save_results[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES];
};

#define TEXT(name, member, help)                                                                   \
    {name, FIELD_STRING, offsetof(struct options, member), "", 0, 0, NULL, help}
static const struct field fields[] = {
    TEXT("checkpoint", checkpoint, "Model to evaluate (safetensors)."),
    TEXT("config", config, "Config of the model, for a checkpoint that tarn did not write."),
    TEXT("images", images, "Folder of the images."),
    TEXT("annotations", annotations, "Ground truth in COCO's format."),
    TEXT("results", results, "Evaluate this COCO results file instead of a model."),
    TEXT("save-results", save_results, "Write the model's detections as a COCO results file."),
    TEXT("json", json, "Write the numbers as JSON."),
    {.name = NULL},
};
#undef TEXT

static const struct command_help help = {
    "eval",
    "--annotations GT.json (--checkpoint C --images DIR [--save-results R.json] | --results R.json)"
    " [--json OUT.json] [section.key=value ...]",
    "Prints the 12 COCO numbers for boxes and the average precision of each class. An image that\n"
    "cannot be read is reported and counts as one without detections; the exit code is then 4.",
    fields, NULL};

static bool show(void *context, size_t done, size_t total)
{
    live_line_update((struct live_line *)context, (int64_t)done, (int64_t)total, NULL);
    return false;
}

static enum status run_model(const struct options *options, const struct arguments *arguments,
                             struct evaluate_output *output)
{
    struct session *session = NULL;
    struct coco_dataset *dataset = NULL;
    struct live_line line;
    struct evaluate_options how = {show, &line};
    enum status status = OK;
    GUARD(session_open_checkpoint(options->checkpoint, options->config[0] ? options->config : NULL,
                                  arguments->n_assignments, arguments->assignments, &session));
    GUARD(coco_dataset_load(options->annotations, &dataset));
    GUARD(session_know_classes(session, dataset));
    live_line_start(&line, "evaluate", 0);
    double start = clock_seconds();
    status = evaluate_detections(session, dataset, options->images, &how, output);
    live_line_clear(&line);
    if (status != OK) goto done;
    double seconds = clock_seconds() - start;
    log_info("%zu images in %.1f s, %.2f images/s, %zu detections", dataset->n_images, seconds,
             seconds > 0 ? (double)dataset->n_images / seconds : 0, output->n);
done:
    coco_dataset_destroy(dataset);
    session_close(session);
    return status;
}

static enum status evaluate(const struct options *options, const struct arguments *arguments)
{
    struct eval_truth *truth = NULL;
    struct evaluate_output output = {.detections = NULL};
    struct eval_result result = {.classes = NULL};
    enum status status = OK;
    GUARD(eval_truth_load(options->annotations, &truth));
    if (options->results[0])
        GUARD(eval_results_load(options->results, truth, &output.detections, &output.n));
    else
        GUARD(run_model(options, arguments, &output));
    if (options->save_results[0])
        GUARD(eval_results_save(options->save_results, output.detections, output.n));
    GUARD(eval_boxes(truth, output.detections, output.n, 0, &result));
    eval_print(&result);
    eval_print_classes(&result);
    if (options->json[0]) GUARD(eval_save_json(&result, options->json));
    if (output.n_broken)
        status = fail(ERR_DATA, "%zu images could not be read; they count as without detections",
                      output.n_broken);
done:
    eval_result_free(&result);
    mem_free(output.detections);
    eval_truth_destroy(truth);
    return status;
}

static enum status check(const struct options *o, const struct arguments *arguments)
{
    TRY(arguments_expect(&help, arguments, 0, 0));
    if (!o->annotations[0])
        return fail(ERR_USAGE, "--annotations is missing\nusage: tarn eval %s", help.arguments);
    if ((o->checkpoint[0] != 0) == (o->results[0] != 0))
        return fail(ERR_USAGE, "either --checkpoint or --results is needed\nusage: tarn eval %s",
                    help.arguments);
    if (o->checkpoint[0] && !o->images[0])
        return fail(ERR_USAGE, "--checkpoint needs --images beside it");
    if (o->results[0] && (o->images[0] || o->save_results[0] || o->config[0]))
        return fail(ERR_USAGE, "--images, --config and --save-results do not go with --results");
    return o->results[0] ? arguments_no_assignments(&help, arguments) : OK;
}

enum status cmd_eval(int argc, char **argv)
{
    struct options options;
    struct arguments arguments;
    TRY(arguments_parse(&help, argc, argv, &options, &arguments));
    enum status status = OK;
    if (!arguments.help) status = check(&options, &arguments);
    if (!arguments.help && status == OK) status = evaluate(&options, &arguments);
    arguments_free(&arguments);
    return status;
}
