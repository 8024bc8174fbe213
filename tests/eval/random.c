// Random problems against the slow evaluator; the bits do not depend on threads.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/sanitizer.h"
#include "mask_problem.h"
#include "problem.h"

// Under sanitizers, which are ten times slower, fewer.
#if HAS_ADDRESS_SANITIZER || defined __SANITIZE_THREAD__
enum { N_GROUPS = 5, PER_GROUP = 20 };
#else
enum { N_GROUPS = 5, PER_GROUP = 200 };
#endif

static struct ref_problem problem;
static struct ref_tensors expected;

static void check_threads(const struct eval_truth *truth, const struct eval_detection *detections,
                          enum eval_type type, const char *what)
{
    double first_stats[COCO_STATS] = {0};
    static const int threads[] = {1, 2, 8};
    for (int i = 0; i < 3; i++) {
        struct eval_params params;
        struct evaluation run;
        eval_params_init(&params);
        params.type = type;
        params.n_threads = threads[i];
        cr_assert_eq(evaluation_run(truth, detections, problem.n_detections, &params, &run), OK,
                     "%s", fail_message());
        expect_tensors(&run.tensors, &problem, &expected, what);
        if (i == 0) memcpy(first_stats, run.result.stats, sizeof first_stats);
        cr_assert(memcmp(first_stats, run.result.stats, sizeof first_stats) == 0);
        evaluation_free(&run);
    }
}

static void check_boxes(uint32_t seed, const char *name)
{
    struct eval_truth *truth;
    struct eval_detection *detections;
    char what[64];
    snprintf(what, sizeof what, "boxes, seed %u", seed);
    problem_make(seed, &problem);
    reference_evaluate(&problem, &expected);
    problem_load(&problem, name, &truth, &detections);
    check_threads(truth, detections, EVAL_BOXES, what);
    mem_free(detections);
    eval_truth_destroy(truth);
}

static void check_masks(uint32_t seed, const char *name)
{
    struct eval_truth *truth;
    struct eval_results results;
    char what[64];
    snprintf(what, sizeof what, "masks, seed %u", seed);
    mask_problem_make(seed, &problem);
    reference_evaluate(&problem, &expected);
    mask_problem_load(&problem, name, &truth, &results);
    check_threads(truth, results.detections, EVAL_MASKS, what);
    eval_results_close(&results);
    eval_truth_destroy(truth);
}

// A thousand small sets of boxes and a thousand of masks in all.
static void check_group(uint32_t group, const char *name)
{
    for (uint32_t seed = group; seed < N_GROUPS * PER_GROUP; seed += N_GROUPS) {
        check_boxes(seed, name);
        check_masks(seed, name);
    }
}

Test(eval_random, group0)
{
    check_group(0, "random0");
}

Test(eval_random, group1)
{
    check_group(1, "random1");
}

Test(eval_random, group2)
{
    check_group(2, "random2");
}

Test(eval_random, group3)
{
    check_group(3, "random3");
}

Test(eval_random, group4)
{
    check_group(4, "random4");
}
