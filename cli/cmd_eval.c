#include "cli/eval_classes.h"
#include "cli/eval_options.h"
#include "cli/eval_progress.h"
#include "eval/evaluation.h"
#include "eval/report/report.h"
#include "train/evaluate.h"

static const struct command_help help = {
    .name = "eval",
    .arguments = "--annotations GT.json (--results R.json | --checkpoint C --images DIR"
                 " [--save-results R.json])"
                 " [--type bbox|segm] [--per-class] [--json OUT.json] [--tensors OUT.safetensors]"
                 " [--report OUT.html [--images DIR]] [--charts DIR] [--set section.key=value ...]",
    .summary =
        "Prints COCO's numbers, equal to pycocotools' to the last bit. What the files may hold\n"
        "and what is done with it: docs/evaluator.md. An image that cannot be read is reported\n"
        "and counts as one without detections; the exit code is then 4.\n"
        "\n"
        "A classifier's checkpoint is measured on the validation images of its config, or on\n"
        "--images (--annotations: the list, or COCO boxes to cut out, as its data.format says):\n"
        "top-1, top-5, each class. --save-results writes what `tarn compare --classification`\n"
        "takes.\n"
        "\n"
        "--set changes a key of the checkpoint's config. With backbone.pool.SITE.type=NAME a\n"
        "trained network is measured with another pooling layer, without training it again.",
    .options = eval_option_fields,
};

// What is evaluated: a results file, or what a model finds.
struct subject {
    struct eval_results results;
    struct evaluate_output found;
    const struct eval_detection *detections; // of either
    size_t n;
};

static enum status run_model(const struct eval_options *options, const struct arguments *arguments,
                             struct subject *subject)
{
    struct session *session = NULL;
    struct coco_dataset *dataset = NULL;
    struct eval_progress progress;
    char n_found[48];
    struct evaluate_output *found = &subject->found;
    enum status status = OK;
    GUARD(session_open_checkpoint(options->checkpoint, options->config[0] ? options->config : NULL,
                                  options->device, arguments->n_assignments,
                                  arguments->assignments, &session));
    if (options->type && !config_has_masks(&session->config)) {
        status = fail(ERR_UNSUPPORTED, "%s: this detector finds boxes, no masks; --type segm needs "
                                       "a model that does",
                      options->checkpoint);
        goto done;
    }
    GUARD(coco_dataset_load(options->annotations, &dataset));
    GUARD(session_know_classes(session, dataset));
    eval_progress_start(&progress, "evaluate");
    status = evaluate_detections(session, dataset, options->images, &progress.options, found);
    eval_progress_end(&progress);
    if (status != OK) goto done;
    snprintf(n_found, sizeof n_found, ", %zu detections", found->n);
    eval_progress_log(&progress, dataset->n_images, n_found);
    subject->detections = found->detections;
    subject->n = found->n;
done:
    coco_dataset_destroy(dataset);
    session_close(session);
    return status;
}

static enum status write_page(const struct eval_options *options, const struct eval_truth *truth,
                              const struct subject *subject, const struct evaluation *evaluation)
{
    const struct report_options page = {
        .subject = options->results[0] ? options->results : options->checkpoint,
        .images = options->images[0] ? options->images : NULL};
    return report_write(options->report, truth, subject->detections, evaluation, &page);
}

static enum status report(const struct eval_options *options, const struct evaluation *evaluation)
{
    eval_print(&evaluation->result);
    if (options->per_class || options->checkpoint[0]) eval_print_classes(&evaluation->result);
    if (options->json[0]) TRY(eval_save_json(&evaluation->result, options->json));
    if (options->tensors[0]) TRY(evaluation_save_tensors(evaluation, options->tensors));
    return OK;
}

static enum status evaluate(const struct eval_options *options, const struct eval_params *params,
                            const struct arguments *arguments)
{
    struct eval_reading reading;
    struct eval_truth *truth = NULL;
    struct subject subject = {.n = 0};
    struct evaluation evaluation = {.params.n_areas = 0};
    enum status status = OK;
    evaluate_output_init(&subject.found);
    eval_options_reading(options, &reading);
    GUARD(eval_truth_open_as(options->annotations, &reading, &truth));
    if (options->results[0]) {
        GUARD(eval_results_open_as(options->results, truth, &reading, &subject.results));
        subject.detections = subject.results.detections;
        subject.n = subject.results.n;
    } else {
        GUARD(run_model(options, arguments, &subject));
    }
    if (options->save_results[0])
        GUARD(eval_results_save(options->save_results, subject.detections, subject.n));
    GUARD(evaluation_run(truth, subject.detections, subject.n, params, &evaluation));
    GUARD(report(options, &evaluation));
    if (options->report[0]) GUARD(write_page(options, truth, &subject, &evaluation));
    if (subject.found.n_broken)
        status = fail(ERR_DATA, "%zu images could not be read; they count as without detections",
                      subject.found.n_broken);
done:
    evaluation_free(&evaluation);
    eval_results_close(&subject.results);
    evaluate_output_free(&subject.found);
    eval_truth_destroy(truth);
    return status;
}

static enum status check_subject(const struct eval_options *o)
{
    if ((o->checkpoint[0] != 0) != (o->results[0] != 0)) return OK;
    return fail(ERR_USAGE, "either --checkpoint or --results is needed\nusage: tarn eval %s",
                help.arguments);
}

static enum status check(const struct eval_options *o, const struct arguments *arguments)
{
    TRY(command_needs(&help, "annotations", o->annotations));
    if (o->charts[0])
        return fail(ERR_USAGE, "--charts: needs the checkpoint of a classifier; --report draws "
                               "what a detector finds");
    if (o->checkpoint[0] && !o->images[0])
        return fail(ERR_USAGE, "--checkpoint needs --images beside it");
    if (o->results[0] && (o->save_results[0] || o->config[0]))
        return fail(ERR_USAGE, "--config and --save-results do not go with --results");
    if (o->results[0] && o->images[0] && !o->report[0])
        return fail(ERR_USAGE, "--images goes with --results only for --report");
    return o->results[0] ? command_refuses_assignments(&help, arguments) : OK;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    // A classifier's options are completed from its config.
    struct eval_options options = *(const struct eval_options *)context;
    struct eval_params params;
    bool is_classifier = false;
    TRY(check_subject(&options));
    if (options.checkpoint[0]) TRY(eval_classes_apply(&options, &is_classifier));
    if (is_classifier) return eval_classes(&options, arguments);
    TRY(check(&options, arguments));
    TRY(eval_options_params(&options, &params));
    return evaluate(&options, &params, arguments);
}

enum status cmd_eval(int argc, char **argv)
{
    struct eval_options options;
    return command_run(&help, argc, argv, &options, run);
}
