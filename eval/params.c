#include "eval/params.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static void linspace(double from, double to, int n, double *values)
{
    double step = (to - from) / (n - 1);
    for (int i = 0; i < n; i++) {
        double product = i * step;
        values[i] = product + from;
    }
    values[n - 1] = to;
}

void eval_params_init(struct eval_params *params)
{
    static const struct eval_area areas[] = {
        {"all", 0, 1e10}, {"small", 0, 1024}, {"medium", 1024, 9216}, {"large", 9216, 1e10}};
    static const int limits[] = {1, 10, 100};
    *params =
        (struct eval_params){.type = EVAL_BOXES, .n_thresholds = 10, .n_areas = 4, .n_limits = 3};
    linspace(0.5, 0.95, 10, params->thresholds);
    linspace(0.0, 1.0, EVAL_RECALLS, params->recalls);
    memcpy(params->areas, areas, sizeof areas);
    memcpy(params->limits, limits, sizeof limits);
    params->use_categories = true;
    params->n_threads = omp_get_max_threads();
}

enum status eval_params_check(const struct eval_params *params)
{
    if (params->n_thresholds < 1 || params->n_thresholds > EVAL_MAX_THRESHOLDS)
        return fail(ERR_USAGE, "%d IoU thresholds: 1 to %d are possible", params->n_thresholds,
                    EVAL_MAX_THRESHOLDS);
    for (int i = 0; i < params->n_thresholds; i++)
        if (!(params->thresholds[i] > 0 && params->thresholds[i] <= 1))
            return fail(ERR_USAGE, "IoU threshold %g: must lie above 0, up to 1",
                        params->thresholds[i]);
    if (params->n_areas < 1 || params->n_areas > EVAL_MAX_AREAS)
        return fail(ERR_USAGE, "%d area ranges: 1 to %d are possible", params->n_areas,
                    EVAL_MAX_AREAS);
    for (int i = 0; i < params->n_areas; i++)
        if (!(params->areas[i].low >= 0 && params->areas[i].low <= params->areas[i].high))
            return fail(ERR_USAGE, "area range %s: %g to %g", params->areas[i].label,
                        params->areas[i].low, params->areas[i].high);
    for (int i = 1; i < params->n_areas; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(params->areas[i].label, params->areas[k].label) == 0)
                return fail(ERR_USAGE, "two area ranges are labelled %s", params->areas[i].label);
    if (params->n_limits < 1 || params->n_limits > EVAL_MAX_LIMITS)
        return fail(ERR_USAGE, "%d limits of detections: 1 to %d are possible", params->n_limits,
                    EVAL_MAX_LIMITS);
    for (int i = 0; i < params->n_limits; i++)
        if (params->limits[i] < 1 || (i > 0 && params->limits[i] <= params->limits[i - 1]))
            return fail(ERR_USAGE, "limits of detections must be positive and ascending");
    if (params->max_per_image < 0)
        return fail(ERR_USAGE, "at most %d detections per image", params->max_per_image);
    if (params->n_threads < 1) return fail(ERR_USAGE, "%d threads", params->n_threads);
    return OK;
}
