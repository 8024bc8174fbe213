// The table as text, as Markdown and as JSON.
#include <inttypes.h>

#include "train/experiment_accuracy.h"
#include "train/experiment_form.h"
#include "train/text_grid.h"

static const char *const stat_names[ACCURACY_STATS] = {"top-1", "top-5", "per class"};
static const char *const stat_keys[ACCURACY_STATS] = {"top1", "top5", "per_class"};

static const struct accuracy_cell *cell_at(const struct accuracy_table *table, size_t model,
                                           size_t pooling)
{
    return &table->cells[model * table->experiment->n_poolings + pooling];
}

// "93.1 (0.4)", with a sign where it is a difference.
static enum status add_mean(struct text_grid *grid, double mean, double spread, bool is_signed)
{
    char text[48];
    snprintf(text, sizeof text, is_signed ? "%+.2f" : "%.2f", 100 * mean);
    if (spread < 0) return text_grid_add(grid, "%s", text);
    return text_grid_add(grid, "%s (%.2f)", text, 100 * spread);
}

static enum status add_seeds(const struct accuracy_cell *cell, size_t n_seeds,
                             struct text_grid *grid)
{
    char text[TEXT_GRID_CELL_BYTES];
    double values[FIELD_LIST_MAX];
    for (size_t i = 0; i < n_seeds; i++) values[i] = cell->stats[i][ACCURACY_TOP1];
    experiment_seeds_text(values, n_seeds, false, text, sizeof text);
    return text_grid_add(grid, "%s", text);
}

static enum status fill_means(const void *context, struct text_grid *grid)
{
    const struct accuracy_table *table = (const struct accuracy_table *)context;
    const struct experiment *e = table->experiment;
    TRY(text_grid_add(grid, "model"));
    TRY(text_grid_add(grid, "pooling"));
    for (int s = 0; s < ACCURACY_STATS; s++) TRY(text_grid_add(grid, "%s", stat_names[s]));
    TRY(text_grid_add(grid, "top-1 - %s", e->poolings[0]));
    TRY(text_grid_add(grid, "top-1 of each seed"));
    for (size_t m = 0; m < e->n_models; m++)
        for (size_t p = 0; p < e->n_poolings; p++) {
            const struct accuracy_cell *cell = cell_at(table, m, p);
            TRY(text_grid_add(grid, "%s", e->models[m]));
            TRY(text_grid_add(grid, "%s", e->poolings[p]));
            for (int s = 0; s < ACCURACY_STATS; s++)
                TRY(add_mean(grid, cell->mean[s], cell->spread[s], false));
            if (p)
                TRY(add_mean(grid, cell->difference, cell->difference_spread, true));
            else
                TRY(text_grid_add(grid, "%s", ""));
            TRY(add_seeds(cell, e->n_seeds, grid));
        }
    return OK;
}

static enum status add_test(const struct accuracy_table *table, const struct experiment_run *run,
                            struct text_grid *grid)
{
    const struct experiment *e = table->experiment;
    const struct mcnemar *t = &cell_at(table, run->model, run->pooling)->tests[run->seed];
    TRY(text_grid_add(grid, "%s", e->models[run->model]));
    TRY(text_grid_add(grid, "%s - %s", e->poolings[run->pooling], e->poolings[0]));
    TRY(text_grid_add(grid, "%ld", e->settings.seeds.v[run->seed]));
    TRY(text_grid_add(grid, "%" PRId64, t->only_b));
    TRY(text_grid_add(grid, "%" PRId64, t->only_a));
    TRY(text_grid_add(grid, "%.2f", t->chi2));
    TRY(text_grid_add(grid, "%.2g", t->chi2_p));
    TRY(text_grid_add(grid, "%.2f", t->corrected));
    TRY(text_grid_add(grid, "%.2g", t->corrected_p));
    return text_grid_add(grid, "%.2g", t->exact_p);
}

static enum status fill_tests(const void *context, struct text_grid *grid)
{
    const struct accuracy_table *table = (const struct accuracy_table *)context;
    static const char *const head[] = {"model", "pair",          "seed",      "only one right",
                                       "other", "chi2",          "p",         "corrected chi2",
                                       "p",     "exact p"};
    const struct experiment *e = table->experiment;
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) TRY(text_grid_add(grid, "%s", head[i]));
    for (size_t m = 0; m < e->n_models; m++)
        for (size_t p = 1; p < e->n_poolings; p++)
            for (size_t s = 0; s < e->n_seeds; s++)
                TRY(add_test(table, experiment_run_at(e, m, p, s), grid));
    return OK;
}

static enum status write_tables(const struct accuracy_table *table, bool is_markdown,
                                FILE *stream)
{
    const struct experiment *e = table->experiment;
    experiment_write_title(e, "Accuracy", "mean (standard deviation)", stream);
    TRY(text_grid_write(4 + ACCURACY_STATS, fill_means, table, is_markdown, stream));
    if (e->n_poolings == 1) return OK;
    fputs("\nMcNemar's test of equal seeds on the same images: how many only the one or only the\n"
          "other has right, chi-squared plain and with Edwards' correction, exact binomial.\n\n",
          stream);
    return text_grid_write(10, fill_tests, table, is_markdown, stream);
}

enum status accuracy_table_print(const struct accuracy_table *table, FILE *stream)
{
    return write_tables(table, false, stream);
}

static enum status write_markdown(const void *table, FILE *stream)
{
    return write_tables((const struct accuracy_table *)table, true, stream);
}

enum status accuracy_table_save_markdown(const struct accuracy_table *table, const char *path)
{
    return experiment_save_text(path, table, write_markdown);
}

static void write_run(FILE *stream, const struct accuracy_table *table,
                      const struct experiment_run *run)
{
    const struct experiment *e = table->experiment;
    const struct accuracy_cell *cell = cell_at(table, run->model, run->pooling);
    const struct mcnemar *t = &cell->tests[run->seed];
    fprintf(stream, "%s\n         {\"run\": \"%s\", \"seed\": %ld, ", run->seed ? "," : "",
            run->name, e->settings.seeds.v[run->seed]);
    experiment_write_stats(stream, "stats", ACCURACY_STATS, stat_keys, cell->stats[run->seed]);
    if (run->pooling)
        fprintf(stream,
                ",\n          \"mcnemar\": {\"both\": %" PRId64 ", \"only_first\": %" PRId64
                ", \"only_this\": %" PRId64 ", \"neither\": %" PRId64
                ",\n            \"chi2\": %.17g, \"chi2_p\": %.17g, \"corrected\": %.17g, "
                "\"corrected_p\": %.17g, \"exact_p\": %.17g}",
                t->both, t->only_a, t->only_b, t->neither, t->chi2, t->chi2_p, t->corrected,
                t->corrected_p, t->exact_p);
    fputc('}', stream);
}

static void write_cell(const void *context, size_t model, size_t pooling, FILE *stream)
{
    const struct accuracy_table *table = (const struct accuracy_table *)context;
    const struct experiment *e = table->experiment;
    const struct accuracy_cell *cell = cell_at(table, model, pooling);
    experiment_write_stats(stream, "mean", ACCURACY_STATS, stat_keys, cell->mean);
    fputs(",\n       ", stream);
    experiment_write_stats(stream, "spread", ACCURACY_STATS, stat_keys, cell->spread);
    if (pooling) fprintf(stream, ",\n       \"difference\": %.17g", cell->difference);
    fputs(",\n       \"runs\": [", stream);
    for (size_t s = 0; s < e->n_seeds; s++)
        write_run(stream, table, experiment_run_at(e, model, pooling, s));
    fputc(']', stream);
}

enum status accuracy_table_save_json(const struct accuracy_table *table, const char *path)
{
    const struct experiment_json json = {"classification", "", table->experiment, table->n_images,
                                         table, write_cell};
    return experiment_save_json(&json, path);
}
