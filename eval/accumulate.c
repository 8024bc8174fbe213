#include "eval/accumulate.h"

#include <omp.h>

#include "base/mem.h"
#include "eval/ranking.h"

// The true positives of one threshold.
struct curve {
    size_t n_hits, n_misses;
    double *precision; // (largest_objects) at each
    uint32_t *at;      // (largest_objects) its place in the order
};

// One thread's copy of a category's detections in order, and the curves of all thresholds.
struct desk {
    uint32_t *hit, *miss, *rank; // (largest) masks of the thresholds
    double *precision;           // (T, largest_objects)
    uint32_t *at;                // (T, largest_objects)
    struct curve curves[EVAL_MAX_THRESHOLDS];
    size_t first;  // place of the first detection under the limit
    bool is_empty; // there is none
};

void eval_tensors_free(struct eval_tensors *tensors)
{
    mem_free(tensors->precision);
    mem_free(tensors->scores);
    mem_free(tensors->recall);
    *tensors = (struct eval_tensors){0};
}

static void desk_free(struct desk *desk)
{
    mem_free(desk->hit);
    mem_free(desk->miss);
    mem_free(desk->rank);
    mem_free(desk->precision);
    mem_free(desk->at);
}

static enum status desk_create(const struct ranking *ranking, int n_thresholds, struct desk *desk)
{
    // A true positive takes a counted object of its own, so there are no more of them than these.
    size_t n_hits = ranking->largest_objects, n_all;
    if (!size_mul(n_hits, (size_t)n_thresholds, &n_all))
        return fail(ERR_MEMORY, "too many objects");
    desk->hit = mem_alloc(ranking->largest, sizeof *desk->hit);
    desk->miss = mem_alloc(ranking->largest, sizeof *desk->miss);
    desk->rank = mem_alloc(ranking->largest, sizeof *desk->rank);
    desk->precision = mem_alloc(n_all, sizeof *desk->precision);
    desk->at = mem_alloc(n_all, sizeof *desk->at);
    if (!desk->hit || !desk->miss || !desk->rank || !desk->precision || !desk->at)
        return ERR_MEMORY;
    for (int t = 0; t < n_thresholds; t++) {
        desk->curves[t].precision = desk->precision + (size_t)t * n_hits;
        desk->curves[t].at = desk->at + (size_t)t * n_hits;
    }
    return OK;
}

// Precision at every true positive. Other detections need no entry: precision only falls at them,
// and recall does not move. All thresholds at once: most detections are false at every one.
static void trace_curves(struct desk *desk, size_t n, int n_thresholds, uint32_t limit)
{
    const double epsilon = 0x1p-52; // numpy.spacing(1): turns 0/0 into 0
    const uint32_t all = (uint32_t)(((uint64_t)1 << n_thresholds) - 1);
    size_t n_common = 0; // misses at every threshold
    desk->is_empty = true;
    for (int t = 0; t < n_thresholds; t++) desk->curves[t].n_hits = desk->curves[t].n_misses = 0;
    for (size_t i = 0; i < n; i++) {
        if (desk->rank[i] >= limit) continue;
        if (desk->is_empty) {
            desk->is_empty = false;
            desk->first = i;
        }
        uint32_t miss = desk->miss[i] & all;
        if (miss == all) {
            n_common++;
            continue;
        }
        for (; miss; miss &= miss - 1) desk->curves[__builtin_ctz(miss)].n_misses++;
        for (uint32_t hit = desk->hit[i]; hit; hit &= hit - 1) {
            struct curve *curve = &desk->curves[__builtin_ctz(hit)];
            double hits = (double)(curve->n_hits + 1);
            double misses = (double)(curve->n_misses + n_common);
            curve->precision[curve->n_hits] = hits / (misses + hits + epsilon);
            curve->at[curve->n_hits++] = (uint32_t)i;
        }
    }
}

// The running maximum from the right.
static void make_monotone(struct curve *curve)
{
    for (size_t i = curve->n_hits; i > 1; i--)
        if (curve->precision[i - 1] > curve->precision[i - 2])
            curve->precision[i - 2] = curve->precision[i - 1];
}

// One element of the tensors for each recall: element r is at values[r * stride].
static void sample_curve(const struct desk *desk, const struct curve *curve, int64_t n_objects,
                         const struct eval_params *params, const uint32_t *order,
                         const double *order_scores, double *precision, double *scores,
                         size_t stride)
{
    size_t hit = 0; // first whose recall reaches the wanted one
    for (size_t r = 0; r < EVAL_RECALLS; r++) {
        double wanted = params->recalls[r];
        precision[r * stride] = scores[r * stride] = 0;
        if (desk->is_empty) continue;
        if (wanted <= 0) { // reached by the first detection, whatever it is
            precision[r * stride] = curve->n_hits ? curve->precision[0] : 0;
            scores[r * stride] = order_scores[order[desk->first]];
            continue;
        }
        while (hit < curve->n_hits && (double)(hit + 1) / (double)n_objects < wanted) hit++;
        if (hit == curve->n_hits) continue;
        precision[r * stride] = curve->precision[hit];
        scores[r * stride] = order_scores[order[curve->at[hit]]];
    }
}

static void load_desk(const struct ranking *ranking, const struct matches *matches, size_t begin,
                      size_t n, size_t area, struct desk *desk)
{
    const uint32_t *matched = matches->matched + area * matches->n_detections;
    const uint32_t *ignored = matches->ignored + area * matches->n_detections;
    for (size_t i = 0; i < n; i++) {
        uint32_t detection = ranking->order[begin + i];
        desk->hit[i] = matched[detection] & ~ignored[detection];
        desk->miss[i] = ~matched[detection] & ~ignored[detection];
        desk->rank[i] = ranking->rank[detection];
    }
}

static void accumulate_pair(const struct ranking *ranking, const struct matches *matches,
                            const struct eval_params *params, size_t category, size_t area,
                            struct desk *desk, struct eval_tensors *tensors)
{
    size_t n_areas = tensors->n_areas, n_limits = tensors->n_limits, k = tensors->n_categories;
    int64_t n_objects = ranking->n_objects[category * n_areas + area];
    if (n_objects == 0) return; // stays -1
    size_t begin = ranking->begins[category], n = ranking->begins[category + 1] - begin;
    size_t stride = k * n_areas * n_limits; // between recalls
    load_desk(ranking, matches, begin, n, area, desk);
    for (size_t m = 0; m < n_limits; m++) {
        trace_curves(desk, n, params->n_thresholds, (uint32_t)params->limits[m]);
        for (size_t t = 0; t < tensors->n_thresholds; t++) {
            struct curve *curve = &desk->curves[t];
            size_t within = (category * n_areas + area) * n_limits + m;
            size_t at = t * EVAL_RECALLS * stride + within;
            make_monotone(curve);
            tensors->recall[t * stride + within] = (double)curve->n_hits / (double)n_objects;
            sample_curve(desk, curve, n_objects, params, ranking->order + begin, ranking->scores,
                         tensors->precision + at, tensors->scores + at, stride);
        }
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
    struct desk *desks = mem_alloc((size_t)n_threads, sizeof *desks);
    if (!desks) return ERR_MEMORY;
    GUARD(tensors_create(cells, params, &tensors));
    GUARD(ranking_build(truth, cells, params, &ranking));
    for (int i = 0; i < n_threads; i++)
        GUARD(desk_create(&ranking, params->n_thresholds, &desks[i]));
    size_t n_pairs = tensors.n_categories * tensors.n_areas;
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (size_t i = 0; i < n_pairs; i++)
        accumulate_pair(&ranking, matches, params, i / tensors.n_areas, i % tensors.n_areas,
                        &desks[omp_get_thread_num()], &tensors);
    *out = tensors;
    tensors = (struct eval_tensors){0};
done:
    for (int i = 0; i < n_threads; i++) desk_free(&desks[i]);
    mem_free(desks);
    ranking_free(&ranking);
    eval_tensors_free(&tensors);
    return status;
}
