#include "eval/mcnemar.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// P(chi-squared of one degree of freedom >= x).
static double tail(double x)
{
    return erfc(sqrt(x / 2));
}

// Twice P(X <= k) of a fair coin tossed n times; the terms from the largest down, so that none
// that counts is lost.
static double two_sided(int64_t n, int64_t k)
{
    double term = exp(lgamma((double)n + 1) - lgamma((double)k + 1) -
                      lgamma((double)(n - k) + 1) - (double)n * log(2.0));
    double sum = 0;
    for (int64_t i = k; i >= 0 && term > 0; i--) {
        double before = sum;
        sum += term;
        if (sum == before) break;
        term *= (double)i / (double)(n - i + 1);
    }
    return fmin(1, 2 * sum);
}

void mcnemar_test(int64_t both, int64_t only_a, int64_t only_b, int64_t neither,
                  struct mcnemar *test)
{
    int64_t n = only_a + only_b, least = only_a < only_b ? only_a : only_b;
    double difference = fabs((double)(only_a - only_b)), less = fmax(0, difference - 1);
    *test = (struct mcnemar){both, only_a, only_b, neither, 0, 1, 0, 1, 1};
    if (n == 0) return;
    test->chi2 = difference * difference / (double)n;
    test->chi2_p = tail(test->chi2);
    test->corrected = less * less / (double)n;
    test->corrected_p = tail(test->corrected);
    test->exact_p = two_sided(n, least);
}

static enum status check_classes(const struct class_results *a, const char *name_a,
                                 const struct class_results *b, const char *name_b)
{
    if (a->n_classes != b->n_classes)
        return fail(ERR_DATA, "%s has %zu classes, %s %zu", name_a, a->n_classes, name_b,
                    b->n_classes);
    for (size_t i = 0; i < a->n_classes; i++)
        if (strcmp(a->classes[i], b->classes[i]) != 0)
            return fail(ERR_DATA, "class %zu is '%s' in %s and '%s' in %s", i, a->classes[i],
                        name_a, b->classes[i], name_b);
    return OK;
}

enum status mcnemar_compare(const struct class_results *a, const char *name_a,
                            const struct class_results *b, const char *name_b,
                            struct mcnemar *test)
{
    int64_t counts[2][2] = {{0}};
    TRY(check_classes(a, name_a, b, name_b));
    for (size_t i = 0; i < a->n || i < b->n; i++) {
        const struct class_result *x = i < a->n ? &a->items[i] : NULL;
        const struct class_result *y = i < b->n ? &b->items[i] : NULL;
        if (!y || (x && x->id < y->id))
            return fail(ERR_DATA, "%s: image %" PRId64 " is not in %s", name_a, x->id, name_b);
        if (!x || y->id < x->id)
            return fail(ERR_DATA, "%s: image %" PRId64 " is not in %s", name_b, y->id, name_a);
        if (x->label < 0 || x->label != y->label)
            return fail(ERR_DATA, "image %" PRId64 ": label %d in %s, %d in %s", x->id, x->label,
                        name_a, y->label, name_b);
        counts[x->top[0] == x->label][y->top[0] == y->label]++;
    }
    mcnemar_test(counts[1][1], counts[1][0], counts[0][1], counts[0][0], test);
    return OK;
}
