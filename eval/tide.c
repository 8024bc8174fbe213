#include "eval/tide.h"

#include <math.h>

#include "base/mem.h"
#include "eval/tide_ap.h"

const char *const tide_names[TIDE_KINDS] = {"classification", "localisation", "both",
                                            "duplicate",      "background",   "missed"};

enum { NO_DETECTION = -1 };

struct tide_state {
    const struct eval_truth *truth;
    const struct cells *cells;
    const struct overlaps *overlaps;
    const struct eval_params *params;
    bool *is_found;  // (objects)
    int64_t *mended; // (objects) the best error that could find it, or NO_DETECTION
    int64_t *target; // (detections) the object that it would find if mended, or ASSIGN_NONE
};

void tide_free(struct tide *tide)
{
    mem_free(tide->kinds);
    mem_free(tide->assigned);
    *tide = (struct tide){0};
}

// The largest overlaps of a detection with objects that count.
struct nearest {
    double same, other, same_found, any;
    int64_t same_object, other_object;
};

static struct nearest find_nearest(const struct tide_state *s, size_t d)
{
    struct nearest nearest = {.same_object = ASSIGN_NONE, .other_object = ASSIGN_NONE};
    for (size_t i = s->overlaps->begins[d]; i < s->overlaps->begins[d + 1]; i++) {
        const struct overlap *pair = &s->overlaps->pairs[i];
        const struct truth_object *object = &s->truth->objects[pair->object];
        if (assign_is_ignored(object, s->params)) continue;
        if (pair->iou > nearest.any) nearest.any = pair->iou;
        if (assign_category(object, s->params) != s->overlaps->categories[d]) {
            if (pair->iou > nearest.other) {
                nearest.other = pair->iou;
                nearest.other_object = pair->object;
            }
            continue;
        }
        if (pair->iou > nearest.same) {
            nearest.same = pair->iou;
            nearest.same_object = pair->object;
        }
        if (s->is_found[pair->object] && pair->iou > nearest.same_found)
            nearest.same_found = pair->iou;
    }
    return nearest;
}

static enum tide_kind kind_of(const struct nearest *nearest)
{
    if (nearest->same >= TIDE_BACKGROUND_IOU && nearest->same <= TIDE_FOREGROUND)
        return TIDE_LOCALISATION;
    if (nearest->other >= TIDE_FOREGROUND) return TIDE_CLASSIFICATION;
    if (nearest->same_found >= TIDE_FOREGROUND) return TIDE_DUPLICATE;
    if (nearest->any <= TIDE_BACKGROUND_IOU) return TIDE_BACKGROUND;
    return TIDE_BOTH;
}

static void judge_detections(struct tide_state *s, struct tide *tide)
{
    // In order of score within an image, so that the first error on an object is the best.
    for (size_t i = 0; i < s->overlaps->n_detections; i++) {
        size_t d = s->overlaps->order[i];
        s->target[d] = ASSIGN_NONE;
        if (tide->assigned[d] >= 0)
            tide->kinds[d] = TIDE_CORRECT;
        else if (tide->assigned[d] != ASSIGN_NONE)
            tide->kinds[d] = TIDE_NOT_COUNTED;
        else {
            struct nearest nearest = find_nearest(s, d);
            enum tide_kind kind = kind_of(&nearest);
            tide->kinds[d] = (uint8_t)kind;
            tide->counts[kind]++;
            tide->n_false_positives++;
            int64_t object = kind == TIDE_LOCALISATION     ? nearest.same_object
                             : kind == TIDE_CLASSIFICATION ? nearest.other_object
                                                           : ASSIGN_NONE;
            if (object < 0 || s->is_found[object]) continue;
            s->target[d] = object;
            if (s->mended[object] == NO_DETECTION) s->mended[object] = (int64_t)d;
        }
    }
}

static void judge_objects(const struct tide_state *s, struct tide *tide, int64_t *n_missed,
                          int64_t *n_not_found)
{
    for (size_t g = 0; g < s->truth->n_objects; g++) {
        const struct truth_object *object = &s->truth->objects[g];
        if (assign_is_ignored(object, s->params) || s->is_found[g]) continue;
        uint32_t category = assign_category(object, s->params);
        n_not_found[category]++;
        tide->n_false_negatives++;
        if (s->mended[g] != NO_DETECTION) continue;
        n_missed[category]++;
        tide->counts[TIDE_MISSED]++;
    }
}

// The detections as they would be with one kind of error made good; no detection is of the kind
// "missed", so that they then are as they are.
static void mend(const struct tide_state *s, const struct tide *tide, enum tide_kind kind,
                 struct tide_ap *ap)
{
    for (size_t d = 0; d < s->overlaps->n_detections; d++) {
        struct tide_outcome *outcome = &ap->outcomes[d];
        *outcome =
            (struct tide_outcome){s->overlaps->categories[d], tide->kinds[d] != TIDE_NOT_COUNTED,
                                  tide->kinds[d] == TIDE_CORRECT};
        if (tide->kinds[d] != kind) continue;
        int64_t object = s->target[d];
        outcome->is_kept = outcome->is_hit = object >= 0 && s->mended[object] == (int64_t)d;
        if (outcome->is_kept)
            outcome->category = assign_category(&s->truth->objects[object], s->params);
    }
}

static enum status measure_gains(const struct tide_state *s, struct tide *tide,
                                 const int64_t *n_missed, const int64_t *n_not_found)
{
    struct tide_ap ap = {0};
    enum status status = OK;
    GUARD(tide_ap_create(s->truth, s->cells, s->overlaps, s->params, &ap));
    mend(s, tide, TIDE_MISSED, &ap);
    tide->ap = tide_ap_mean(&ap, NULL);
    for (int kind = 0; kind < TIDE_KINDS; kind++) {
        mend(s, tide, (enum tide_kind)kind, &ap);
        double mended = tide_ap_mean(&ap, kind == TIDE_MISSED ? n_missed : NULL);
        // A mended error can take the place of a better one of another kind; that is no cost.
        tide->gains[kind] = mended > tide->ap ? mended - tide->ap : 0;
    }
    mend(s, tide, TIDE_MISSED, &ap);
    tide->gain_false_negatives = tide_ap_mean(&ap, n_not_found) - tide->ap;
    for (size_t d = 0; d < s->overlaps->n_detections; d++)
        ap.outcomes[d].is_kept = ap.outcomes[d].is_hit;
    tide->gain_false_positives = tide_ap_mean(&ap, NULL) - tide->ap;
done:
    tide_ap_free(&ap);
    return status;
}

enum status tide_run(const struct eval_truth *truth, const struct cells *cells,
                     const struct overlaps *overlaps, const struct eval_params *params,
                     struct tide *out)
{
    struct tide tide = {0};
    struct tide_state s = {truth, cells, overlaps, params, NULL, NULL, NULL};
    const struct assign_rule rule = {TIDE_FOREGROUND, -HUGE_VAL, TIDE_LIMIT, true};
    enum status status = OK;
    int64_t *n_missed = mem_alloc(cells->n_categories, sizeof *n_missed);
    int64_t *n_not_found = mem_alloc(cells->n_categories, sizeof *n_not_found);
    s.is_found = mem_alloc(truth->n_objects, sizeof *s.is_found);
    s.mended = mem_alloc(truth->n_objects, sizeof *s.mended);
    s.target = mem_alloc(cells->n_detections, sizeof *s.target);
    tide.kinds = mem_alloc(cells->n_detections, sizeof *tide.kinds);
    tide.assigned = mem_alloc(cells->n_detections, sizeof *tide.assigned);
    if (!n_missed || !n_not_found || !s.is_found || !s.mended || !s.target || !tide.kinds ||
        !tide.assigned) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(assign_objects(truth, cells, overlaps, params, &rule, tide.assigned));
    for (size_t g = 0; g < truth->n_objects; g++) s.mended[g] = NO_DETECTION;
    for (size_t d = 0; d < cells->n_detections; d++)
        if (tide.assigned[d] >= 0) s.is_found[tide.assigned[d]] = true;
    judge_detections(&s, &tide);
    judge_objects(&s, &tide, n_missed, n_not_found);
    GUARD(measure_gains(&s, &tide, n_missed, n_not_found));
    *out = tide;
    tide = (struct tide){0};
done:
    mem_free(n_missed);
    mem_free(n_not_found);
    mem_free(s.is_found);
    mem_free(s.mended);
    mem_free(s.target);
    tide_free(&tide);
    return status;
}
