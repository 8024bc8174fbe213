#include "train/experiment_accuracy.h"

#include "base/mem.h"
#include "eval/accuracy.h"
#include "train/experiment_form.h"
#include "train/experiment_run.h"

static enum status read_run(const char *folder, const struct experiment_run *run,
                            struct class_results *results, double stats[ACCURACY_STATS])
{
    char path[PATH_BYTES];
    struct accuracy accuracy;
    TRY(experiment_results_path(folder, run, path));
    TRY(class_results_load(path, results));
    TRY(accuracy_measure(results, &accuracy));
    stats[ACCURACY_TOP1] = accuracy.top1;
    stats[ACCURACY_TOP5] = accuracy.top5;
    stats[ACCURACY_PER_CLASS] = accuracy.per_class_mean;
    accuracy_free(&accuracy);
    return OK;
}

// The runs of a model with one seed, each beside that of the first pooling.
static enum status build_seed(const struct accuracy_table *table, const char *folder, size_t model,
                              size_t seed)
{
    const struct experiment *e = table->experiment;
    struct class_results first, own;
    enum status status = OK;
    class_results_init(&first);
    class_results_init(&own);
    for (size_t p = 0; p < e->n_poolings; p++) {
        const struct experiment_run *run = experiment_run_at(e, model, p, seed);
        struct accuracy_cell *cell = &table->cells[model * e->n_poolings + p];
        class_results_free(&own);
        GUARD(read_run(folder, run, p ? &own : &first, cell->stats[seed]));
        if (p)
            GUARD(mcnemar_compare(&first, experiment_run_at(e, model, 0, seed)->name, &own,
                                  run->name, &cell->tests[seed]));
    }
    table->n_images[model] = first.n;
done:
    class_results_free(&first);
    class_results_free(&own);
    return status;
}

static void conclude(const struct accuracy_cell *first, struct accuracy_cell *cell, size_t n_seeds)
{
    double differences[FIELD_LIST_MAX];
    for (int s = 0; s < ACCURACY_STATS; s++)
        experiment_moments(&cell->stats[0][s], ACCURACY_STATS, n_seeds, &cell->mean[s],
                           &cell->spread[s]);
    for (size_t i = 0; i < n_seeds; i++)
        differences[i] = cell->stats[i][ACCURACY_TOP1] - first->stats[i][ACCURACY_TOP1];
    experiment_moments(differences, 1, n_seeds, &cell->difference, &cell->difference_spread);
}

enum status accuracy_table_build(const struct experiment *experiment, const char *folder,
                                 struct accuracy_table *table)
{
    const struct experiment *e = experiment;
    struct accuracy_table made = {.experiment = e};
    enum status status = OK;
    made.cells = mem_alloc(e->n_models * e->n_poolings, sizeof *made.cells);
    made.n_images = mem_alloc(e->n_models, sizeof *made.n_images);
    if (!made.cells || !made.n_images) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t m = 0; m < e->n_models; m++)
        for (size_t i = 0; i < e->n_seeds; i++) GUARD(build_seed(&made, folder, m, i));
    for (size_t i = 0; i < e->n_models * e->n_poolings; i++)
        conclude(&made.cells[i - i % e->n_poolings], &made.cells[i], e->n_seeds);
    *table = made;
    return OK;
done:
    accuracy_table_free(&made);
    return status;
}

void accuracy_table_free(struct accuracy_table *table)
{
    mem_free(table->cells);
    mem_free(table->n_images);
    table->cells = NULL;
    table->n_images = NULL;
}
