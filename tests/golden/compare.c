#include "compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { N_STATS = 4, N_SAMPLES = 64 };

void golden_open(const char *name, struct golden *golden)
{
    char path[PATH_BYTES];
    *golden = (struct golden){0};
    snprintf(path, sizeof path, "%s/%s.safetensors", TARN_GOLDEN_DATA, name);
    cr_assert(st_open(path, &golden->file) == OK, "%s", fail_message());
}

void golden_close(struct golden *golden)
{
    cr_log_info("%d tensors, largest relative difference %.2g in %s\n", golden->n_compared,
                golden->worst, golden->worst_name);
    st_close(&golden->file);
}

double golden_number(const struct golden *golden, const char *key)
{
    const char *text = st_meta(&golden->file, key);
    cr_assert(text != NULL, "no metadata %s", key);
    return strtod(text, NULL);
}

float *golden_read(const struct golden *golden, const char *name, size_t *n)
{
    const struct st_tensor *tensor = st_find(&golden->file, name);
    cr_assert(tensor != NULL, "%s is not in the golden file", name);
    float *values = mem_alloc(tensor->n_elements, sizeof *values);
    cr_assert(values && st_to_float(&golden->file, tensor, values) == OK, "%s", fail_message());
    *n = tensor->n_elements;
    return values;
}

static void check(struct golden *golden, const char *name, const char *label, const char *what, double got,
                  double want, double scale, double tolerance)
{
    double difference = fabs(got - want) / (scale > 0 ? scale : 1);
    cr_expect(difference <= tolerance, "%s: %s, %s: %.9g, expected %.9g (scale %.3g, off by %.2g)",
              name, label, what, got, want, scale, difference);
    if (difference > golden->worst) {
        golden->worst = difference;
        snprintf(golden->worst_name, sizeof golden->worst_name, "%s: %s %s", name, label,
                 what);
    }
}

void golden_compare(struct golden *golden, const char *name, size_t row, const char *label,
                    const float *values, size_t n, double tolerance)
{
    char full[128];
    size_t n_stats, n_samples;
    snprintf(full, sizeof full, "%s.stats", name);
    float *all_stats = golden_read(golden, full, &n_stats);
    snprintf(full, sizeof full, "%s.samples", name);
    float *all_samples = golden_read(golden, full, &n_samples);
    cr_assert((row + 1) * N_STATS <= n_stats && (row + 1) * N_SAMPLES <= n_samples);
    const float *stats = all_stats + row * N_STATS, *samples = all_samples + row * N_SAMPLES;

    double sum = 0, sizes = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        double v = (double)values[i];
        sum += v;
        sizes += fabs(v);
        squares += v * v;
        if (!(fabs(v) <= largest)) largest = fabs(v);
    }
    double want_sizes = (double)stats[1], want_norm = (double)stats[2];
    double want_largest = (double)stats[3];
    check(golden, name, label, "sum", sum, (double)stats[0], want_sizes, tolerance);
    check(golden, name, label, "sum of sizes", sizes, want_sizes, want_sizes, tolerance);
    check(golden, name, label, "norm", sqrt(squares), want_norm, want_norm, tolerance);
    check(golden, name, label, "largest", largest, want_largest, want_largest, tolerance);
    for (size_t k = 0; k < N_SAMPLES; k++) {
        char what[32];
        size_t i = k * (n / N_SAMPLES * 2 + 1) % n;
        snprintf(what, sizeof what, "[%zu]", i);
        check(golden, name, label, what, (double)values[i], (double)samples[k], want_largest,
              tolerance);
    }
    golden->n_compared++;
    mem_free(all_stats);
    mem_free(all_samples);
}
