#include "train/experiment_table.h"

#include <string.h>

#include "base/mem.h"
#include "eval/truth.h"
#include "train/experiment_form.h"
#include "train/experiment_run.h"

static enum status read_results(const struct experiment *e, const char *folder,
                                const struct experiment_run *run, const struct eval_truth *truth,
                                struct eval_results *results, double stats[TABLE_STATS])
{
    char path[PATH_BYTES];
    struct eval_result result;
    int n_threads = (int)run->config.train.threads;
    enum eval_type type = (enum eval_type)e->settings.type;
    TRY(experiment_results_path(folder, run, path));
    TRY(eval_results_open(path, truth, type, results));
    TRY(type == EVAL_MASKS
            ? eval_masks(truth, results->detections, results->n, n_threads, &result)
            : eval_boxes(truth, results->detections, results->n, n_threads, &result));
    memcpy(stats, result.stats, TABLE_STATS * sizeof *stats);
    eval_result_free(&result);
    return OK;
}

// Undefined are numbers without objects: of all seeds or of none.
static void conclude(struct experiment_cell *cell, size_t n)
{
    for (int s = 0; s < TABLE_STATS; s++) {
        cell->mean[s] = cell->spread[s] = -1;
        if (cell->stats[0][s] >= 0)
            experiment_moments(&cell->stats[0][s], TABLE_STATS, n, &cell->mean[s],
                               &cell->spread[s]);
    }
}

static enum status compare(const struct experiment *e, const struct eval_truth *truth,
                           const struct eval_results *a, const struct eval_results *b,
                           int n_threads, struct experiment_cell *cell)
{
    struct compare_pair pairs[FIELD_LIST_MAX];
    struct comparison comparison;
    const struct compare_options options = {(enum eval_type)e->settings.type,
                                            (int)e->settings.resamples,
                                            (uint64_t)e->settings.resample_seed, n_threads};
    for (size_t i = 0; i < e->n_seeds; i++)
        pairs[i] = (struct compare_pair){a[i].detections, b[i].detections, a[i].n, b[i].n};
    TRY(compare_pairs(truth, pairs, e->n_seeds, &options, &comparison));
    memcpy(cell->compared, comparison.numbers, sizeof cell->compared);
    comparison_free(&comparison);
    return OK;
}

// One row of cells; results: (2, n_seeds) of room, the first pooling's and the current one's.
static enum status build_model(const struct experiment_table *table, const char *folder,
                               size_t model, const struct eval_truth *truth,
                               struct eval_results *results)
{
    const struct experiment *e = table->experiment;
    for (size_t p = 0; p < e->n_poolings; p++) {
        struct experiment_cell *cell = &table->cells[model * e->n_poolings + p];
        struct eval_results *own = p ? results + e->n_seeds : results;
        for (size_t s = 0; s < e->n_seeds; s++) {
            eval_results_close(&own[s]);
            TRY(read_results(e, folder, experiment_run_at(e, model, p, s), truth, &own[s],
                             cell->stats[s]));
        }
        conclude(cell, e->n_seeds);
        if (p == 0) continue;
        int n_threads = (int)experiment_run_at(e, model, p, 0)->config.train.threads;
        TRY(compare(e, truth, results, own, n_threads, cell));
    }
    table->n_images[model] = truth->n_images;
    return OK;
}

static enum status open_and_build(const struct experiment_table *table, const char *folder,
                                  size_t model)
{
    const struct experiment *e = table->experiment;
    const struct experiment_run *run = experiment_run_at(e, model, 0, 0);
    struct eval_truth *truth = NULL;
    enum status status = OK;
    struct eval_results *results = mem_alloc(2 * e->n_seeds, sizeof *results);
    if (!results) return ERR_MEMORY;
    GUARD(eval_truth_open(run->config.data.val_annotations, (enum eval_type)e->settings.type,
                          &truth));
    GUARD(build_model(table, folder, model, truth, results));
done:
    for (size_t i = 0; i < 2 * e->n_seeds; i++) eval_results_close(&results[i]);
    mem_free(results);
    eval_truth_destroy(truth);
    return status;
}

enum status experiment_table_build(const struct experiment *experiment, const char *folder,
                                   struct experiment_table *table)
{
    struct experiment_table made = {.experiment = experiment};
    enum status status = OK;
    made.cells = mem_alloc(experiment->n_models, experiment->n_poolings * sizeof *made.cells);
    made.n_images = mem_alloc(experiment->n_models, sizeof *made.n_images);
    if (!made.cells || !made.n_images) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t m = 0; m < experiment->n_models; m++) GUARD(open_and_build(&made, folder, m));
    *table = made;
    return OK;
done:
    experiment_table_free(&made);
    return status;
}

void experiment_table_free(struct experiment_table *table)
{
    mem_free(table->cells);
    mem_free(table->n_images);
    table->cells = NULL;
    table->n_images = NULL;
}
