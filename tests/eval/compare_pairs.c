// Comparison of several pairs of results at once.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../scratch.h"
#include "base/mem.h"
#include "base/rng.h"
#include "eval/compare.h"

enum { IMAGES = 60, SETS = 4 };

static struct eval_truth *truth;
static struct eval_detection sets[SETS][IMAGES];
static size_t sizes[SETS];

// One object of one of two classes in each image; each set finds its own share of them.
static void setup(void)
{
    static char text[16384];
    char path[PATH_BYTES];
    struct rng rng;
    rng_start(&rng, 3, RNG_TEST, 1);
    int n = snprintf(text, sizeof text,
                     "{\"categories\":[{\"id\":1,\"name\":\"a\"},{\"id\":2,"
                     "\"name\":\"b\"}],\"images\":[");
    for (int i = 1; i <= IMAGES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s{\"id\":%d}", i > 1 ? "," : "", i);
    n += snprintf(text + n, sizeof text - (size_t)n, "],\"annotations\":[");
    for (int i = 1; i <= IMAGES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "%s{\"id\":%d,\"image_id\":%d,\"category_id\":%d,\"bbox\":[10,10,20,20],"
                      "\"area\":400,\"iscrowd\":0}",
                      i > 1 ? "," : "", i, i, 1 + i % 2);
    snprintf(text + n, sizeof text - (size_t)n, "]}");
    cr_assert_eq(eval_truth_load(scratch_text(path, "pairs.json", text), &truth), OK, "%s",
                 fail_message());
    for (uint32_t s = 0; s < SETS; s++)
        for (int i = 1; i <= IMAGES; i++)
            if (rng_below(&rng, 10) < 4 + s)
                sets[s][sizes[s]++] = (struct eval_detection){.image_id = i,
                                                              .category_id = 1 + i % 2,
                                                              .box = {10, 10, 20, 20},
                                                              .score = rng_double(&rng)};
}

static void teardown(void)
{
    eval_truth_destroy(truth);
}

TestSuite(compare_pairs, .init = setup, .fini = teardown);

static struct compare_pair pair(int a, int b)
{
    return (struct compare_pair){sets[a], sets[b], sizes[a], sizes[b]};
}

static struct comparison compare(const struct compare_pair *pairs, size_t n, int n_threads)
{
    struct compare_options options = {EVAL_BOXES, 200, 4, n_threads};
    struct comparison comparison;
    cr_assert_eq(compare_pairs(truth, pairs, n, &options, &comparison), OK, "%s", fail_message());
    return comparison;
}

Test(compare_pairs, a_pair_twice_is_the_pair)
{
    const struct compare_pair twice[] = {pair(0, 3), pair(0, 3)};
    struct comparison one = compare(twice, 1, 2), two = compare(twice, 2, 2);
    cr_expect_gt(one.numbers[COMPARE_AP].difference, 0);
    cr_expect(memcmp(one.numbers, two.numbers, sizeof one.numbers) == 0);
    for (size_t k = 0; k < 2; k++)
        cr_expect(memcmp(one.classes[k].numbers, two.classes[k].numbers,
                         sizeof one.classes[k].numbers) == 0);
    cr_expect_eq(two.n_a, 2 * one.n_a);
    comparison_free(&one);
    comparison_free(&two);
}

// Both pairs see the same draw, or the differences would not cancel in each of them.
Test(compare_pairs, a_pair_and_its_mirror_cancel)
{
    const struct compare_pair pairs[] = {pair(1, 2), pair(2, 1)};
    struct comparison comparison = compare(pairs, 2, 2);
    for (int i = 0; i < COMPARE_STATS; i++) {
        cr_expect_gt(comparison.numbers[i].a, 0);
        cr_expect_eq(comparison.numbers[i].difference, 0);
        cr_expect_eq(comparison.numbers[i].low, 0);
        cr_expect_eq(comparison.numbers[i].high, 0);
        cr_expect_eq(comparison.numbers[i].p, 1);
    }
    comparison_free(&comparison);
}

Test(compare_pairs, the_mean_of_the_pairs)
{
    const struct compare_pair pairs[] = {pair(0, 2), pair(1, 3), pair(0, 1)};
    struct comparison all = compare(pairs, 3, 1), parallel = compare(pairs, 3, 3);
    double a = 0, b = 0, width = 0;
    cr_expect(memcmp(all.numbers, parallel.numbers, sizeof all.numbers) == 0);
    for (size_t p = 0; p < 3; p++) {
        struct comparison one = compare(&pairs[p], 1, 1);
        a += one.numbers[COMPARE_AP].a / 3;
        b += one.numbers[COMPARE_AP].b / 3;
        width += (one.numbers[COMPARE_AP].high - one.numbers[COMPARE_AP].low) / 3;
        comparison_free(&one);
    }
    const struct compare_number *ap = &all.numbers[COMPARE_AP];
    cr_expect_float_eq(ap->a, a, 1e-12);
    cr_expect_float_eq(ap->b, b, 1e-12);
    cr_expect_float_eq(ap->difference, b - a, 1e-12);
    // The spread of a mean is at most the mean of the spreads; here the pairs are not alike.
    cr_expect_gt(ap->high - ap->low, 0);
    cr_expect_lt(ap->high - ap->low, width);
    comparison_free(&all);
    comparison_free(&parallel);
}

Test(compare_pairs, memory)
{
    struct compare_options options = {EVAL_BOXES, 3, 0, 1};
    const struct compare_pair pairs[] = {pair(0, 1), pair(2, 3)};
    struct comparison comparison;
    for (size_t i = 1;; i++) {
        mem_fail_at(i, true);
        enum status status = compare_pairs(truth, pairs, 2, &options, &comparison);
        mem_fail_at(0, false);
        if (status == OK) break;
        cr_assert_eq(status, ERR_MEMORY, "allocation %zu: %s", i, fail_message());
        cr_assert_lt(i, 1000);
    }
    comparison_free(&comparison);
}
