// McNemar's test against scipy, and what cannot be compared.
#include "eval/mcnemar.h"

#include <math.h>

#include "../scratch.h"

static void expect_close(double got, double want, const char *what, size_t i)
{
    cr_expect(fabs(got - want) <= 1e-9 * fabs(want), "%zu: %s %.17g, expected %.17g", i, what, got,
              want);
}

// scipy 1.17: chi2.sf(x, 1) and binomtest(b, b + c, 0.5).pvalue; the first two rows are examples of
// textbooks (Agresti, Categorical Data Analysis: 150 and 86 of a panel's changed minds).
Test(mcnemar, agrees_with_scipy)
{
    static const struct {
        int64_t b, c;
        double chi2, chi2_p, corrected, corrected_p, exact_p;
    } cases[] = {
        {150, 86, 17.35593220338983, 3.099293441045215e-05, 16.81779661016949,
         4.114562281345944e-05, 3.715936139571442e-05},
        {101, 121, 1.8018018018018018, 0.1794948183730267, 1.6261261261261262,
         0.20223969808664588, 0.20213432065995873},
        {59, 6, 43.215384615384615, 4.9033614331951344e-11, 41.6, 1.1199327149542469e-10,
         4.964650327128617e-12},
        {3, 9, 3, 0.08326451666355042, 2.0833333333333335, 0.14891467317876161, 0.14599609375},
        {4, 1, 1.8, 0.17971249487899593, 0.8, 0.37109336952269756, 0.375},
        {1000, 900, 5.2631578947368425, 0.021781462791119595, 5.158421052631579,
         0.023133919510755163, 0.02310884510890107},
        {0, 40, 40, 2.5396285894708634e-10, 38.025, 6.984393061522137e-10, 1.8189894035458565e-12},
        {1, 0, 1, 0.31731050786291115, 0, 1, 1},
        {10, 10, 0, 1, 0, 1, 1},
        {0, 0, 0, 1, 0, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mcnemar t, turned;
        mcnemar_test(7, cases[i].b, cases[i].c, 5, &t);
        expect_close(t.chi2, cases[i].chi2, "chi2", i);
        expect_close(t.chi2_p, cases[i].chi2_p, "p", i);
        expect_close(t.corrected, cases[i].corrected, "corrected", i);
        expect_close(t.corrected_p, cases[i].corrected_p, "corrected p", i);
        expect_close(t.exact_p, cases[i].exact_p, "exact p", i);
        cr_expect(t.both == 7 && t.neither == 5 && t.only_a == cases[i].b);
        mcnemar_test(0, cases[i].c, cases[i].b, 0, &turned);
        cr_expect(turned.chi2 == t.chi2 && turned.exact_p == t.exact_p);
    }
}

Test(mcnemar, very_many_images)
{
    struct mcnemar t;
    mcnemar_test(0, 500000, 501000, 0, &t);
    expect_close(t.exact_p, t.corrected_p, "exact and corrected p agree", 0);
}

static void add(struct class_results *results, int64_t id, int label, int best)
{
    float logits[3] = {0};
    logits[best] = 1;
    cr_assert_eq(class_results_add(results, id, "x.jpg", label, logits), OK);
}

struct pair {
    struct class_results a, b;
};

static void open(struct pair *pair)
{
    static const char *const names[] = {"p", "q", "r"};
    class_results_init(&pair->a);
    class_results_init(&pair->b);
    cr_assert_eq(class_results_set_classes(&pair->a, 3, names), OK);
    cr_assert_eq(class_results_set_classes(&pair->b, 3, names), OK);
}

static void close_pair(struct pair *pair)
{
    class_results_free(&pair->a);
    class_results_free(&pair->b);
}

Test(mcnemar, counts_who_is_right)
{
    // label, what A and B say
    static const int images[][3] = {{0, 0, 0}, {0, 1, 0}, {1, 1, 2}, {1, 1, 0}, {2, 0, 1},
                                    {2, 2, 2}, {2, 2, 0}};
    struct pair pair;
    struct mcnemar t;
    open(&pair);
    for (int i = 0; i < 7; i++) {
        add(&pair.a, i, images[i][0], images[i][1]);
        add(&pair.b, i, images[i][0], images[i][2]);
    }
    cr_assert_eq(mcnemar_compare(&pair.a, "A", &pair.b, "B", &t), OK, "%s", fail_message());
    cr_expect(t.both == 2 && t.only_a == 3 && t.only_b == 1 && t.neither == 1);
    close_pair(&pair);
}

Test(mcnemar, refuses_what_cannot_be_compared)
{
    struct pair pair;
    struct mcnemar t;
    open(&pair);
    add(&pair.a, 1, 0, 0);
    cr_expect_eq(mcnemar_compare(&pair.a, "A", &pair.b, "B", &t), ERR_DATA);
    expect_message("A: image 1 is not in B");
    add(&pair.b, 1, 0, 0);
    add(&pair.b, 2, 0, 0);
    cr_expect_eq(mcnemar_compare(&pair.a, "A", &pair.b, "B", &t), ERR_DATA);
    expect_message("B: image 2 is not in A");
    add(&pair.a, 2, 1, 0);
    cr_expect_eq(mcnemar_compare(&pair.a, "A", &pair.b, "B", &t), ERR_DATA);
    expect_message("image 2: label 1 in A, 0 in B");
    pair.a.items[1].label = pair.b.items[1].label = -1; // classified, but nobody knows
    cr_expect_eq(mcnemar_compare(&pair.a, "A", &pair.b, "B", &t), ERR_DATA);
    expect_message("label -1");
    pair.b.classes[2] = "other";
    cr_expect_eq(mcnemar_compare(&pair.a, "A", &pair.b, "B", &t), ERR_DATA);
    expect_message("class 2 is 'r' in A and 'other' in B");
    pair.b.n_classes = 2;
    cr_expect_eq(mcnemar_compare(&pair.a, "A", &pair.b, "B", &t), ERR_DATA);
    expect_message("A has 3 classes, B 2");
    close_pair(&pair);
}
