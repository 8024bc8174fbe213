#include <stdio.h>
#include <string.h>

#include "eval/evaluation.h"
#include "nn/safetensors.h"

enum { PRECISION, SCORES, RECALL, IOU, RECALLS, CATEGORIES, AREAS, LIMITS, N_ENTRIES };

static enum status produce(void *context, size_t i, void *buffer, size_t n_bytes)
{
    const struct evaluation *e = context;
    const struct eval_params *params = &e->params;
    const void *whole[N_ENTRIES] = {e->tensors.precision, e->tensors.scores, e->tensors.recall,
                                    params->thresholds, params->recalls};
    if (whole[i]) {
        memcpy(buffer, whole[i], n_bytes);
        return OK;
    }
    int64_t *integers = buffer;
    double *numbers = buffer;
    for (int a = 0; i == AREAS && a < params->n_areas; a++) {
        numbers[2 * a] = params->areas[a].low;
        numbers[2 * a + 1] = params->areas[a].high;
    }
    for (int m = 0; i == LIMITS && m < params->n_limits; m++) integers[m] = params->limits[m];
    if (i != CATEGORIES) return OK;
    if (n_bytes) integers[0] = -1;
    for (size_t k = 0; k < e->result.n_classes; k++) integers[k] = e->result.classes[k].category_id;
    return OK;
}

enum status evaluation_save_tensors(const struct evaluation *evaluation, const char *path)
{
    const struct eval_tensors *tensors = &evaluation->tensors;
    int64_t t = (int64_t)tensors->n_thresholds, k = (int64_t)tensors->n_categories;
    int64_t a = (int64_t)tensors->n_areas, m = (int64_t)tensors->n_limits;
    const struct st_entry entries[N_ENTRIES] = {
        [PRECISION] = {"precision", ST_F64, 5, {t, EVAL_RECALLS, k, a, m}},
        [SCORES] = {"scores", ST_F64, 5, {t, EVAL_RECALLS, k, a, m}},
        [RECALL] = {"recall", ST_F64, 4, {t, k, a, m}},
        [IOU] = {"iou_thresholds", ST_F64, 1, {t}},
        [RECALLS] = {"recall_thresholds", ST_F64, 1, {EVAL_RECALLS}},
        [CATEGORIES] = {"category_ids", ST_I64, 1, {k}},
        [AREAS] = {"area_ranges", ST_F64, 2, {a, 2}},
        [LIMITS] = {"max_detections", ST_I64, 1, {m}},
    };
    char labels[EVAL_MAX_AREAS * sizeof evaluation->params.areas->label] = "";
    for (int i = 0; i < evaluation->params.n_areas; i++)
        snprintf(labels + strlen(labels), sizeof labels - strlen(labels), "%s%s", i ? "," : "",
                 evaluation->params.areas[i].label);
    const struct st_meta meta[] = {
        {"type", evaluation->params.type == EVAL_MASKS ? "segm" : "bbox"}, {"areas", labels}};
    struct evaluation view = *evaluation; // the callback's context is not const
    return st_write(path, N_ENTRIES, entries, 2, meta, produce, &view);
}
