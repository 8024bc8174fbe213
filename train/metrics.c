#define _POSIX_C_SOURCE 200809L
#include "train/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "train/metrics_points.h"

enum { LOG_LINE_BYTES = 4096, MAX_LOG_BYTES = 1 << 30 };

static void points_free(struct points *p)
{
    mem_free(p->x);
    for (int i = 0; i <= DETECTOR_MAX_LOSSES; i++) mem_free(p->y[i]);
}

static enum status points_add(struct points *p, double x, int n, const double *y)
{
    // One capacity serves all series, so each grows from the same old one.
    size_t grown = p->capacity;
    for (int i = -1; i < n; i++) {
        double **array = i < 0 ? &p->x : &p->y[i];
        size_t capacity = *array ? p->capacity : 0;
        TRY(mem_reserve(array, &capacity, p->n + 1, sizeof **array));
        if (i < 0 || capacity < grown) grown = capacity;
    }
    p->capacity = grown;
    p->x[p->n] = x;
    for (int i = 0; i < n; i++) p->y[i][p->n] = y[i];
    p->n++;
    return OK;
}

static enum status set_names(struct metrics *m, int n, const char *const *names)
{
    if (m->n_losses) return OK;
    for (int i = 0; i < n; i++) snprintf(m->names[i], METRICS_NAME_BYTES, "%s", names[i]);
    m->n_losses = n;
    return OK;
}

static enum status add_step(struct metrics *m, const struct metrics_step *step)
{
    double y[DETECTOR_MAX_LOSSES + 1] = {step->loss};
    for (int i = 0; i < step->n_losses; i++) y[i + 1] = step->losses[i];
    TRY(set_names(m, step->n_losses, step->names));
    return points_add(&m->losses, (double)step->iteration, m->n_losses + 1, y);
}

static enum status add_eval(struct metrics *m, int64_t iteration,
                            const struct evaluate_stats *stats)
{
    double y[2 * METRICS_APS];
    memcpy(y, stats->boxes, METRICS_APS * sizeof *y);
    memcpy(y + METRICS_APS, stats->masks, METRICS_APS * sizeof *y);
    if (stats->is_classification) {
        y[0] = stats->top1;
        y[1] = stats->top5;
    }
    m->is_classification = stats->is_classification;
    m->has_masks = m->has_masks || stats->has_masks;
    return points_add(&m->ap, (double)iteration, 2 * METRICS_APS, y);
}

static enum status read_stats(const cJSON *line, const struct json_place *place, const char *name,
                              double stats[COCO_STATS])
{
    const cJSON *object;
    TRY(json_get(line, place, name, JSON_OBJECT, &object));
    for (int i = 0; i < COCO_STATS; i++)
        TRY(json_get_number(object, place, coco_stat_names[i], &stats[i]));
    return OK;
}

static enum status read_step(struct metrics *m, const struct json_place *place, const cJSON *line)
{
    const cJSON *losses, *item;
    const char *names[DETECTOR_MAX_LOSSES];
    struct metrics_step step = {.names = names};
    TRY(json_get_id(line, place, "iteration", &step.iteration));
    TRY(json_get_number(line, place, "loss", &step.loss));
    TRY(json_get(line, place, "losses", JSON_OBJECT, &losses));
    cJSON_ArrayForEach(item, losses)
    {
        if (step.n_losses == DETECTOR_MAX_LOSSES || !cJSON_IsNumber(item)) break;
        names[step.n_losses] = item->string;
        step.losses[step.n_losses++] = item->valuedouble;
    }
    return add_step(m, &step);
}

static enum status read_eval(struct metrics *m, const struct json_place *place, const cJSON *line)
{
    struct evaluate_stats stats = {.has_masks = json_find(line, "mask_stats") != NULL,
                                   .is_classification = json_find(line, "top1") != NULL};
    int64_t iteration;
    TRY(json_get_id(line, place, "iteration", &iteration));
    if (stats.is_classification) {
        TRY(json_get_number(line, place, "top1", &stats.top1));
        TRY(json_get_number(line, place, "top5", &stats.top5));
        TRY(json_get_number(line, place, "loss", &stats.loss));
        return add_eval(m, iteration, &stats);
    }
    TRY(read_stats(line, place, "stats", stats.boxes));
    if (stats.has_masks) TRY(read_stats(line, place, "mask_stats", stats.masks));
    return add_eval(m, iteration, &stats);
}

static enum status read_line(struct metrics *m, const char *text, size_t n_bytes, size_t index)
{
    struct json_place place = {m->path, "line", index};
    const char *kind;
    cJSON *line = NULL;
    TRY(json_parse(m->path, text, n_bytes, false, &line));
    enum status status = json_get_string(line, &place, "kind", &kind);
    if (status == OK && strcmp(kind, "train") == 0) status = read_step(m, &place, line);
    else if (status == OK && strcmp(kind, "eval") == 0) status = read_eval(m, &place, line);
    cJSON_Delete(line);
    return status;
}

// The lines of an earlier part of this run.
static enum status read_log(struct metrics *m)
{
    char *text = NULL;
    size_t n_bytes = 0, index = 0;
    TRY(file_read(m->path, MAX_LOG_BYTES, &text, &n_bytes));
    enum status status = OK;
    for (const char *p = text, *end = text + n_bytes; p < end && status == OK; index++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        if (stop > p) status = read_line(m, p, (size_t)(stop - p), index);
        p = stop + 1;
    }
    mem_free(text);
    return status;
}

static enum status log_fail(const struct metrics *m)
{
    return fail(ERR_IO, "%s: cannot write: %s", m->path, strerror(errno));
}

static enum status open_log(struct metrics *m, uint64_t keep_bytes)
{
    m->log = fopen(m->path, keep_bytes && file_exists(m->path) ? "r+b" : "wb");
    if (!m->log) return fail(ERR_IO, "%s: cannot open: %s", m->path, strerror(errno));
    if (fseeko(m->log, 0, SEEK_END) != 0) return log_fail(m);
    off_t length = ftello(m->log);
    if (length < 0) return log_fail(m);
    // A shorter log than expected lost lines, nothing else: go on behind it.
    m->n_bytes = (uint64_t)length < keep_bytes ? (uint64_t)length : keep_bytes;
    if (ftruncate(fileno(m->log), (off_t)m->n_bytes) != 0) return log_fail(m);
    if (fseeko(m->log, 0, SEEK_END) != 0) return log_fail(m);
    return m->n_bytes ? read_log(m) : OK;
}

enum status metrics_open(const char *folder, uint64_t keep_bytes, struct metrics **metrics)
{
    struct metrics *m = (struct metrics *)mem_alloc(1, sizeof *m);
    if (!m) return ERR_MEMORY;
    snprintf(m->folder, sizeof m->folder, "%s", folder);
    enum status status = path_join(m->path, folder, "log.jsonl");
    if (status == OK) status = open_log(m, keep_bytes);
    if (status != OK) {
        metrics_close(m);
        return status;
    }
    *metrics = m;
    return OK;
}

void metrics_close(struct metrics *metrics)
{
    if (!metrics) return;
    if (metrics->log) fclose(metrics->log); // every line was flushed
    points_free(&metrics->losses);
    points_free(&metrics->ap);
    mem_free(metrics);
}

// A whole line at once, so that a full disk leaves no half one behind unnoticed.
static enum status write_line(struct metrics *m, const char *line)
{
    size_t n = strlen(line);
    if (fwrite(line, 1, n, m->log) != n || fflush(m->log) != 0) return log_fail(m);
    m->n_bytes += n;
    return OK;
}

enum status metrics_log_step(struct metrics *m, const struct metrics_step *step)
{
    size_t bytes = LOG_LINE_BYTES + (step->pools ? strlen(step->pools) : 0);
    char *line = (char *)mem_alloc(bytes, 1);
    if (!line) return ERR_MEMORY;
    int n = snprintf(line, bytes,
                     "{\"kind\":\"train\",\"iteration\":%" PRId64 ",\"lr\":%.9g,\"loss\":%.9g,"
                     "\"losses\":{",
                     step->iteration, step->lr, step->loss);
    for (int i = 0; i < step->n_losses; i++)
        n += snprintf(line + n, bytes - (size_t)n, "%s\"%.100s\":%.9g", i ? "," : "",
                      step->names[i], step->losses[i]);
    snprintf(line + n, bytes - (size_t)n,
             "},\"grad_norm\":%.9g,\"images_per_second\":%.6g,\"data_wait\":%.6g,"
             "\"seconds\":%.6g%s%s}\n",
             step->grad_norm, step->images_per_second, step->data_wait, step->seconds,
             step->pools ? ",\"pools\":" : "", step->pools ? step->pools : "");
    enum status status = write_line(m, line);
    mem_free(line);
    return status == OK ? add_step(m, step) : status;
}

static size_t write_stats(char *text, size_t bytes, const char *name,
                          const double stats[COCO_STATS])
{
    int n = snprintf(text, bytes, ",\"%s\":{", name);
    for (int i = 0; i < COCO_STATS; i++)
        n += snprintf(text + n, bytes - (size_t)n, "%s\"%s\":%.17g", i ? "," : "",
                      coco_stat_names[i], stats[i]);
    n += snprintf(text + n, bytes - (size_t)n, "}");
    return (size_t)n;
}

enum status metrics_log_eval(struct metrics *m, int64_t iteration, double seconds,
                             const struct evaluate_stats *stats)
{
    char line[LOG_LINE_BYTES];
    size_t n = (size_t)snprintf(line, sizeof line,
                                "{\"kind\":\"eval\",\"iteration\":%" PRId64 ",\"seconds\":%.6g",
                                iteration, seconds);
    if (stats->is_classification)
        n += (size_t)snprintf(line + n, sizeof line - n,
                              ",\"top1\":%.17g,\"top5\":%.17g,\"loss\":%.17g", stats->top1,
                              stats->top5, stats->loss);
    else
        n += write_stats(line + n, sizeof line - n, "stats", stats->boxes);
    if (stats->has_masks) n += write_stats(line + n, sizeof line - n, "mask_stats", stats->masks);
    snprintf(line + n, sizeof line - n, "}\n");
    TRY(write_line(m, line));
    return add_eval(m, iteration, stats);
}

uint64_t metrics_log_bytes(const struct metrics *metrics)
{
    return metrics->n_bytes;
}
