#include "eval/tide_ap.h"

#include <float.h>
#include <string.h>

#include "base/mem.h"
#include "eval/assign.h"
#include "eval/order.h"

void tide_ap_free(struct tide_ap *ap)
{
    mem_free(ap->order);
    mem_free(ap->n_objects);
    mem_free(ap->outcomes);
    mem_free(ap->ends);
    mem_free(ap->hits);
    mem_free(ap->precision);
    *ap = (struct tide_ap){0};
}

enum status tide_ap_create(const struct eval_truth *truth, const struct cells *cells,
                           const struct overlaps *overlaps, const struct eval_params *params,
                           struct tide_ap *out)
{
    size_t n = cells->n_detections;
    struct tide_ap ap = {.params = params, .n_detections = n, .n_categories = cells->n_categories};
    enum status status = OK;
    double *scores = mem_alloc(n, sizeof *scores);
    uint32_t *scratch = mem_alloc(n, sizeof *scratch);
    ap.order = mem_alloc(n, sizeof *ap.order);
    ap.n_objects = mem_alloc(ap.n_categories, sizeof *ap.n_objects);
    ap.outcomes = mem_alloc(n, sizeof *ap.outcomes);
    ap.ends = mem_alloc(ap.n_categories + 1, sizeof *ap.ends);
    ap.hits = mem_alloc(n, sizeof *ap.hits);
    ap.precision = mem_alloc(n, sizeof *ap.precision);
    if (!scores || !scratch || !ap.order || !ap.n_objects || !ap.outcomes || !ap.ends || !ap.hits ||
        !ap.precision) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t d = 0; d < n; d++) {
        ap.order[d] = overlaps->order[d];
        scores[d] = cells->detections[d].score;
    }
    order_by_score(ap.order, n, scores, scratch);
    for (size_t g = 0; g < truth->n_objects; g++)
        if (!assign_is_ignored(&truth->objects[g], params))
            ap.n_objects[assign_category(&truth->objects[g], params)]++;
    *out = ap;
    ap = (struct tide_ap){0};
done:
    mem_free(scores);
    mem_free(scratch);
    tide_ap_free(&ap);
    return status;
}

// As eval/accumulate.c: monotone precision at the recalls, the first place that reaches each.
static double average_precision(const bool *hits, size_t n, int64_t n_objects,
                                const double *recalls, double *precision)
{
    int64_t n_hits = 0, found = 0;
    for (size_t i = 0; i < n; i++) {
        n_hits += hits[i];
        precision[i] = (double)n_hits / ((double)(i + 1) + DBL_EPSILON);
    }
    for (size_t i = n; i-- > 1;)
        if (precision[i] > precision[i - 1]) precision[i - 1] = precision[i];
    double sum = 0;
    size_t r = 0;
    for (size_t i = 0; i < n && r < EVAL_RECALLS; i++) {
        found += hits[i];
        for (; r < EVAL_RECALLS && (double)found / (double)n_objects >= recalls[r]; r++)
            sum += precision[i];
    }
    return sum / EVAL_RECALLS;
}

double tide_ap_mean(struct tide_ap *ap, const int64_t *n_less)
{
    double sum = 0;
    size_t n_means = 0;
    memset(ap->ends, 0, (ap->n_categories + 1) * sizeof *ap->ends);
    for (size_t d = 0; d < ap->n_detections; d++)
        if (ap->outcomes[d].is_kept) ap->ends[ap->outcomes[d].category + 1]++;
    for (size_t k = 0; k < ap->n_categories; k++) ap->ends[k + 1] += ap->ends[k];
    // ends[k] is moved from the beginning of category k to its end, the beginning of k + 1.
    for (size_t i = 0; i < ap->n_detections; i++) {
        const struct tide_outcome *outcome = &ap->outcomes[ap->order[i]];
        if (outcome->is_kept) ap->hits[ap->ends[outcome->category]++] = outcome->is_hit;
    }
    for (size_t k = 0; k < ap->n_categories; k++) {
        size_t begin = k ? ap->ends[k - 1] : 0, n = ap->ends[k] - begin;
        int64_t n_objects = ap->n_objects[k] - (n_less ? n_less[k] : 0);
        if (ap->n_objects[k] == 0 || (n_objects == 0 && n == 0)) continue;
        n_means++;
        if (n_objects > 0)
            sum += average_precision(ap->hits + begin, n, n_objects, ap->params->recalls,
                                     ap->precision);
    }
    return n_means ? sum / (double)n_means : -1;
}
