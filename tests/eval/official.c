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

static void check(const char *results, enum eval_type type, const char *expected)
{
    if (!file_exists(FOLDER "expected.json")) cr_skip_test("no " FOLDER);
    static const int threads[] = {1, 2, 8};
    for (int i = 0; i < 3; i++) {
        struct eval_result result;
        cr_assert_eq(
            eval_files(FOLDER "instances_val2014_100.json", results, type, threads[i], &result), OK,
            "%s", fail_message());
        expect_stats(expected, result.stats);
        cr_expect_eq(result.n_classes, 80);
        eval_result_free(&result);
    }
}

Test(eval_official, boxes)
{
    check(FOLDER "instances_val2014_fakebbox100_results.json", EVAL_BOXES, "bbox");
}

Test(eval_official, masks)
{
    check(FOLDER "instances_val2014_fakesegm100_results.json", EVAL_MASKS, "segm");
}

// numpy.mean of (i * 2654435761 mod 2^32) / 3e9, made with numpy 1.26.4.
Test(eval_summary, mean_as_numpy)
{
    static const struct {
        size_t n;
        double mean;
    } cases[] = {{1, 0x0.0p+0},
                 {7, 0x1.37eacc346896fp-1},
                 {8, 0x1.2ed1c3e745435p-1},
                 {9, 0x1.5a144d9a984cfp-1},
                 {127, 0x1.6afb933c3d83ap-1},
                 {128, 0x1.6af46bc8e217dp-1},
                 {129, 0x1.68c1c02679081p-1},
                 {1000, 0x1.6e7c8ff06eb67p-1},
                 {8191, 0x1.6e8343e606de1p-1},
                 {8192, 0x1.6e7f0f19ff0a6p-1},
                 {8193, 0x1.6e8902508f318p-1},
                 {9000, 0x1.6e72a20811589p-1},
                 {16385, 0x1.6e7525824f32fp-1},
                 {20000, 0x1.6e77bebf81289p-1},
                 {77770, 0x1.6e80784d4ef13p-1},
                 {80800, 0x1.6e8148375c644p-1},
                 {90000, 0x1.6e80c6038d9f9p-1}};
    static double values[90000];
    for (uint32_t i = 0; i < 90000; i++) values[i] = (double)(i * 2654435761u) / 3e9;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double mean = summarize_mean(values, cases[i].n);
        cr_expect(memcmp(&mean, &cases[i].mean, sizeof mean) == 0, "%zu: %a, expected %a",
                  cases[i].n, mean, cases[i].mean);
    }
}
