#include "cli/compare_classes.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "eval/mcnemar.h"

// Below so many images that tell the two apart, chi-squared is not to be trusted.
enum { FEW = 25 };

static double share(int64_t n, int64_t of)
{
    return of ? (double)n / (double)of : 0;
}

static void print_p(const char *name, double chi2, double p)
{
    char value[32] = "";
    if (chi2 >= 0) snprintf(value, sizeof value, "%.3f", chi2);
    printf("  %-42s %10s   p = %.4g\n", name, value, p);
}

static void print(const struct mcnemar *t, const char *path_a, const char *path_b)
{
    int64_t n = t->both + t->only_a + t->only_b + t->neither;
    int64_t right_a = t->both + t->only_a, right_b = t->both + t->only_b;
    int64_t n_apart = t->only_a + t->only_b;
    printf("A: top-1 %6.2f %%, %" PRId64 " of %" PRId64 " images  %s\n", 100 * share(right_a, n),
           right_a, n, path_a);
    printf("B: top-1 %6.2f %%, %" PRId64 " of %" PRId64 " images  %s\n", 100 * share(right_b, n),
           right_b, n, path_b);
    printf("B - A: %+.2f points\n\n", 100 * (share(right_b, n) - share(right_a, n)));
    printf("%-10s %12s %12s\n", "images", "B right", "B wrong");
    printf("%-10s %12" PRId64 " %12" PRId64 "\n", "A right", t->both, t->only_a);
    printf("%-10s %12" PRId64 " %12" PRId64 "\n\n", "A wrong", t->only_b, t->neither);
    printf("McNemar's test, of the %" PRId64 " images where one alone is right\n", n_apart);
    print_p("chi-squared, one degree of freedom", t->chi2, t->chi2_p);
    print_p("the same, continuity-corrected", t->corrected, t->corrected_p);
    print_p("exact binomial, two-sided", -1, t->exact_p);
    if (n_apart < FEW)
        printf("  fewer than %d such images: take the exact one\n", (int)FEW);
}

static enum status save(const struct mcnemar *t, const char *path_a, const char *path_b,
                        const char *path)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fputs("{\"a\": ", stream);
    json_write_string(stream, path_a);
    fputs(", \"b\": ", stream);
    json_write_string(stream, path_b);
    fprintf(stream,
            ",\n \"both\": %" PRId64 ", \"only_a\": %" PRId64 ", \"only_b\": %" PRId64
            ", \"neither\": %" PRId64 ",\n",
            t->both, t->only_a, t->only_b, t->neither);
    fprintf(stream,
            " \"chi2\": %.17g, \"chi2_p\": %.17g, \"corrected\": %.17g, \"corrected_p\": %.17g, "
            "\"exact_p\": %.17g}\n",
            t->chi2, t->chi2_p, t->corrected, t->corrected_p, t->exact_p);
    return file_writer_commit(&writer);
}

enum status compare_classes(const char *path_a, const char *path_b, const char *json)
{
    struct class_results a, b;
    struct mcnemar test;
    enum status status = OK;
    class_results_init(&a);
    class_results_init(&b);
    GUARD(class_results_load(path_a, &a));
    GUARD(class_results_load(path_b, &b));
    GUARD(mcnemar_compare(&a, path_a, &b, path_b, &test));
    print(&test, path_a, path_b);
    if (json[0]) GUARD(save(&test, path_a, path_b, json));
done:
    class_results_free(&a);
    class_results_free(&b);
    return status;
}
