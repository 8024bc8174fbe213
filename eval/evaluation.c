#include "eval/evaluation.h"

#include "base/mem.h"
#include "eval/summarize.h"

void eval_result_free(struct eval_result *result)
{
    for (size_t i = 0; i < result->n_classes; i++) mem_free(result->classes[i].name);
    mem_free(result->classes);
    *result = (struct eval_result){.classes = NULL};
}

void evaluation_free(struct evaluation *evaluation)
{
    cells_free(&evaluation->cells);
    matches_free(&evaluation->matches);
    eval_tensors_free(&evaluation->tensors);
    eval_result_free(&evaluation->result);
}

static enum status fill_classes(const struct eval_truth *truth, struct evaluation *evaluation)
{
    struct eval_result *result = &evaluation->result;
    size_t n = evaluation->params.use_categories ? truth->n_categories : 0;
    result->classes = mem_alloc(n, sizeof *result->classes);
    if (!result->classes) return ERR_MEMORY;
    for (size_t k = 0; k < n; k++) {
        struct eval_class *class = &result->classes[k];
        class->name = mem_strdup(truth->categories[k].name);
        if (!class->name) return ERR_MEMORY;
        result->n_classes = k + 1;
        class->category_id = truth->categories[k].id;
        class->n_detections = evaluation->cells.n_given[k];
        TRY(summarize(&evaluation->tensors, &evaluation->params, k, class->stats));
    }
    for (size_t i = 0; n && i < truth->n_objects; i++)
        if (!truth->objects[i].is_crowd) result->classes[truth->objects[i].category].n_objects++;
    for (size_t k = 0; k < n; k++) {
        if (result->classes[k].n_objects > 0) continue;
        result->n_empty_classes++;
        result->n_empty_detections += result->classes[k].n_detections;
    }
    return OK;
}

enum status evaluation_run(const struct eval_truth *truth, const struct eval_detection *detections,
                           size_t n, const struct eval_params *params, struct evaluation *out)
{
    struct evaluation run = {.params = *params};
    enum status status = OK;
    GUARD(eval_params_check(params));
    if (params->type == EVAL_MASKS && truth->type != EVAL_MASKS) {
        status = fail(ERR_USAGE, "%s was read without its masks", truth->path);
        goto done;
    }
    if (params->type == EVAL_BOXES && truth->type != EVAL_BOXES) {
        status = fail(ERR_USAGE, "%s was read without its boxes", truth->path);
        goto done;
    }
    run.result.type = params->type;
    GUARD(cells_build(truth, detections, n, params, &run.cells));
    GUARD(match_cells(truth, detections, &run.cells, params, &run.matches));
    GUARD(accumulate(truth, &run.cells, &run.matches, params, &run.tensors));
    GUARD(summarize(&run.tensors, params, ALL_CATEGORIES, run.result.stats));
    GUARD(summarize_lines(&run.tensors, params, run.result.lines, &run.result.n_lines));
    GUARD(fill_classes(truth, &run));
    *out = run;
    run = (struct evaluation){0};
done:
    evaluation_free(&run);
    return status;
}

static enum status run_defaults(const struct eval_truth *truth, enum eval_type type,
                                const struct eval_detection *detections, size_t n, int n_threads,
                                struct eval_result *result)
{
    struct eval_params params;
    struct evaluation run;
    eval_params_init(&params);
    params.type = type;
    if (n_threads > 0) params.n_threads = n_threads;
    TRY(evaluation_run(truth, detections, n, &params, &run));
    *result = run.result;
    run.result = (struct eval_result){.classes = NULL};
    evaluation_free(&run);
    return OK;
}

enum status eval_boxes(const struct eval_truth *truth, const struct eval_detection *detections,
                       size_t n, int n_threads, struct eval_result *result)
{
    return run_defaults(truth, EVAL_BOXES, detections, n, n_threads, result);
}

enum status eval_masks(const struct eval_truth *truth, const struct eval_detection *detections,
                       size_t n, int n_threads, struct eval_result *result)
{
    return run_defaults(truth, EVAL_MASKS, detections, n, n_threads, result);
}

enum status eval_files(const char *truth_path, const char *results_path, enum eval_type type,
                       int n_threads, struct eval_result *result)
{
    struct eval_truth *truth = NULL;
    struct eval_results results = {.detections = NULL};
    enum status status = OK;
    GUARD(eval_truth_open(truth_path, type, &truth));
    GUARD(eval_results_open(results_path, truth, type, &results));
    GUARD(run_defaults(truth, type, results.detections, results.n, n_threads, result));
done:
    eval_results_close(&results);
    eval_truth_destroy(truth);
    return status;
}
