#include "eval/compare.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "eval/first_error.h"
#include "eval/resample.h"
#include "eval/summarize.h"

const char *const compare_stat_names[COMPARE_STATS] = {"AP", "AP50", "AP75"};

enum { SIDES = 2 };

// What is fixed before the first resample.
struct pairing {
    const struct eval_truth *truth;
    struct eval_params params;
    struct resample_objects objects;
    struct resample_curves curves[SIDES];
    size_t n_categories, n_numbers; // (1 + K) * COMPARE_STATS: all, then each class
    int threshold_50, threshold_75;
};

// One thread's.
struct worker {
    struct resample_scratch scratch[SIDES];
    int32_t *weights;   // (images)
    int32_t *n_objects; // (K)
    int32_t *needed;    // (K, R)
    double *precision;  // (K, T, R)
    double *gathered;   // (T, R, K) of the classes that have objects
    double *numbers[SIDES];
};

static void pairing_free(struct pairing *pairing)
{
    resample_objects_free(&pairing->objects);
    for (int s = 0; s < SIDES; s++) resample_curves_free(&pairing->curves[s]);
}

static enum status build_side(struct pairing *pairing, int side,
                              const struct eval_detection *detections, size_t n)
{
    struct cells cells = {0};
    struct matches matches = {0};
    const struct eval_params *params = &pairing->params;
    enum status status = OK;
    GUARD(cells_build(pairing->truth, detections, n, params, &cells));
    GUARD(match_cells(pairing->truth, detections, &cells, params, &matches));
    GUARD(resample_curves_build(pairing->truth, &cells, &matches, params, &pairing->curves[side]));
done:
    matches_free(&matches);
    cells_free(&cells);
    return status;
}

static void set_params(const struct compare_options *options, struct pairing *pairing)
{
    struct eval_params *params = &pairing->params;
    eval_params_init(params);
    params->type = options->type;
    if (options->n_threads > 0) params->n_threads = options->n_threads;
    // Only what AP, AP50 and AP75 need: all areas, 100 detections.
    params->n_areas = 1;
    params->n_limits = 1;
    params->limits[0] = 100;
    for (int t = 0; t < params->n_thresholds; t++) {
        if (params->thresholds[t] == 0.5) pairing->threshold_50 = t;
        if (params->thresholds[t] == 0.75) pairing->threshold_75 = t;
    }
}

static void worker_free(struct worker *worker)
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

static enum status worker_create(const struct pairing *pairing, struct worker *worker)
{
    size_t k = pairing->n_categories;
    size_t n_cells = k * (size_t)pairing->params.n_thresholds * EVAL_RECALLS;
    worker->weights = mem_alloc(pairing->truth->n_images, sizeof *worker->weights);
    worker->n_objects = mem_alloc(k, sizeof *worker->n_objects);
    worker->needed = mem_alloc(k * EVAL_RECALLS, sizeof *worker->needed);
    worker->precision = mem_alloc(n_cells, sizeof *worker->precision);
    worker->gathered = mem_alloc(n_cells, sizeof *worker->gathered);
    if (!worker->weights || !worker->n_objects || !worker->needed || !worker->precision ||
        !worker->gathered)
        return ERR_MEMORY;
    for (int s = 0; s < SIDES; s++) {
        TRY(resample_scratch_create(&pairing->curves[s], &worker->scratch[s]));
        worker->numbers[s] = mem_alloc(pairing->n_numbers, sizeof *worker->numbers[s]);
        if (!worker->numbers[s]) return ERR_MEMORY;
    }
    return OK;
}

// (K, T, R) to (T, R, K), so that the mean is summed in the order of eval/summarize.c.
static size_t gather(const struct pairing *pairing, struct worker *worker)
{
    size_t n_curve = (size_t)pairing->params.n_thresholds * EVAL_RECALLS, n_defined = 0, used = 0;
    for (size_t k = 0; k < pairing->n_categories; k++) n_defined += worker->n_objects[k] > 0;
    for (size_t k = 0; k < pairing->n_categories; k++) {
        if (worker->n_objects[k] == 0) continue;
        const double *curve = worker->precision + k * n_curve;
        for (size_t i = 0; i < n_curve; i++) worker->gathered[i * n_defined + used] = curve[i];
        used++;
    }
    return n_defined;
}

static void take_means(const struct pairing *pairing, const double *values, size_t n_classes,
                       double numbers[COMPARE_STATS])
{
    size_t n = EVAL_RECALLS * n_classes;
    numbers[COMPARE_AP] = summarize_mean(values, (size_t)pairing->params.n_thresholds * n);
    numbers[COMPARE_AP50] = summarize_mean(values + (size_t)pairing->threshold_50 * n, n);
    numbers[COMPARE_AP75] = summarize_mean(values + (size_t)pairing->threshold_75 * n, n);
}

// The numbers of one side under worker->weights; -1: undefined.
static enum status measure(const struct pairing *pairing, int side, struct worker *worker)
{
    size_t n_curve = (size_t)pairing->params.n_thresholds * EVAL_RECALLS;
    double *numbers = worker->numbers[side];
    TRY(resample_precision(&pairing->curves[side], worker->weights, worker->n_objects,
                           worker->needed, &worker->scratch[side], worker->precision));
    for (size_t i = 0; i < pairing->n_numbers; i++) numbers[i] = -1;
    size_t n_defined = gather(pairing, worker);
    if (n_defined) take_means(pairing, worker->gathered, n_defined, numbers);
    for (size_t k = 0; k < pairing->n_categories; k++)
        if (worker->n_objects[k] > 0)
            take_means(pairing, worker->precision + k * n_curve, 1,
                       numbers + (k + 1) * COMPARE_STATS);
    return OK;
}

static enum status measure_both(const struct pairing *pairing, struct worker *worker)
{
    resample_count_objects(&pairing->objects, &pairing->params, worker->weights, worker->n_objects,
                           worker->needed);
    for (int s = 0; s < SIDES; s++) TRY(measure(pairing, s, worker));
    return OK;
}

// differences: (n_numbers); NaN: undefined.
static enum status one_resample(const struct pairing *pairing, uint64_t seed, int index,
                                struct worker *worker, double *differences)
{
    uint32_t n_images = (uint32_t)pairing->truth->n_images;
    struct rng rng;
    rng_start(&rng, seed, RNG_BOOTSTRAP, (uint32_t)index);
    memset(worker->weights, 0, n_images * sizeof *worker->weights);
    for (uint32_t i = 0; i < n_images; i++) worker->weights[rng_below(&rng, n_images)]++;
    TRY(measure_both(pairing, worker));
    for (size_t i = 0; i < pairing->n_numbers; i++) {
        double a = worker->numbers[0][i], b = worker->numbers[1][i];
        differences[i] = a < 0 ? (double)NAN : b - a;
    }
    return OK;
}

static int compare_doubles(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double quantile(const double *sorted, size_t n, double share)
{
    double place = share * (double)(n - 1);
    size_t below = (size_t)place;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

// values: room for n_resamples; differences[i * stride]. The point is there already.
static void conclude(const double *differences, size_t stride, int n_resamples, double *values,
                     struct compare_number *number)
{
    double sum = 0;
    size_t n = 0, n_far = 0;
    for (int i = 0; i < n_resamples; i++) {
        double difference = differences[(size_t)i * stride];
        if (isnan(difference)) continue;
        values[n++] = difference;
        sum += difference;
    }
    number->n_resamples = (int)n;
    number->low = number->high = number->difference;
    number->p = 1;
    if (n == 0) return;
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        values[i] -= mean;
        n_far += fabs(values[i]) >= fabs(number->difference);
    }
    qsort(values, n, sizeof *values, compare_doubles);
    number->low += quantile(values, n, 0.025);
    number->high += quantile(values, n, 0.975);
    number->p = (double)(n_far + 1) / (double)(n + 1);
}

static enum status name_classes(const struct pairing *pairing, const struct worker *worker,
                                struct comparison *comparison)
{
    const struct eval_truth *truth = pairing->truth;
    comparison->classes = mem_alloc(truth->n_categories, sizeof *comparison->classes);
    if (!comparison->classes) return ERR_MEMORY;
    for (size_t k = 0; k < truth->n_categories; k++) {
        struct compare_class *class = &comparison->classes[k];
        class->name = mem_strdup(truth->categories[k].name);
        if (!class->name) return ERR_MEMORY;
        comparison->n_classes = k + 1;
        class->category_id = truth->categories[k].id;
        class->n_objects = worker->n_objects[k];
    }
    return OK;
}

static struct compare_number *number_at(struct comparison *comparison, size_t index)
{
    size_t class = index / COMPARE_STATS, stat = index % COMPARE_STATS;
    return class == 0 ? &comparison->numbers[stat] : &comparison->classes[class - 1].numbers[stat];
}

// The numbers themselves: every image once.
static enum status take_point(const struct pairing *pairing, struct worker *worker,
                              struct comparison *comparison)
{
    for (size_t i = 0; i < pairing->truth->n_images; i++) worker->weights[i] = 1;
    TRY(measure_both(pairing, worker));
    TRY(name_classes(pairing, worker, comparison));
    for (size_t i = 0; i < pairing->n_numbers; i++) {
        struct compare_number *number = number_at(comparison, i);
        number->a = worker->numbers[0][i];
        number->b = worker->numbers[1][i];
        number->difference = number->b - number->a;
    }
    return OK;
}

static enum status resample(const struct pairing *pairing, struct worker *workers,
                            struct comparison *comparison)
{
    size_t n_numbers = pairing->n_numbers;
    int n_resamples = comparison->n_resamples;
    struct first_error error = {.place = SIZE_MAX};
    enum status status = OK;
    double *values = mem_alloc((size_t)n_resamples, sizeof *values);
    double *differences = mem_alloc((size_t)n_resamples, n_numbers * sizeof *differences);
    if (!values || !differences) {
        status = ERR_MEMORY;
        goto done;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(pairing->params.n_threads)
    for (int i = 0; i < n_resamples; i++) {
        enum status one = one_resample(pairing, comparison->seed, i,
                                       &workers[omp_get_thread_num()],
                                       differences + (size_t)i * n_numbers);
        if (one != OK) first_error_note(&error, (size_t)i, one, fail_message());
    }
    if (error.place != SIZE_MAX) {
        status = fail(error.status, "%s", error.message);
        goto done;
    }
    for (size_t i = 0; i < n_numbers; i++)
        conclude(differences + i, n_numbers, n_resamples, values, number_at(comparison, i));
done:
    mem_free(values);
    mem_free(differences);
    return status;
}

static enum status run(struct pairing *pairing, struct comparison *comparison)
{
    int n_threads = pairing->params.n_threads;
    enum status status = OK;
    struct worker *workers = mem_alloc((size_t)n_threads, sizeof *workers);
    if (!workers) return ERR_MEMORY;
    for (int i = 0; i < n_threads; i++) GUARD(worker_create(pairing, &workers[i]));
    GUARD(take_point(pairing, &workers[0], comparison));
    GUARD(resample(pairing, workers, comparison));
done:
    for (int i = 0; i < n_threads; i++) worker_free(&workers[i]);
    mem_free(workers);
    return status;
}

enum status compare_detections(const struct eval_truth *truth, const struct eval_detection *a,
                               size_t n_a, const struct eval_detection *b, size_t n_b,
                               const struct compare_options *options, struct comparison *out)
{
    struct pairing pairing = {.truth = truth, .n_categories = truth->n_categories,
                              .n_numbers = (truth->n_categories + 1) * COMPARE_STATS};
    struct comparison comparison = {.type = options->type, .n_images = truth->n_images,
                                    .n_a = n_a, .n_b = n_b, .n_resamples = options->n_resamples,
                                    .seed = options->seed};
    enum status status = OK;
    if (truth->n_images == 0) return fail(ERR_DATA, "%s: no images to resample", truth->path);
    if (truth->type != options->type)
        return fail(ERR_USAGE, "%s was read without its %s", truth->path,
                    options->type == EVAL_MASKS ? "masks" : "boxes");
    set_params(options, &pairing);
    GUARD(resample_objects_build(truth, &pairing.params, &pairing.objects));
    GUARD(build_side(&pairing, 0, a, n_a));
    GUARD(build_side(&pairing, 1, b, n_b));
    GUARD(run(&pairing, &comparison));
    *out = comparison;
    comparison = (struct comparison){0};
done:
    comparison_free(&comparison);
    pairing_free(&pairing);
    return status;
}

void comparison_free(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_classes; i++) mem_free(comparison->classes[i].name);
    mem_free(comparison->classes);
    comparison->classes = NULL;
    comparison->n_classes = 0;
}

enum status compare_files(const char *truth_path, const char *a_path, const char *b_path,
                          const struct compare_options *options, struct comparison *comparison)
{
    struct eval_truth *truth = NULL;
    struct eval_results a = {.detections = NULL}, b = {.detections = NULL};
    enum status status = OK;
    GUARD(eval_truth_open(truth_path, options->type, &truth));
    GUARD(eval_results_open(a_path, truth, options->type, &a));
    GUARD(eval_results_open(b_path, truth, options->type, &b));
    GUARD(compare_detections(truth, a.detections, a.n, b.detections, b.n, options, comparison));
done:
    eval_results_close(&a);
    eval_results_close(&b);
    eval_truth_destroy(truth);
    return status;
}
