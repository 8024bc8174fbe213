#include "eval/compare.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "eval/compare_sides.h"
#include "eval/first_error.h"

const char *const compare_stat_names[COMPARE_STATS] = {"AP", "AP50", "AP75"};

// All pairs made ready. A thread has a worker for each of them.
struct pairs {
    struct compare_sides *sides;
    size_t n;
};

// The mean over the pairs of both sides under the weights of workers[0]; -1: undefined, which
// depends on the objects alone and so is the same in all pairs.
static enum status measure(const struct pairs *pairs, struct compare_worker *workers, double *a,
                           double *b)
{
    const struct compare_sides *first = &pairs->sides[0];
    size_t weight_bytes = first->truth->n_images * sizeof *workers->weights;
    for (size_t i = 0; i < first->n_numbers; i++) a[i] = b[i] = 0;
    for (size_t p = 0; p < pairs->n; p++) {
        struct compare_worker *worker = &workers[p];
        if (p) memcpy(worker->weights, workers[0].weights, weight_bytes);
        TRY(compare_measure(&pairs->sides[p], worker));
        for (size_t i = 0; i < first->n_numbers; i++) {
            a[i] += worker->numbers[0][i];
            b[i] += worker->numbers[1][i];
        }
    }
    for (size_t i = 0; i < first->n_numbers; i++) {
        a[i] /= (double)pairs->n;
        b[i] /= (double)pairs->n;
    }
    return OK;
}

// a, b: room for n_numbers; b becomes the differences; NaN: undefined.
static enum status one_resample(const struct pairs *pairs, uint64_t seed, int index,
                                struct compare_worker *workers, double *a, double *b)
{
    uint32_t n_images = (uint32_t)pairs->sides->truth->n_images;
    struct rng rng;
    rng_start(&rng, seed, RNG_BOOTSTRAP, (uint32_t)index);
    memset(workers->weights, 0, n_images * sizeof *workers->weights);
    for (uint32_t i = 0; i < n_images; i++) workers->weights[rng_below(&rng, n_images)]++;
    TRY(measure(pairs, workers, a, b));
    for (size_t i = 0; i < pairs->sides->n_numbers; i++)
        b[i] = a[i] < 0 ? (double)NAN : b[i] - a[i];
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

// The numbers themselves: every image once. a, b: room for n_numbers.
static enum status take_point(const struct pairs *pairs, struct compare_worker *workers, double *a,
                              double *b, struct comparison *comparison)
{
    const struct compare_sides *sides = pairs->sides;
    for (size_t i = 0; i < sides->truth->n_images; i++) workers->weights[i] = 1;
    TRY(measure(pairs, workers, a, b));
    TRY(name_classes(sides, workers, comparison));
    for (size_t i = 0; i < sides->n_numbers; i++) {
        struct compare_number *number = number_at(comparison, i);
        number->a = a[i];
        number->b = b[i];
        number->difference = b[i] - a[i];
    }
    return OK;
}

// others: (threads, n_numbers) of room for side A; differences: (n_resamples, n_numbers) out.
static enum status resample(const struct pairs *pairs, struct compare_worker *workers,
                            const struct comparison *comparison, double *others,
                            double *differences)
{
    size_t n_numbers = pairs->sides->n_numbers;
    struct first_error error = {.place = SIZE_MAX};
#pragma omp parallel for schedule(dynamic, 1) num_threads(pairs->sides->params.n_threads)
    for (int i = 0; i < comparison->n_resamples; i++) {
        size_t thread = (size_t)omp_get_thread_num();
        enum status one =
            one_resample(pairs, comparison->seed, i, workers + thread * pairs->n,
                         others + thread * n_numbers, differences + (size_t)i * n_numbers);
        if (one != OK) first_error_note(&error, (size_t)i, one, fail_message());
    }
    return error.place == SIZE_MAX ? OK : fail(error.status, "%s", error.message);
}

static enum status run(const struct pairs *pairs, struct comparison *comparison)
{
    size_t n_threads = (size_t)pairs->sides->params.n_threads, n_numbers = pairs->sides->n_numbers;
    size_t n_workers = 0, n_resamples = (size_t)comparison->n_resamples;
    enum status status = OK;
    struct compare_worker *workers = mem_alloc(n_threads * pairs->n, sizeof *workers);
    double *others = mem_alloc(n_threads, n_numbers * sizeof *others);
    double *differences = mem_alloc(n_resamples, n_numbers * sizeof *differences);
    double *values = mem_alloc(n_resamples, sizeof *values);
    if (!workers || !others || !differences || !values) {
        status = ERR_MEMORY;
        goto done;
    }
    for (; n_workers < n_threads * pairs->n; n_workers++)
        GUARD(compare_worker_create(&pairs->sides[n_workers % pairs->n], &workers[n_workers]));
    GUARD(take_point(pairs, workers, others, differences, comparison));
    GUARD(resample(pairs, workers, comparison, others, differences));
    for (size_t i = 0; i < n_numbers; i++)
        conclude(differences + i, n_numbers, comparison->n_resamples, values,
                 number_at(comparison, i));
done:
    for (size_t i = 0; workers && i < n_threads * pairs->n; i++) compare_worker_free(&workers[i]);
    mem_free(workers);
    mem_free(others);
    mem_free(differences);
    mem_free(values);
    return status;
}

static enum status build(const struct eval_truth *truth, const struct compare_pair *pairs,
                         const struct compare_options *options, struct pairs *built)
{
    for (size_t p = 0; p < built->n; p++)
        TRY(compare_sides_build(truth, pairs[p].a, pairs[p].n_a, pairs[p].b, pairs[p].n_b, options,
                                &built->sides[p]));
    return OK;
}

enum status compare_pairs(const struct eval_truth *truth, const struct compare_pair *pairs,
                          size_t n_pairs, const struct compare_options *options,
                          struct comparison *out)
{
    struct comparison comparison = {.type = options->type,
                                    .n_images = truth->n_images,
                                    .n_resamples = options->n_resamples,
                                    .seed = options->seed};
    enum status status = OK;
    assert(n_pairs >= 1);
    if (truth->n_images == 0) return fail(ERR_DATA, "%s: no images to resample", truth->path);
    if (truth->type != options->type)
        return fail(ERR_USAGE, "%s was read without its %s", truth->path,
                    options->type == EVAL_MASKS ? "masks" : "boxes");
    struct pairs built = {mem_alloc(n_pairs, sizeof *built.sides), n_pairs};
    if (!built.sides) return ERR_MEMORY;
    for (size_t p = 0; p < n_pairs; p++) {
        comparison.n_a += pairs[p].n_a;
        comparison.n_b += pairs[p].n_b;
    }
    GUARD(build(truth, pairs, options, &built));
    GUARD(run(&built, &comparison));
    *out = comparison;
    comparison = (struct comparison){0};
done:
    comparison_free(&comparison);
    for (size_t p = 0; p < n_pairs; p++) compare_sides_free(&built.sides[p]);
    mem_free(built.sides);
    return status;
}

enum status compare_detections(const struct eval_truth *truth, const struct eval_detection *a,
                               size_t n_a, const struct eval_detection *b, size_t n_b,
                               const struct compare_options *options, struct comparison *out)
{
    struct compare_pair pair = {a, b, n_a, n_b};
    return compare_pairs(truth, &pair, 1, options, out);
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
