#include "eval/curves.h"

#include <stdlib.h>

#include "base/mem.h"

void score_curve_free(struct score_curve *curve)
{
    mem_free(curve->points);
    *curve = (struct score_curve){0};
}

double curve_precision(const struct score_curve *curve, size_t i)
{
    int64_t n = curve->points[i].n_hits + curve->points[i].n_false;
    return n ? (double)curve->points[i].n_hits / (double)n : 0;
}

double curve_recall(const struct score_curve *curve, size_t i)
{
    return curve->n_objects ? (double)curve->points[i].n_hits / (double)curve->n_objects : 0;
}

double curve_f1(const struct score_curve *curve, size_t i)
{
    int64_t n = curve->points[i].n_hits + curve->points[i].n_false + curve->n_objects;
    return n ? 2 * (double)curve->points[i].n_hits / (double)n : 0;
}

static int by_score(const void *left, const void *right)
{
    const struct curve_point *a = left, *b = right;
    return a->score > b->score ? -1 : a->score < b->score;
}

// A category's cells in cells->by_category.
static void find_cells(const struct cells *cells, size_t category, size_t *begin, size_t *end)
{
    *begin = category == CURVE_ALL || category == 0 ? 0 : cells->category_ends[category - 1];
    *end = category == CURVE_ALL ? cells->n_cells : cells->category_ends[category];
}

// One point a detection that counts.
static size_t collect(const struct cells *cells, const struct matches *matches, size_t category,
                      int threshold, struct curve_point *points)
{
    uint32_t bit = (uint32_t)1 << threshold;
    size_t n = 0, begin, end;
    find_cells(cells, category, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        const struct cell *cell = &cells->cells[cells->by_category[i]];
        for (size_t d = 0; d < cell->n_detections; d++) {
            size_t at = cell->first_detection + d;
            if (matches->ignored[at] & bit) continue;
            bool is_hit = matches->matched[at] & bit;
            points[n++] = (struct curve_point){cells->detections[at].score, is_hit, !is_hit};
        }
    }
    return n;
}

// From single detections to sums, equal scores together.
static size_t add_up(struct curve_point *points, size_t n)
{
    struct curve_point sum = {0};
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        sum.score = points[i].score;
        sum.n_hits += points[i].n_hits;
        sum.n_false += points[i].n_false;
        if (i + 1 < n && points[i + 1].score == sum.score) continue;
        points[used++] = sum;
    }
    return used;
}

enum status score_curve_make(const struct eval_truth *truth, const struct cells *cells,
                             const struct matches *matches, const struct eval_params *params,
                             size_t category, int threshold, struct score_curve *out)
{
    struct score_curve curve = {0};
    size_t n = 0, begin, end;
    find_cells(cells, category, &begin, &end);
    for (size_t i = begin; i < end; i++) n += cells->cells[cells->by_category[i]].n_detections;
    curve.points = mem_alloc(n, sizeof *curve.points);
    if (!curve.points) return ERR_MEMORY;
    n = collect(cells, matches, category, threshold, curve.points);
    qsort(curve.points, n, sizeof *curve.points, by_score);
    curve.n = add_up(curve.points, n);
    for (size_t i = 0; i < truth->n_objects; i++) {
        const struct truth_object *object = &truth->objects[i];
        if (category != CURVE_ALL && params->use_categories && object->category != category)
            continue;
        curve.n_objects += !match_is_ignored(object, &params->areas[0], params);
    }
    for (size_t i = 1; i < curve.n; i++)
        if (curve_f1(&curve, i) > curve_f1(&curve, curve.best)) curve.best = i;
    *out = curve;
    return OK;
}

size_t score_curve_thin(const struct score_curve *curve, double low, double high, size_t n_bins,
                        size_t *chosen)
{
    size_t n = 0;
    double scale = high > low ? (double)n_bins / (high - low) : 0;
    for (size_t i = 0; i < curve->n; i++) {
        bool is_last = i + 1 == curve->n;
        int64_t bin = (int64_t)((curve->points[i].score - low) * scale);
        int64_t next = is_last ? -1 : (int64_t)((curve->points[i + 1].score - low) * scale);
        if (bin >= (int64_t)n_bins) bin = (int64_t)n_bins - 1;
        if (next >= (int64_t)n_bins) next = (int64_t)n_bins - 1;
        if (i == 0 || is_last || i == curve->best || bin != next) chosen[n++] = i;
    }
    return n;
}
