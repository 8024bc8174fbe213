#include "draw/chart.h"
#include "train/metrics_points.h"

static enum status draw(const struct metrics *m, const char *name, const struct chart *chart)
{
    char path[PATH_BYTES];
    TRY(path_join(path, m->folder, name));
    return chart_save(chart, path);
}

static enum status draw_losses(const struct metrics *m)
{
    const struct points *p = &m->losses;
    struct chart_series series[DETECTOR_MAX_LOSSES + 1];
    for (int i = 0; i <= m->n_losses; i++)
        series[i] = (struct chart_series){.name = i ? m->names[i - 1] : "total",
                                          .x = p->x,
                                          .y = p->y[i],
                                          .n = p->n,
                                          .smoothing = p->n > 20 ? 0.9 : 0};
    struct chart chart = {.title = "Training losses", .x_label = "iteration", .y_label = "loss",
                          .series = series, .n_series = (size_t)m->n_losses + 1};
    return draw(m, "losses.png", &chart);
}

static enum status draw_ap(const struct metrics *m)
{
    static const char *const names[2][2 * METRICS_APS] = {
        {"AP", "AP50", "AP75"},
        {"box AP", "box AP50", "box AP75", "mask AP", "mask AP50", "mask AP75"}};
    int n = m->has_masks ? 2 * METRICS_APS : METRICS_APS;
    struct chart_series series[2 * METRICS_APS];
    for (int i = 0; i < n; i++)
        series[i] = (struct chart_series){.name = names[m->has_masks][i], .x = m->ap.x,
                                          .y = m->ap.y[i], .n = m->ap.n, .has_markers = true};
    struct chart chart = {.title = "Average precision on the validation set",
                          .x_label = "iteration", .y_label = "AP", .series = series,
                          .n_series = (size_t)n, .has_y_range = true, .y_min = 0, .y_max = 1};
    return draw(m, "ap.png", &chart);
}

static enum status draw_accuracy(const struct metrics *m)
{
    struct chart_series series[2] = {
        {.name = "top-1", .x = m->ap.x, .y = m->ap.y[0], .n = m->ap.n, .has_markers = true},
        {.name = "top-5", .x = m->ap.x, .y = m->ap.y[1], .n = m->ap.n, .has_markers = true}};
    struct chart chart = {.title = "Accuracy on the validation set", .x_label = "iteration",
                          .y_label = "share of images", .series = series, .n_series = 2,
                          .has_y_range = true, .y_min = 0, .y_max = 1};
    return draw(m, "accuracy.png", &chart);
}

enum status metrics_draw(const struct metrics *metrics)
{
    TRY(draw_losses(metrics));
    if (metrics->is_classification) return draw_accuracy(metrics);
    return metrics->ap.n ? draw_ap(metrics) : OK;
}
