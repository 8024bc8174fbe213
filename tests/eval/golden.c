// Whole tensors of pycocotools, made by tools/golden_eval.py, compared bit for bit.
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "eval/evaluation.h"

#define GOLDEN_FOLDER TARN_SOURCE_DIR "/tests/golden/eval/"

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// A reader of the expected.txt text.
struct reader {
    const char *at;
    const char *name;
};

static void expect_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    while (*r->at == ' ' || *r->at == '\n') r->at++;
    cr_assert(strncmp(r->at, word, n) == 0, "%s: expected \"%s\" at \"%.20s\"", r->name, word,
              r->at);
    r->at += n;
}

static uint64_t next_bits(struct reader *r)
{
    char *end;
    uint64_t bits = strtoull(r->at, &end, 16);
    cr_assert(end != r->at, "%s: bits expected at \"%.20s\"", r->name, r->at);
    r->at = end;
    return bits;
}

static long next_int(struct reader *r)
{
    char *end;
    long value = strtol(r->at, &end, 10);
    cr_assert(end != r->at, "%s: a number expected at \"%.20s\"", r->name, r->at);
    r->at = end;
    return value;
}

static bool at_line_end(struct reader *r)
{
    while (*r->at == ' ') r->at++;
    return *r->at == '\n' || !*r->at;
}

static void read_params(struct reader *r, struct eval_params *params)
{
    struct eval_params defaults;
    eval_params_init(&defaults);
    *params = defaults;
    params->n_thresholds = params->n_areas = params->n_limits = 0;
    r->at = strchr(r->at, '\n');
    expect_word(r, "type");
    params->type = strncmp(r->at, " segm", 5) == 0 ? EVAL_MASKS : EVAL_BOXES;
    expect_word(r, params->type == EVAL_MASKS ? "segm" : "bbox");
    expect_word(r, "use_categories");
    params->use_categories = next_int(r) != 0;
    expect_word(r, "thresholds");
    while (!at_line_end(r)) params->thresholds[params->n_thresholds++] = double_of(next_bits(r));
    expect_word(r, "areas");
    while (!at_line_end(r)) {
        struct eval_area *area = &params->areas[params->n_areas++];
        size_t n = strcspn(r->at, " ");
        cr_assert_lt(n, sizeof area->label);
        memset(area->label, 0, sizeof area->label);
        memcpy(area->label, r->at, n);
        r->at += n;
        area->low = double_of(next_bits(r));
        area->high = double_of(next_bits(r));
    }
    expect_word(r, "limits");
    while (!at_line_end(r)) params->limits[params->n_limits++] = (int)next_int(r);
    if (params->n_thresholds == defaults.n_thresholds)
        cr_assert(memcmp(params->thresholds, defaults.thresholds,
                         (size_t)params->n_thresholds * sizeof(double)) == 0,
                  "%s: our thresholds are not numpy's", r->name);
}

static void expect_bits(const struct reader *r, uint64_t expected, double value, const char *what)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    cr_assert(bits == expected, "%s: %s is %.17g (%016" PRIx64 "), expected %.17g (%016" PRIx64 ")",
              r->name, what, value, bits, double_of(expected), expected);
}

// A line of runs "bits*count".
static void expect_runs(struct reader *r, const double *values, size_t stride, const char *what)
{
    size_t n = 0;
    while (*r->at == '\n') r->at++;
    while (!at_line_end(r)) {
        uint64_t bits = next_bits(r);
        expect_word(r, "*");
        for (long count = next_int(r); count > 0; count--, n++) {
            cr_assert_lt(n, EVAL_RECALLS);
            expect_bits(r, bits, values[n * stride], what);
        }
    }
    cr_assert_eq(n, EVAL_RECALLS);
}

static void expect_curves(struct reader *r, const struct eval_tensors *tensors)
{
    expect_word(r, "curves");
    cr_assert_eq(next_int(r), tensors->n_thresholds);
    cr_assert_eq(next_int(r), EVAL_RECALLS);
    cr_assert_eq(next_int(r), tensors->n_categories);
    cr_assert_eq(next_int(r), tensors->n_areas);
    cr_assert_eq(next_int(r), tensors->n_limits);
    size_t per = tensors->n_categories * tensors->n_areas * tensors->n_limits;
    for (size_t i = 0; i < tensors->n_thresholds * per; i++) {
        size_t t = (size_t)next_int(r), k = (size_t)next_int(r);
        size_t a = (size_t)next_int(r), m = (size_t)next_int(r);
        size_t within = (k * tensors->n_areas + a) * tensors->n_limits + m;
        cr_assert_eq(t * per + within, i);
        char what[80];
        snprintf(what, sizeof what, "element t %zu, k %zu, a %zu, m %zu", t, k, a, m);
        expect_bits(r, next_bits(r), tensors->recall[i], what);
        expect_runs(r, tensors->precision + t * EVAL_RECALLS * per + within, per, what);
        expect_runs(r, tensors->scores + t * EVAL_RECALLS * per + within, per, what);
    }
}

static void check_threads(const char *name, struct eval_reading reading, int n_threads)
{
    char path[PATH_BYTES], *text;
    size_t n_text;
    struct eval_truth *truth;
    struct eval_results results;
    struct eval_params params;
    struct evaluation run;
    snprintf(path, sizeof path, GOLDEN_FOLDER "%s.expected.txt", name);
    cr_assert_eq(file_read(path, 0, &text, &n_text), OK, "%s", fail_message());
    struct reader reader = {text, name};
    read_params(&reader, &params);
    params.n_threads = n_threads;
    snprintf(path, sizeof path, GOLDEN_FOLDER "%s.truth.json", name);
    reading.type = params.type;
    cr_assert_eq(eval_truth_open_as(path, &reading, &truth), OK, "%s", fail_message());
    snprintf(path, sizeof path, GOLDEN_FOLDER "%s.results.json", name);
    cr_assert_eq(eval_results_open_as(path, truth, &reading, &results), OK, "%s", fail_message());
    cr_assert_eq(evaluation_run(truth, results.detections, results.n, &params, &run), OK, "%s",
                 fail_message());
    expect_word(&reader, "stats");
    if (at_line_end(&reader)) cr_assert_fail("no stats");
    if (*reader.at == 'n') {
        expect_word(&reader, "none");
    } else {
        for (int i = 0; i < COCO_STATS; i++)
            expect_bits(&reader, next_bits(&reader), run.result.stats[i], coco_stat_names[i]);
    }
    expect_curves(&reader, &run.tensors);
    evaluation_free(&run);
    eval_results_close(&results);
    eval_truth_destroy(truth);
    mem_free(text);
}

static void check_case_as(const char *name, const struct eval_reading *reading)
{
    for (int threads = 1; threads <= 8; threads *= 2) check_threads(name, *reading, threads);
}

static void check_case(const char *name)
{
    const struct eval_reading defaults = {0};
    check_case_as(name, &defaults);
}

Test(eval_golden, ties)
{
    check_case("ties");
}

Test(eval_golden, fractions)
{
    check_case("fractions");
}

Test(eval_golden, recalls)
{
    check_case("recalls");
}

Test(eval_golden, limits)
{
    check_case("limits");
}

Test(eval_golden, single)
{
    check_case("single");
}

Test(eval_golden, odd_ids)
{
    check_case("odd_ids");
}

Test(eval_golden, pooled)
{
    check_case("pooled");
}

Test(eval_golden, settings)
{
    check_case("settings");
}

Test(eval_golden, masks)
{
    check_case("masks");
}

Test(eval_golden, mask_limits)
{
    check_case("mask_limits");
}

Test(eval_golden, mask_boxes)
{
    check_case("mask_boxes");
}

Test(eval_golden, rectangles)
{
    check_case("rectangles");
}

Test(eval_golden, duplicates)
{
    const struct eval_reading reading = {.repeat_last = true};
    check_case_as("duplicates", &reading);
}

Test(eval_golden, box_areas)
{
    const struct eval_reading reading = {.result_area_of_box = true};
    check_case_as("box_areas", &reading);
}
