#include "eval/ranking.h"

#include "base/mem.h"
#include "eval/order.h"

void ranking_free(struct ranking *ranking)
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

enum status ranking_build(const struct eval_truth *truth, const struct cells *cells,
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
