// The confusion matrix, by hand.
#include <criterion/criterion.h>

#include "eval/confusion.h"
#include "report_set.h"

static void expect_entries(const struct confusion *confusion,
                           const struct confusion_entry *expected, size_t n)
{
    cr_assert_eq(confusion->n, n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(confusion->entries[i].truth, expected[i].truth);
        cr_expect_eq(confusion->entries[i].predicted, expected[i].predicted);
        cr_expect_eq(confusion->entries[i].count, expected[i].count, "entry %zu: %lld", i,
                     (long long)confusion->entries[i].count);
    }
}

Test(report_confusion, small_set)
{
    struct report_set set;
    struct confusion confusion;
    report_set_make("confusion", report_truth, report_results, EVAL_BOXES, &set);
    cr_assert_eq(confusion_make(set.truth, &set.evaluation.cells, &set.overlaps,
                                &set.evaluation.params, 0.5, 0.45, &confusion),
                 OK);
    // Scores of 0.4 and less are out, so that g3 and g6 are not found.
    static const struct confusion_entry expected[] = {
        {0, 0, 1},
        {0, CONFUSION_BACKGROUND, 3},
        {1, 0, 1},
        {1, CONFUSION_BACKGROUND, 2},
        {CONFUSION_BACKGROUND, 0, 2},
        {CONFUSION_BACKGROUND, 1, 1},
    };
    expect_entries(&confusion, expected, 6);
    confusion_free(&confusion);
    // At a third even the two badly placed ones take an object.
    cr_assert_eq(confusion_make(set.truth, &set.evaluation.cells, &set.overlaps,
                                &set.evaluation.params, 0.33, 0.45, &confusion),
                 OK);
    static const struct confusion_entry lower[] = {
        {0, 0, 2},
        {0, 1, 1},
        {0, CONFUSION_BACKGROUND, 1},
        {1, 0, 1},
        {1, CONFUSION_BACKGROUND, 2},
        {CONFUSION_BACKGROUND, 0, 1},
    };
    expect_entries(&confusion, lower, 6);
    confusion_free(&confusion);
    report_set_free(&set);
}

// Two objects in one place: the detection takes the one of its own category. A crowd swallows what
// nothing else explains, and is no row itself.
Test(report_confusion, ties_and_crowds)
{
    struct report_set set;
    struct confusion confusion;
    report_set_make(
        "confusion_ties",
        "{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1,\"name\":\"A\"},{\"id\":2,\"name\":"
        "\"B\"}],\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,9,9],"
        "\"area\":81,\"iscrowd\":0},{\"id\":2,\"image_id\":1,\"category_id\":2,\"bbox\":[0,0,9,9],"
        "\"area\":81,\"iscrowd\":0},{\"id\":3,\"image_id\":1,\"category_id\":2,\"bbox\":[50,50,40,"
        "40],\"area\":1600,\"iscrowd\":1}]}",
        "[{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,9,9],\"score\":0.9},"
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[60,60,9,9],\"score\":0.8}]",
        EVAL_BOXES, &set);
    cr_assert_eq(confusion_make(set.truth, &set.evaluation.cells, &set.overlaps,
                                &set.evaluation.params, 0.5, 0, &confusion),
                 OK);
    static const struct confusion_entry expected[] = {{0, 0, 1}, {1, CONFUSION_BACKGROUND, 1}};
    expect_entries(&confusion, expected, 2);
    confusion_free(&confusion);
    report_set_free(&set);
}
