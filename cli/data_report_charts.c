#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/data_report.h"
#include "draw/bars.h"

enum { MOST_BINS = 64, LABEL_BYTES = 16 };

static enum status save(const struct bars *bars, const char *folder, const char *name)
{
    char path[PATH_BYTES];
    TRY(path_join(path, folder, name));
    return bars_save(bars, path);
}

static enum status save_classes(const struct survey *survey, const char *folder)
{
    size_t n = survey->n_categories;
    enum status status = ERR_MEMORY;
    double *values = (double *)mem_alloc(n, sizeof *values);
    const char **labels = (const char **)mem_alloc(n, sizeof *labels);
    if (!values || !labels) goto done;
    for (size_t i = 0; i < n; i++) {
        values[i] = (double)survey->categories[i].n_objects;
        labels[i] = survey->categories[i].name;
    }
    struct bars bars = {.title = "Objects of each class",
                        .labels = labels,
                        .values = values,
                        .n = n,
                        .mark = (double)NAN};
    status = save(&bars, folder, "classes.png");
done:
    mem_free(labels);
    mem_free(values);
    return status;
}

// A histogram of n bins; empty ones at the end are left away.
struct histogram {
    const size_t *bins;
    int n;
    char labels[MOST_BINS][LABEL_BYTES];
};

static enum status save_histogram(struct histogram *histogram, struct bars *bars,
                                  const char *folder, const char *name)
{
    double values[MOST_BINS];
    const char *labels[MOST_BINS];
    for (int i = 0; i < histogram->n; i++) {
        values[i] = (double)histogram->bins[i];
        labels[i] = histogram->labels[i];
    }
    bars->labels = labels;
    bars->values = values;
    bars->n = (size_t)histogram->n;
    bars->is_histogram = true;
    return save(bars, folder, name);
}

static int used(const size_t *bins, int n)
{
    while (n > 1 && bins[n - 1] == 0) n--;
    return n;
}

static enum status save_sizes(const struct data_report *report, const char *folder)
{
    struct histogram h = {.bins = report->sides, .n = used(report->sides, SIDE_BINS)};
    char text[160];
    for (int i = 0; i < h.n; i += 4)
        snprintf(h.labels[i], LABEL_BYTES, "%.0f", data_report_side(i));
    snprintf(text, sizeof text, "%zu small (side below 32), %zu medium (below 96), %zu large",
             report->small, report->medium, report->large);
    struct bars bars = {.title = "Sizes of objects",
                        .subtitle = text,
                        .mark = (double)NAN,
                        .label_title = "square root of the area, pixels of the image"};
    return save_histogram(&h, &bars, folder, "sizes.png");
}

static enum status save_counts(const struct data_report *report, const char *folder)
{
    struct histogram h = {.bins = report->counts, .n = used(report->counts, COUNT_BINS)};
    for (int i = 0; i < h.n; i++)
        snprintf(h.labels[i], LABEL_BYTES, "%zu", (size_t)i * report->count_step);
    struct bars bars = {
        .title = "Objects in an image", .label_title = "objects", .mark = (double)NAN};
    return save_histogram(&h, &bars, folder, "objects_per_image.png");
}

static enum status save_anchors(const struct data_report *report, const struct anchor_report *a,
                                const char *folder)
{
    struct histogram h = {.bins = a->bins, .n = IOU_BINS};
    char title[80], text[200], mark[80], name[64];
    for (int i = 0; i < h.n; i++) snprintf(h.labels[i], LABEL_BYTES, "%.2f", (double)i / IOU_BINS);
    snprintf(title, sizeof title, "Anchors of %s", a->name);
    snprintf(text, sizeof text,
             "best IoU of an anchor with each object, images of short side %d, at most %d; %zu of "
             "%zu objects below %.2g, %zu below %.2g",
             report->min_size, report->max_size, a->below_good, report->n_objects, a->good,
             a->below_poor, a->poor);
    snprintf(mark, sizeof mark, "%.2g: matches", a->good);
    snprintf(name, sizeof name, "anchors_%s.png", a->section);
    struct bars bars = {.title = title,
                        .subtitle = text,
                        .label_title = "best IoU",
                        .mark = a->good * IOU_BINS,
                        .mark_label = mark};
    return save_histogram(&h, &bars, folder, name);
}

enum status data_report_save_charts(const struct survey *survey, const struct data_report *report,
                                    const char *folder)
{
    TRY(folder_create(folder));
    TRY(save_classes(survey, folder));
    TRY(save_sizes(report, folder));
    TRY(save_counts(report, folder));
    for (int i = 0; i < ANCHOR_SETS; i++) TRY(save_anchors(report, &report->anchors[i], folder));
    return OK;
}
