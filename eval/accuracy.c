#include "eval/accuracy.h"

#include <inttypes.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "draw/bars.h"
#include "draw/grid.h"

void accuracy_free(struct accuracy *accuracy)
{
    mem_free(accuracy->confusion);
    mem_free(accuracy->n_of);
    mem_free(accuracy->n_top5_of);
    *accuracy = (struct accuracy){.n = 0};
}

static void count(struct accuracy *a, const struct class_result *r, int64_t *n_top1,
                  int64_t *n_top5)
{
    int64_t is_among = 0;
    size_t own = (size_t)r->label;
    for (int i = 0; i < r->n_top; i++) is_among |= r->top[i] == r->label;
    a->n++;
    a->n_of[own]++;
    a->n_top5_of[own] += is_among;
    a->confusion[own * a->n_classes + (size_t)r->top[0]]++;
    a->loss += r->loss;
    *n_top1 += r->top[0] == r->label;
    *n_top5 += is_among;
}

static double top1_of(const struct accuracy *a, size_t class)
{
    return (double)a->confusion[class * a->n_classes + class] / (double)a->n_of[class];
}

static void conclude(struct accuracy *a, int64_t n_top1, int64_t n_top5)
{
    size_t n_present = 0;
    if (a->n == 0) return;
    a->top1 = (double)n_top1 / (double)a->n;
    a->top5 = (double)n_top5 / (double)a->n;
    a->loss /= (double)a->n;
    for (size_t k = 0; k < a->n_classes; k++) {
        if (a->n_of[k] == 0) continue;
        a->per_class_mean += top1_of(a, k);
        n_present++;
    }
    a->per_class_mean /= (double)n_present;
}

enum status accuracy_measure(const struct class_results *results, struct accuracy *accuracy)
{
    size_t n = results->n_classes;
    struct accuracy a = {.n_classes = n, .names = results->classes};
    int64_t n_top1 = 0, n_top5 = 0;
    a.confusion = (int64_t *)mem_alloc(n, n * sizeof *a.confusion);
    a.n_of = (int64_t *)mem_alloc(n, sizeof *a.n_of);
    a.n_top5_of = (int64_t *)mem_alloc(n, sizeof *a.n_top5_of);
    if (!a.confusion || !a.n_of || !a.n_top5_of) {
        accuracy_free(&a);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < results->n; i++)
        if (results->items[i].label >= 0) count(&a, &results->items[i], &n_top1, &n_top5);
    conclude(&a, n_top1, n_top5);
    *accuracy = a;
    return OK;
}

void accuracy_print(const struct accuracy *a, FILE *stream)
{
    fprintf(stream,
            "%zu images: top-1 %.2f %%, top-5 %.2f %%, mean of the classes %.2f %%, loss %.4f\n",
            a->n, 100 * a->top1, 100 * a->top5, 100 * a->per_class_mean, a->loss);
}

// The wrong class that most images of a class are taken for; n_classes: none.
static size_t mistaken_for(const struct accuracy *a, size_t class)
{
    const int64_t *row = a->confusion + class * a->n_classes;
    size_t best = a->n_classes;
    for (size_t k = 0; k < a->n_classes; k++)
        if (k != class && row[k] > 0 && (best == a->n_classes || row[k] > row[best])) best = k;
    return best;
}

void accuracy_print_classes(const struct accuracy *a, FILE *stream)
{
    fprintf(stream, "%-24s %8s %8s %8s  %s\n", "class", "images", "top-1", "top-5",
            "most often taken for");
    for (size_t k = 0; k < a->n_classes; k++) {
        fprintf(stream, "%-24.24s %8" PRId64, a->names[k], a->n_of[k]);
        if (a->n_of[k] == 0) {
            fprintf(stream, " %8s %8s\n", "-", "-");
            continue;
        }
        size_t other = mistaken_for(a, k);
        fprintf(stream, " %8.2f %8.2f", 100 * top1_of(a, k),
                100 * (double)a->n_top5_of[k] / (double)a->n_of[k]);
        if (other < a->n_classes)
            fprintf(stream, "  %s (%" PRId64 ")", a->names[other],
                    a->confusion[k * a->n_classes + other]);
        fputc('\n', stream);
    }
}

static void write_class(const struct accuracy *a, size_t k, FILE *stream)
{
    fprintf(stream, "%s\n  {\"name\": ", k ? "," : "");
    json_write_string(stream, a->names[k]);
    if (a->n_of[k])
        fprintf(stream, ", \"images\": %" PRId64 ", \"top1\": %.17g, \"top5\": %.17g}", a->n_of[k],
                top1_of(a, k), (double)a->n_top5_of[k] / (double)a->n_of[k]);
    else
        fputs(", \"images\": 0, \"top1\": null, \"top5\": null}", stream);
}

enum status accuracy_save_json(const struct accuracy *a, const char *path)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fprintf(stream,
            "{\"images\": %zu, \"top1\": %.17g, \"top5\": %.17g, \"loss\": %.17g, "
            "\"per_class_mean\": %.17g,\n \"classes\": [",
            a->n, a->top1, a->top5, a->loss, a->per_class_mean);
    for (size_t k = 0; k < a->n_classes; k++) write_class(a, k, stream);
    fputs("],\n \"confusion\": [", stream);
    for (size_t k = 0; k < a->n_classes; k++) {
        fprintf(stream, "%s\n  [", k ? "," : "");
        for (size_t j = 0; j < a->n_classes; j++)
            fprintf(stream, "%s%" PRId64, j ? ", " : "", a->confusion[k * a->n_classes + j]);
        fputc(']', stream);
    }
    fputs("]}\n", stream);
    return file_writer_commit(&writer);
}

enum status accuracy_draw(const struct accuracy *a, const char *path)
{
    char title[96];
    snprintf(title, sizeof title, "Confusion matrix: top-1 %.2f %% of %zu images", 100 * a->top1,
             a->n);
    const struct grid grid = {.title = title,
                              .row_title = "class of the image",
                              .column_title = "taken for",
                              .names = a->names,
                              .counts = a->confusion,
                              .n = a->n_classes};
    return grid_save(&grid, path);
}

enum status accuracy_draw_classes(const struct accuracy *a, const char *path)
{
    char subtitle[96];
    size_t n = 0;
    const char **names = (const char **)mem_alloc(a->n_classes, sizeof *names);
    double *values = (double *)mem_alloc(a->n_classes, sizeof *values);
    enum status status = names && values ? OK : ERR_MEMORY;
    if (status != OK) goto done;
    for (size_t k = 0; k < a->n_classes; k++) {
        if (a->n_of[k] == 0) continue;
        names[n] = a->names[k];
        values[n++] = 100 * top1_of(a, k);
    }
    snprintf(subtitle, sizeof subtitle, "top-1 in %% of each class's images; mean %.2f, all %.2f",
             100 * a->per_class_mean, 100 * a->top1);
    const struct bars bars = {.title = "Accuracy of each class",
                              .subtitle = subtitle,
                              .labels = names,
                              .values = values,
                              .n = n,
                              .full = 100};
    status = bars_save(&bars, path);
done:
    mem_free(names);
    mem_free(values);
    return status;
}
