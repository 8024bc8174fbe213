#include "eval/accumulate.h"

#include <omp.h>

#include "base/mem.h"
#include "eval/order.h"

// All detections by category and, within, by descending score over all images.
struct ranking {
    uint32_t *order;    // (n) indices of cells->detections
    uint32_t *rank;     // (n) by detection: its place in its own cell
    double *scores;     // (n) by detection
    size_t *begins;     // (K + 1) in order
    int64_t *n_objects; // (K, A) that are not ignored
    size_t largest;     // detections of one category
    size_t largest_objects;
};

// One thread's copy of a category's detections in order, and one curve.
struct curve {
    uint32_t *hit, *miss, *rank; // (largest) masks of the thresholds
    double *precision;           // (largest_objects) at each true positive
    uint32_t *at;                // (largest_objects) its place in the order
};

void eval_tensors_free(struct eval_tensors *tensors)
{
    mem_free(tensors->precision);
    mem_free(tensors->scores);
    mem_free(tensors->recall);
    *tensors = (struct eval_tensors){0};
}

static void ranking_free(struct ranking *ranking)
{
    mem_free(ranking->order);
    mem_free(ranking->rank);
    mem_free(ranking->scores);
    mem_free(ranking->begins);
    mem_free(ranking->n_objects);
}

static void count_objects(const struct eval_truth *truth, const struct eval_params *params,
                          struct ranking *ranking)
{
    size_t n_areas = (size_t)params->n_areas;
    for (size_t i = 0; i < truth->n_objects; i++) {
        const struct truth_object *object = &truth->objects[i];
        size_t category = params->use_categories ? object->category : 0;
        for (size_t a = 0; a < n_areas; a++)
            if (!match_is_ignored(object, &params->areas[a], params))
                ranking->n_objects[category * n_areas + a]++;
    }
    size_t n_pairs = n_areas * (params->use_categories ? truth->n_categories : 1);
    for (size_t i = 0; i < n_pairs; i++)
        if ((size_t)ranking->n_objects[i] > ranking->largest_objects)
            ranking->largest_objects = (size_t)ranking->n_objects[i];
}

static enum status rank_detections(const struct eval_truth *truth, const struct cells *cells,
                                   const struct eval_params *params, struct ranking *ranking)
{
    size_t n = cells->n_detections, n_categories = cells->n_categories;
    enum status status = OK;
    uint32_t *scratch = mem_alloc(n, sizeof *scratch);
    ranking->order = mem_alloc(n, sizeof *ranking->order);
    ranking->rank = mem_alloc(n, sizeof *ranking->rank);
    ranking->scores = mem_alloc(n, sizeof *ranking->scores);
    ranking->begins = mem_alloc(n_categories + 1, sizeof *ranking->begins);
    ranking->n_objects =
        mem_alloc(n_categories * (size_t)params->n_areas, sizeof *ranking->n_objects);
    if (!scratch || !ranking->order || !ranking->rank || !ranking->scores || !ranking->begins ||
        !ranking->n_objects) {
        status = ERR_MEMORY;
        goto done;
    }
    size_t used = 0, cell = 0;
    for (size_t k = 0; k < n_categories; k++) {
        for (; cell < cells->category_ends[k]; cell++) {
            const struct cell *c = &cells->cells[cells->by_category[cell]];
            for (size_t d = 0; d < c->n_detections; d++) {
                size_t detection = c->first_detection + d;
                ranking->order[used++] = (uint32_t)detection;
                ranking->rank[detection] = (uint32_t)d;
                ranking->scores[detection] = cells->detections[detection].score;
            }
        }
        ranking->begins[k + 1] = used;
        size_t count = used - ranking->begins[k];
        if (count > ranking->largest) ranking->largest = count;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(params->n_threads)
    for (size_t k = 0; k < n_categories; k++) {
        size_t begin = ranking->begins[k];
        order_by_score(ranking->order + begin, ranking->begins[k + 1] - begin, ranking->scores,
                       scratch + begin);
    }
    count_objects(truth, params, ranking);
done:
    mem_free(scratch);
    return status;
}

static void curve_free(struct curve *curve)
{
    mem_free(curve->hit);
    mem_free(curve->miss);
    mem_free(curve->rank);
    mem_free(curve->precision);
    mem_free(curve->at);
}

static enum status curve_create(const struct ranking *ranking, struct curve *curve)
{
    curve->hit = mem_alloc(ranking->largest, sizeof *curve->hit);
    curve->miss = mem_alloc(ranking->largest, sizeof *curve->miss);
    curve->rank = mem_alloc(ranking->largest, sizeof *curve->rank);
    // A true positive takes a counted object of its own, so there are no more of them than these.
    curve->precision = mem_alloc(ranking->largest_objects, sizeof *curve->precision);
    curve->at = mem_alloc(ranking->largest_objects, sizeof *curve->at);
    if (curve->hit && curve->miss && curve->rank && curve->precision && curve->at) return OK;
    return ERR_MEMORY;
}

struct sums {
    size_t n_hits, first; // first: place of the first detection under the limit
    bool is_empty;        // no detection under the limit
};

// Precision at every true positive, then its running maximum from the right. Other detections need
// no entry: precision only falls at them, and recall does not move.
static struct sums trace_curve(struct curve *curve, size_t n, int threshold, uint32_t limit)
{
    const double epsilon = 0x1p-52; // numpy.spacing(1): turns 0/0 into 0
    struct sums sums = {.is_empty = true};
    size_t n_misses = 0;
    for (size_t i = 0; i < n; i++) {
        if (curve->rank[i] >= limit) continue;
        if (sums.is_empty) {
            sums.is_empty = false;
            sums.first = i;
        }
        n_misses += curve->miss[i] >> threshold & 1;
        if (!(curve->hit[i] >> threshold & 1)) continue;
        double hits = (double)(sums.n_hits + 1), misses = (double)n_misses;
        curve->precision[sums.n_hits] = hits / (misses + hits + epsilon);
        curve->at[sums.n_hits++] = (uint32_t)i;
    }
    for (size_t i = sums.n_hits; i > 1; i--)
        if (curve->precision[i - 1] > curve->precision[i - 2])
            curve->precision[i - 2] = curve->precision[i - 1];
    return sums;
}

// One element of the tensors for each recall: element r is at values[r * stride].
static void sample_curve(const struct curve *curve, const struct sums *sums, int64_t n_objects,
                         const struct eval_params *params, const uint32_t *order,
                         const double *order_scores, double *precision, double *scores,
                         size_t stride)
{
    size_t hit = 0; // first whose recall reaches the wanted one
    for (size_t r = 0; r < EVAL_RECALLS; r++) {
        double wanted = params->recalls[r];
        precision[r * stride] = scores[r * stride] = 0;
        if (sums->is_empty) continue;
        if (wanted <= 0) { // reached by the first detection, whatever it is
            precision[r * stride] = sums->n_hits ? curve->precision[0] : 0;
            scores[r * stride] = order_scores[order[sums->first]];
            continue;
        }
        while (hit < sums->n_hits && (double)(hit + 1) / (double)n_objects < wanted) hit++;
        if (hit == sums->n_hits) continue;
        precision[r * stride] = curve->precision[hit];
        scores[r * stride] = order_scores[order[curve->at[hit]]];
    }
}

static void load_curve(const struct ranking *ranking, const struct matches *matches, size_t begin,
                       size_t n, size_t area, struct curve *curve)
{
    const uint32_t *matched = matches->matched + area * matches->n_detections;
    const uint32_t *ignored = matches->ignored + area * matches->n_detections;
    for (size_t i = 0; i < n; i++) {
        uint32_t detection = ranking->order[begin + i];
        curve->hit[i] = matched[detection] & ~ignored[detection];
        curve->miss[i] = ~matched[detection] & ~ignored[detection];
        curve->rank[i] = ranking->rank[detection];
    }
}

static void accumulate_pair(const struct ranking *ranking, const struct matches *matches,
                            const struct eval_params *params, size_t category, size_t area,
                            struct curve *curve, struct eval_tensors *tensors)
{
    size_t n_areas = tensors->n_areas, n_limits = tensors->n_limits, k = tensors->n_categories;
    int64_t n_objects = ranking->n_objects[category * n_areas + area];
    if (n_objects == 0) return; // stays -1
    size_t begin = ranking->begins[category], n = ranking->begins[category + 1] - begin;
    size_t stride = k * n_areas * n_limits; // between recalls
    load_curve(ranking, matches, begin, n, area, curve);
    for (size_t m = 0; m < n_limits; m++)
        for (size_t t = 0; t < tensors->n_thresholds; t++) {
            struct sums sums = trace_curve(curve, n, (int)t, (uint32_t)params->limits[m]);
            size_t within = (category * n_areas + area) * n_limits + m;
            size_t at = t * EVAL_RECALLS * stride + within;
            tensors->recall[t * stride + within] = (double)sums.n_hits / (double)n_objects;
            sample_curve(curve, &sums, n_objects, params, ranking->order + begin, ranking->scores,
                         tensors->precision + at, tensors->scores + at, stride);
        }
}

static enum status tensors_create(const struct cells *cells, const struct eval_params *params,
                                  struct eval_tensors *tensors)
{
    size_t n = cells->n_categories;
    tensors->n_thresholds = (size_t)params->n_thresholds;
    tensors->n_categories = cells->n_categories;
    tensors->n_areas = (size_t)params->n_areas;
    tensors->n_limits = (size_t)params->n_limits;
    size_t others = tensors->n_thresholds * tensors->n_areas * tensors->n_limits;
    if (!size_mul(n, others * EVAL_RECALLS, &n)) return fail(ERR_MEMORY, "too many categories");
    size_t n_recall = n / EVAL_RECALLS;
    tensors->precision = mem_alloc(n, sizeof *tensors->precision);
    tensors->scores = mem_alloc(n, sizeof *tensors->scores);
    tensors->recall = mem_alloc(n_recall, sizeof *tensors->recall);
    if (!tensors->precision || !tensors->scores || !tensors->recall) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) tensors->precision[i] = tensors->scores[i] = -1;
    for (size_t i = 0; i < n_recall; i++) tensors->recall[i] = -1;
    return OK;
}

enum status accumulate(const struct eval_truth *truth, const struct cells *cells,
                       const struct matches *matches, const struct eval_params *params,
                       struct eval_tensors *out)
{
    struct eval_tensors tensors = {0};
    struct ranking ranking = {0};
    int n_threads = params->n_threads;
    enum status status = OK;
    struct curve *curves = mem_alloc((size_t)n_threads, sizeof *curves);
    if (!curves) return ERR_MEMORY;
    GUARD(tensors_create(cells, params, &tensors));
    GUARD(rank_detections(truth, cells, params, &ranking));
    for (int i = 0; i < n_threads; i++) GUARD(curve_create(&ranking, &curves[i]));
    size_t n_pairs = tensors.n_categories * tensors.n_areas;
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (size_t i = 0; i < n_pairs; i++)
        accumulate_pair(&ranking, matches, params, i / tensors.n_areas, i % tensors.n_areas,
                        &curves[omp_get_thread_num()], &tensors);
    *out = tensors;
    tensors = (struct eval_tensors){0};
done:
    for (int i = 0; i < n_threads; i++) curve_free(&curves[i]);
    mem_free(curves);
    ranking_free(&ranking);
    eval_tensors_free(&tensors);
    return status;
}
