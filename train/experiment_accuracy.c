#include "train/experiment_accuracy.h"

#include <math.h>

#include "base/mem.h"
#include "eval/accuracy.h"
#include "train/experiment_run.h"

static void moments(const double *values, size_t stride, size_t n, double *mean, double *spread)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += values[i * stride];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += pow(values[i * stride] - *mean, 2);
    *spread = n > 1 ? sqrt(squares / (double)(n - 1)) : -1;
}

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

// One seed of a pooling, beside the same seed of the model's first pooling.
static enum status build_run(const struct accuracy_table *table, const char *folder,
                             const struct experiment_run *run)
{
    const struct experiment *e = table->experiment;
    const struct experiment_run *first = experiment_run_at(e, run->model, 0, run->seed);
    struct accuracy_cell *cell = &table->cells[run->model * e->n_poolings + run->pooling];
    struct class_results own, other;
    double unused[ACCURACY_STATS];
    enum status status = OK;
    class_results_init(&own);
    class_results_init(&other);
    GUARD(read_run(folder, run, &own, cell->stats[run->seed]));
    table->n_images[run->model] = own.n;
    if (run == first) goto done;
    GUARD(read_run(folder, first, &other, unused));
    GUARD(mcnemar_compare(&other, first->name, &own, run->name, &cell->tests[run->seed]));
done:
    class_results_free(&own);
    class_results_free(&other);
    return status;
}

static void conclude(const struct accuracy_cell *first, struct accuracy_cell *cell, size_t n_seeds)
{
    double differences[FIELD_LIST_MAX];
    for (int s = 0; s < ACCURACY_STATS; s++)
        moments(&cell->stats[0][s], ACCURACY_STATS, n_seeds, &cell->mean[s], &cell->spread[s]);
    for (size_t i = 0; i < n_seeds; i++)
        differences[i] = cell->stats[i][ACCURACY_TOP1] - first->stats[i][ACCURACY_TOP1];
    moments(differences, 1, n_seeds, &cell->difference, &cell->difference_spread);
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
    for (size_t i = 0; i < e->n_runs; i++) GUARD(build_run(&made, folder, &e->runs[i]));
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
