#include "eval/assign.h"

#include "base/mem.h"

uint32_t assign_category(const struct truth_object *object, const struct eval_params *params)
{
    return params->use_categories ? object->category : 0;
}

bool assign_is_ignored(const struct truth_object *object, const struct eval_params *params)
{
    return object->is_crowd || (params->honor_ignore && object->is_ignored);
}

static int64_t take(const struct eval_truth *truth, const struct overlaps *overlaps, size_t d,
                    const struct eval_params *params, const struct assign_rule *rule,
                    const bool *is_taken)
{
    int64_t best = ASSIGN_NONE;
    double best_iou = 0;
    bool best_is_same = false;
    for (size_t i = overlaps->begins[d]; i < overlaps->begins[d + 1]; i++) {
        const struct overlap *pair = &overlaps->pairs[i];
        const struct truth_object *object = &truth->objects[pair->object];
        bool is_same = assign_category(object, params) == overlaps->categories[d];
        if (pair->iou < rule->iou || (rule->same_category && !is_same)) continue;
        if (assign_is_ignored(object, params)) {
            if (best == ASSIGN_NONE) best = ASSIGN_IGNORED;
            continue;
        }
        if (is_taken[pair->object]) continue;
        if (best >= 0 &&
            (pair->iou < best_iou || (pair->iou == best_iou && best_is_same && !is_same)))
            continue;
        best = pair->object;
        best_iou = pair->iou;
        best_is_same = is_same;
    }
    return best;
}

enum status assign_objects(const struct eval_truth *truth, const struct cells *cells,
                           const struct overlaps *overlaps, const struct eval_params *params,
                           const struct assign_rule *rule, int64_t *assigned)
{
    bool *is_taken = mem_alloc(truth->n_objects, sizeof *is_taken);
    if (!is_taken) return ERR_MEMORY;
    for (size_t image = 0; image < overlaps->n_images; image++) {
        size_t first = overlaps->detection_ends[image];
        for (size_t i = first; i < overlaps->detection_ends[image + 1]; i++) {
            size_t d = overlaps->order[i];
            if (i - first >= rule->limit || cells->detections[d].score < rule->score) {
                assigned[d] = ASSIGN_LEFT_OUT;
                continue;
            }
            assigned[d] = take(truth, overlaps, d, params, rule, is_taken);
            if (assigned[d] >= 0) is_taken[assigned[d]] = true;
        }
    }
    mem_free(is_taken);
    return OK;
}
