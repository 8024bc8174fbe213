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

// numpy.mean of (i * 2654435761 mod 2^32) / 2^32, made with numpy 2.4.6. (numpy 1.24 added blocks
// of 8192 from the left and differs in the last bit now and then.)
Test(eval_summary, mean_as_numpy)
{
    static const struct {
        size_t n;
        double mean;
    } cases[] = {{1, 0x0.0p+0},
                 {7, 0x1.b3be469524925p-2},
                 {8, 0x1.a708a7ae00000p-2},
                 {9, 0x1.e3779b1000000p-2},
                 {127, 0x1.fb14bc1fc78f2p-2},
                 {128, 0x1.fb0abd9e00000p-2},
                 {129, 0x1.f7f8b2fc07f02p-2},
                 {1000, 0x1.fff9cfb7ba5e3p-2},
                 {8191, 0x1.000196714e9a7p-1},
                 {8192, 0x1.fffd4c9e00000p-2},
                 {8193, 0x1.0005998433de6p-1},
                 {9000, 0x1.ffebf0b6b4396p-2},
                 {16385, 0x1.ffef73a4316f4p-2},
                 {20000, 0x1.fff314f836e2fp-2},
                 {77770, 0x1.ffff453557c07p-2},
                 {80800, 0x1.000033d4a3bd1p-1},
                 {90000, 0x1.ffffb1c548229p-2}};
    static double values[90000];
    for (uint32_t i = 0; i < 90000; i++) values[i] = (double)(i * 2654435761u) / 4294967296.0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double mean = summarize_mean(values, cases[i].n);
        cr_expect(memcmp(&mean, &cases[i].mean, sizeof mean) == 0, "%zu: %a, expected %a",
                  cases[i].n, mean, cases[i].mean);
    }
}
