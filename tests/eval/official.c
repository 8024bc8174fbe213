// The official example of the COCO tools: 100 images of val2014, 734 detections.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../scratch.h"
#include "base/json.h"
#include "eval/coco_eval.h"
#include "eval/summarize.h"

#define FOLDER TARN_SHARED_DATA "/evaluator/"

static void expect_stats(const char *type, const double stats[COCO_STATS])
{
    cJSON *tree;
    cr_assert_eq(json_load(FOLDER "expected.json", 0, false, &tree), OK, "%s", fail_message());
    const cJSON *expected = json_find(tree, type);
    for (int i = 0; i < COCO_STATS; i++) {
        double value = cJSON_GetArrayItem(expected, i)->valuedouble;
        cr_expect(memcmp(&value, &stats[i], sizeof value) == 0, "%s %s: %.17g, expected %.17g",
                  type, coco_stat_names[i], stats[i], value);
    }
    cJSON_Delete(tree);
}

Test(eval_official, boxes)
{
    if (!file_exists(FOLDER "expected.json")) cr_skip_test("no " FOLDER);
    static const int threads[] = {1, 2, 8};
    for (int i = 0; i < 3; i++) {
        struct eval_result result;
        cr_assert_eq(eval_files(FOLDER "instances_val2014_100.json",
                                FOLDER "instances_val2014_fakebbox100_results.json", threads[i],
                                &result),
                     OK, "%s", fail_message());
        expect_stats("bbox", result.stats);
        cr_expect_eq(result.n_classes, 80);
        eval_result_free(&result);
    }
}

// numpy.mean of i * 0.1 / 3 for lengths around its block sizes (made with numpy 2.4.6).
Test(eval_summary, mean_as_numpy)
{
    static const struct {
        size_t n;
        double mean;
    } cases[] = {{1, 0x0.0p+0},
                 {7, 0x1.999999999999ap-4},
                 {8, 0x1.ddddddddddddep-4},
                 {9, 0x1.1111111111111p-3},
                 {127, 0x1.0cccccccccccdp+1},
                 {128, 0x1.0eeeeeeeeeeefp+1},
                 {129, 0x1.1111111111112p+1},
                 {1000, 0x1.0a66666666666p+4},
                 {8191, 0x1.1100000000000p+7},
                 {8192, 0x1.1108888888889p+7},
                 {8193, 0x1.1111111111111p+7},
                 {8200, 0x1.114cccccccccdp+7},
                 {16384, 0x1.110cccccccccdp+8},
                 {16385, 0x1.1111111111112p+8},
                 {20000, 0x1.4d51111111112p+8}};
    static double values[20000];
    for (size_t i = 0; i < 20000; i++) values[i] = (double)i * 0.1 / 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double mean = summarize_mean(values, cases[i].n);
        cr_expect(memcmp(&mean, &cases[i].mean, sizeof mean) == 0, "%zu: %a, expected %a",
                  cases[i].n, mean, cases[i].mean);
    }
}
