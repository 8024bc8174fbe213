// Random problems against the slow evaluator; the bits do not depend on threads.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "problem.h"

enum { N_GROUPS = 5, PER_GROUP = 60 };

static void check_seed(uint32_t seed, const char *name)
{
    static struct ref_problem problem;
    static struct ref_tensors expected;
    struct eval_truth *truth;
    struct eval_detection *detections;
    char what[64];
    snprintf(what, sizeof what, "seed %u", seed);
    problem_make(seed, &problem);
    reference_evaluate(&problem, &expected);
    problem_load(&problem, name, &truth, &detections);
    double first_stats[COCO_STATS] = {0};
    static const int threads[] = {1, 2, 8};
    for (int i = 0; i < 3; i++) {
        struct eval_params params;
        struct evaluation run;
        eval_params_init(&params);
        params.n_threads = threads[i];
        cr_assert_eq(evaluation_run(truth, detections, problem.n_detections, &params, &run), OK,
                     "%s", fail_message());
        expect_tensors(&run.tensors, &problem, &expected, what);
        if (i == 0) memcpy(first_stats, run.result.stats, sizeof first_stats);
        cr_assert(memcmp(first_stats, run.result.stats, sizeof first_stats) == 0);
        evaluation_free(&run);
    }
    mem_free(detections);
    eval_truth_destroy(truth);
}

static void check_group(uint32_t group, const char *name)
{
    for (uint32_t seed = group; seed < N_GROUPS * PER_GROUP; seed += N_GROUPS)
        check_seed(seed, name);
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
