// The table as text, as Markdown and as JSON.
#include <string.h>

#include "base/json.h"
#include "train/experiment_form.h"
#include "train/experiment_table.h"
#include "train/text_grid.h"

static const struct experiment_cell *cell_at(const struct experiment_table *table, size_t model,
                                             size_t pooling)
{
    return &table->cells[model * table->experiment->n_poolings + pooling];
}

static enum status add_head(struct text_grid *grid, const char *second)
{
    TRY(text_grid_add(grid, "model"));
    TRY(text_grid_add(grid, "%s", second));
    for (int s = 0; s < TABLE_STATS; s++) TRY(text_grid_add(grid, "%s", coco_stat_names[s]));
    return OK;
}

// The paper's form: "57.6 -> 58.0".
static enum status fill_paper(const void *context, struct text_grid *grid)
{
    const struct experiment_table *table = (const struct experiment_table *)context;
    const struct experiment *e = table->experiment;
    TRY(add_head(grid, "pooling"));
    for (size_t m = 0; m < e->n_models; m++)
        for (size_t p = 1; p < e->n_poolings; p++) {
            const double *a = cell_at(table, m, 0)->mean, *b = cell_at(table, m, p)->mean;
            TRY(text_grid_add(grid, "%s", e->models[m]));
            TRY(text_grid_add(grid, "%s -> %s", e->poolings[0], e->poolings[p]));
            for (int s = 0; s < TABLE_STATS; s++)
                if (a[s] < 0)
                    TRY(text_grid_add(grid, "-"));
                else
                    TRY(text_grid_add(grid, "%.1f -> %.1f", 100 * a[s], 100 * b[s]));
        }
    return OK;
}

// "57.6 (0.4)"
static enum status fill_spread(const void *context, struct text_grid *grid)
{
    const struct experiment_table *table = (const struct experiment_table *)context;
    const struct experiment *e = table->experiment;
    TRY(add_head(grid, "pooling"));
    for (size_t m = 0; m < e->n_models; m++)
        for (size_t p = 0; p < e->n_poolings; p++) {
            const struct experiment_cell *cell = cell_at(table, m, p);
            TRY(text_grid_add(grid, "%s", e->models[m]));
            TRY(text_grid_add(grid, "%s", e->poolings[p]));
            for (int s = 0; s < TABLE_STATS; s++)
                if (cell->mean[s] < 0)
                    TRY(text_grid_add(grid, "-"));
                else if (cell->spread[s] < 0)
                    TRY(text_grid_add(grid, "%.1f", 100 * cell->mean[s]));
                else
                    TRY(text_grid_add(grid, "%.1f (%.1f)", 100 * cell->mean[s],
                                      100 * cell->spread[s]));
        }
    return OK;
}

// A row of seven cells; the names stand in the first row of three.
static enum status add_difference(const struct experiment_table *table, size_t model,
                                  size_t pooling, int stat, struct text_grid *grid)
{
    const struct experiment *e = table->experiment;
    const struct experiment_cell *cell = cell_at(table, model, pooling);
    const struct compare_number *n = &cell->compared[stat];
    bool is_clear = n->n_resamples > 0 && (n->low > 0 || n->high < 0);
    char seeds[TEXT_GRID_CELL_BYTES] = "";
    if (stat == COMPARE_AP) {
        const struct experiment_cell *first = cell_at(table, model, 0);
        double differences[FIELD_LIST_MAX];
        for (size_t i = 0; i < e->n_seeds; i++)
            differences[i] = cell->stats[i][0] - first->stats[i][0];
        experiment_seeds_text(differences, e->n_seeds, true, seeds, sizeof seeds);
        TRY(text_grid_add(grid, "%s", e->models[model]));
        TRY(text_grid_add(grid, "%s - %s", e->poolings[pooling], e->poolings[0]));
    } else {
        TRY(text_grid_add(grid, "%s", ""));
        TRY(text_grid_add(grid, "%s", ""));
    }
    TRY(text_grid_add(grid, "%s", compare_stat_names[stat]));
    TRY(text_grid_add(grid, "%+.2f", 100 * n->difference));
    TRY(text_grid_add(grid, "[%+.2f, %+.2f]%s", 100 * n->low, 100 * n->high, is_clear ? " *" : ""));
    TRY(text_grid_add(grid, "%.3f", n->p));
    return text_grid_add(grid, "%s", seeds);
}

static enum status fill_differences(const void *context, struct text_grid *grid)
{
    const struct experiment_table *table = (const struct experiment_table *)context;
    static const char *const head[] = {"model",         "difference", "",         "mean",
                                       "95 % interval", "p",          "each seed"};
    const struct experiment *e = table->experiment;
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) TRY(text_grid_add(grid, "%s", head[i]));
    for (size_t m = 0; m < e->n_models; m++)
        for (size_t p = 1; p < e->n_poolings; p++)
            for (int s = 0; s < COMPARE_STATS; s++) TRY(add_difference(table, m, p, s, grid));
    return OK;
}

static enum status write_tables(const struct experiment_table *table, bool is_markdown,
                                FILE *stream)
{
    const struct experiment *e = table->experiment;
    experiment_write_title(e, e->settings.type ? "Mask AP" : "Box AP", "mean", stream);
    if (e->n_poolings > 1) {
        TRY(text_grid_write(2 + TABLE_STATS, fill_paper, table, is_markdown, stream));
        fputc('\n', stream);
    }
    if (e->n_seeds > 1) fputs("Mean (standard deviation over the seeds):\n\n", stream);
    if (e->n_seeds > 1 || e->n_poolings == 1)
        TRY(text_grid_write(2 + TABLE_STATS, fill_spread, table, is_markdown, stream));
    if (e->n_poolings == 1) return OK;
    if (e->n_seeds > 1) fputc('\n', stream);
    fprintf(stream,
            "Differences%s; the interval is that of %lld resamples of the images, the same for\n"
            "both poolings%s; a star: zero is not in it.\n\n",
            e->n_seeds > 1 ? " of equal seeds" : "", (long long)e->settings.resamples,
            e->n_seeds > 1 ? " and all seeds" : "");
    return text_grid_write(7, fill_differences, table, is_markdown, stream);
}

enum status experiment_table_print(const struct experiment_table *table, FILE *stream)
{
    return write_tables(table, false, stream);
}

static enum status write_markdown(const void *table, FILE *stream)
{
    return write_tables((const struct experiment_table *)table, true, stream);
}

enum status experiment_table_save_markdown(const struct experiment_table *table, const char *path)
{
    return experiment_save_text(path, table, write_markdown);
}

static void write_compared(FILE *stream, const struct experiment *e,
                           const struct experiment_cell *cell)
{
    fputs(",\n       \"compared_with\": ", stream);
    json_write_string(stream, e->poolings[0]);
    fputs(", \"differences\": {", stream);
    for (int s = 0; s < COMPARE_STATS; s++) {
        const struct compare_number *n = &cell->compared[s];
        fprintf(stream,
                "%s\n         \"%s\": {\"difference\": %.17g, \"low\": %.17g, \"high\": %.17g, "
                "\"p\": %.17g, \"resamples\": %d}",
                s ? "," : "", compare_stat_names[s], n->difference, n->low, n->high, n->p,
                n->n_resamples);
    }
    fputc('}', stream);
}

static void write_cell(const void *context, size_t model, size_t pooling, FILE *stream)
{
    const struct experiment_table *table = (const struct experiment_table *)context;
    const struct experiment *e = table->experiment;
    const struct experiment_cell *cell = cell_at(table, model, pooling);
    experiment_write_stats(stream, "mean", TABLE_STATS, coco_stat_names, cell->mean);
    fputs(",\n       ", stream);
    experiment_write_stats(stream, "spread", TABLE_STATS, coco_stat_names, cell->spread);
    fputs(",\n       \"runs\": [", stream);
    for (size_t s = 0; s < e->n_seeds; s++) {
        fprintf(stream, "%s\n         {\"run\": \"%s\", \"seed\": %ld, ", s ? "," : "",
                experiment_run_at(e, model, pooling, s)->name, e->settings.seeds.v[s]);
        experiment_write_stats(stream, "stats", TABLE_STATS, coco_stat_names, cell->stats[s]);
        fputc('}', stream);
    }
    fputc(']', stream);
    if (pooling) write_compared(stream, e, cell);
}

enum status experiment_table_save_json(const struct experiment_table *table, const char *path)
{
    const struct experiment_json json = {table->experiment->settings.type ? "segm" : "bbox",
                                         " \"interval\": 0.95,", table->experiment,
                                         table->n_images, table, write_cell};
    return experiment_save_json(&json, path);
}
