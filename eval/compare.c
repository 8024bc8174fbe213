#include "eval/compare.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "eval/compare_sides.h"
#include "eval/first_error.h"

const char *const compare_stat_names[COMPARE_STATS] = {"AP", "AP50", "AP75"};

// differences: (n_numbers); NaN: undefined.
static enum status one_resample(const struct compare_sides *sides, uint64_t seed, int index,
                                struct compare_worker *worker, double *differences)
{
    uint32_t n_images = (uint32_t)sides->truth->n_images;
    struct rng rng;
    rng_start(&rng, seed, RNG_BOOTSTRAP, (uint32_t)index);
    memset(worker->weights, 0, n_images * sizeof *worker->weights);
    for (uint32_t i = 0; i < n_images; i++) worker->weights[rng_below(&rng, n_images)]++;
    TRY(compare_measure(sides, worker));
    for (size_t i = 0; i < sides->n_numbers; i++) {
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

static enum status name_classes(const struct compare_sides *sides,
                                const struct compare_worker *worker, struct comparison *comparison)
{
    const struct eval_truth *truth = sides->truth;
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
static enum status take_point(const struct compare_sides *sides, struct compare_worker *worker,
                              struct comparison *comparison)
{
    for (size_t i = 0; i < sides->truth->n_images; i++) worker->weights[i] = 1;
    TRY(compare_measure(sides, worker));
    TRY(name_classes(sides, worker, comparison));
    for (size_t i = 0; i < sides->n_numbers; i++) {
        struct compare_number *number = number_at(comparison, i);
        number->a = worker->numbers[0][i];
        number->b = worker->numbers[1][i];
        number->difference = number->b - number->a;
    }
    return OK;
}

static enum status resample(const struct compare_sides *sides, struct compare_worker *workers,
                            struct comparison *comparison)
{
    size_t n_numbers = sides->n_numbers;
    int n_resamples = comparison->n_resamples;
    struct first_error error = {.place = SIZE_MAX};
    enum status status = OK;
    double *values = mem_alloc((size_t)n_resamples, sizeof *values);
    double *differences = mem_alloc((size_t)n_resamples, n_numbers * sizeof *differences);
    if (!values || !differences) {
        status = ERR_MEMORY;
        goto done;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(sides->params.n_threads)
    for (int i = 0; i < n_resamples; i++) {
        enum status one = one_resample(sides, comparison->seed, i, &workers[omp_get_thread_num()],
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

static enum status run(struct compare_sides *sides, struct comparison *comparison)
{
    int n_threads = sides->params.n_threads;
    enum status status = OK;
    struct compare_worker *workers = mem_alloc((size_t)n_threads, sizeof *workers);
    if (!workers) return ERR_MEMORY;
    for (int i = 0; i < n_threads; i++) GUARD(compare_worker_create(sides, &workers[i]));
    GUARD(take_point(sides, &workers[0], comparison));
    GUARD(resample(sides, workers, comparison));
done:
    for (int i = 0; i < n_threads; i++) compare_worker_free(&workers[i]);
    mem_free(workers);
    return status;
}

enum status compare_detections(const struct eval_truth *truth, const struct eval_detection *a,
                               size_t n_a, const struct eval_detection *b, size_t n_b,
                               const struct compare_options *options, struct comparison *out)
{
    struct compare_sides sides = {.truth = NULL};
    struct comparison comparison = {.type = options->type,
                                    .n_images = truth->n_images,
                                    .n_a = n_a,
                                    .n_b = n_b,
                                    .n_resamples = options->n_resamples,
                                    .seed = options->seed};
    enum status status = OK;
    if (truth->n_images == 0) return fail(ERR_DATA, "%s: no images to resample", truth->path);
    if (truth->type != options->type)
        return fail(ERR_USAGE, "%s was read without its %s", truth->path,
                    options->type == EVAL_MASKS ? "masks" : "boxes");
    GUARD(compare_sides_build(truth, a, n_a, b, n_b, options, &sides));
    GUARD(run(&sides, &comparison));
    *out = comparison;
    comparison = (struct comparison){0};
done:
    comparison_free(&comparison);
    compare_sides_free(&sides);
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
