#include "eval/compare_sides.h"

#include "base/mem.h"
#include "eval/summarize.h"

void compare_sides_free(struct compare_sides *sides)
{
    resample_objects_free(&sides->objects);
    for (int s = 0; s < SIDES; s++) resample_curves_free(&sides->curves[s]);
}

static enum status build_side(struct compare_sides *sides, int side,
                              const struct eval_detection *detections, size_t n)
{
    struct cells cells = {0};
    struct matches matches = {0};
    const struct eval_params *params = &sides->params;
    enum status status = OK;
    GUARD(cells_build(sides->truth, detections, n, params, &cells));
    GUARD(match_cells(sides->truth, detections, &cells, params, &matches));
    GUARD(resample_curves_build(sides->truth, &cells, &matches, params, &sides->curves[side]));
done:
    matches_free(&matches);
    cells_free(&cells);
    return status;
}

static void set_params(const struct compare_options *options, struct compare_sides *sides)
{
    struct eval_params *params = &sides->params;
    eval_params_init(params);
    params->type = options->type;
    if (options->n_threads > 0) params->n_threads = options->n_threads;
    // Only what AP, AP50 and AP75 need: all areas, 100 detections.
    params->n_areas = 1;
    params->n_limits = 1;
    params->limits[0] = 100;
    for (int t = 0; t < params->n_thresholds; t++) {
        if (params->thresholds[t] == 0.5) sides->threshold_50 = t;
        if (params->thresholds[t] == 0.75) sides->threshold_75 = t;
    }
}

enum status compare_sides_build(const struct eval_truth *truth, const struct eval_detection *a,
                                size_t n_a, const struct eval_detection *b, size_t n_b,
                                const struct compare_options *options, struct compare_sides *out)
{
    struct compare_sides sides = {.truth = truth,
                                  .n_categories = truth->n_categories,
                                  .n_numbers = (truth->n_categories + 1) * COMPARE_STATS};
    enum status status = OK;
    set_params(options, &sides);
    GUARD(resample_objects_build(truth, &sides.params, &sides.objects));
    GUARD(build_side(&sides, 0, a, n_a));
    GUARD(build_side(&sides, 1, b, n_b));
    *out = sides;
    sides = (struct compare_sides){.truth = NULL};
done:
    compare_sides_free(&sides);
    return status;
}

void compare_worker_free(struct compare_worker *worker)
{
    mem_free(worker->weights);
    mem_free(worker->n_objects);
    mem_free(worker->needed);
    mem_free(worker->precision);
    mem_free(worker->gathered);
    for (int s = 0; s < SIDES; s++) {
        resample_scratch_free(&worker->scratch[s]);
        mem_free(worker->numbers[s]);
    }
}

enum status compare_worker_create(const struct compare_sides *sides, struct compare_worker *worker)
{
    size_t k = sides->n_categories;
    size_t n_cells = k * (size_t)sides->params.n_thresholds * EVAL_RECALLS;
    worker->weights = mem_alloc(sides->truth->n_images, sizeof *worker->weights);
    worker->n_objects = mem_alloc(k, sizeof *worker->n_objects);
    worker->needed = mem_alloc(k * EVAL_RECALLS, sizeof *worker->needed);
    worker->precision = mem_alloc(n_cells, sizeof *worker->precision);
    worker->gathered = mem_alloc(n_cells, sizeof *worker->gathered);
    if (!worker->weights || !worker->n_objects || !worker->needed || !worker->precision ||
        !worker->gathered)
        return ERR_MEMORY;
    for (int s = 0; s < SIDES; s++) {
        TRY(resample_scratch_create(&sides->curves[s], &worker->scratch[s]));
        worker->numbers[s] = mem_alloc(sides->n_numbers, sizeof *worker->numbers[s]);
        if (!worker->numbers[s]) return ERR_MEMORY;
    }
    return OK;
}

// (K, T, R) to (T, R, K), so that the mean is summed in the order of eval/summarize.c.
static size_t gather(const struct compare_sides *sides, struct compare_worker *worker)
{
    size_t n_curve = (size_t)sides->params.n_thresholds * EVAL_RECALLS, n_defined = 0, used = 0;
    for (size_t k = 0; k < sides->n_categories; k++) n_defined += worker->n_objects[k] > 0;
    for (size_t k = 0; k < sides->n_categories; k++) {
        if (worker->n_objects[k] == 0) continue;
        const double *curve = worker->precision + k * n_curve;
        for (size_t i = 0; i < n_curve; i++) worker->gathered[i * n_defined + used] = curve[i];
        used++;
    }
    return n_defined;
}

static void take_means(const struct compare_sides *sides, const double *values, size_t n_classes,
                       double numbers[COMPARE_STATS])
{
    size_t n = EVAL_RECALLS * n_classes;
    numbers[COMPARE_AP] = summarize_mean(values, (size_t)sides->params.n_thresholds * n);
    numbers[COMPARE_AP50] = summarize_mean(values + (size_t)sides->threshold_50 * n, n);
    numbers[COMPARE_AP75] = summarize_mean(values + (size_t)sides->threshold_75 * n, n);
}

// The numbers of one side under worker->weights; -1: undefined.
static enum status measure(const struct compare_sides *sides, int side,
                           struct compare_worker *worker)
{
    size_t n_curve = (size_t)sides->params.n_thresholds * EVAL_RECALLS;
    double *numbers = worker->numbers[side];
    TRY(resample_precision(&sides->curves[side], worker->weights, worker->n_objects, worker->needed,
                           &worker->scratch[side], worker->precision));
    for (size_t i = 0; i < sides->n_numbers; i++) numbers[i] = -1;
    size_t n_defined = gather(sides, worker);
    if (n_defined) take_means(sides, worker->gathered, n_defined, numbers);
    for (size_t k = 0; k < sides->n_categories; k++)
        if (worker->n_objects[k] > 0)
            take_means(sides, worker->precision + k * n_curve, 1,
                       numbers + (k + 1) * COMPARE_STATS);
    return OK;
}

enum status compare_measure(const struct compare_sides *sides, struct compare_worker *worker)
{
    resample_count_objects(&sides->objects, &sides->params, worker->weights, worker->n_objects,
                           worker->needed);
    for (int s = 0; s < SIDES; s++) TRY(measure(sides, s, worker));
    return OK;
}
