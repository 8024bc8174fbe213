#include "eval/summarize.h"

#include <string.h>

#include "base/mem.h"

const char *const coco_stat_names[COCO_STATS] = {"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                                 "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};

enum { LIMIT_100 = -1 };

static const struct slot {
    bool is_recall;
    double threshold; // 0: all
    const char *area;
    int limit; // index, or LIMIT_100
} slots[COCO_STATS] = {
    {false, 0, "all", LIMIT_100}, {false, 0.5, "all", 2},  {false, 0.75, "all", 2},
    {false, 0, "small", 2},       {false, 0, "medium", 2}, {false, 0, "large", 2},
    {true, 0, "all", 0},          {true, 0, "all", 1},     {true, 0, "all", 2},
    {true, 0, "small", 2},        {true, 0, "medium", 2},  {true, 0, "large", 2},
};

static double pairwise_sum(const double *v, size_t n)
{
    if (n < 8) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += v[i];
        return sum;
    }
    if (n <= 128) {
        double s[8];
        memcpy(s, v, sizeof s);
        size_t i = 8;
        for (; i + 8 <= n; i += 8)
            for (size_t k = 0; k < 8; k++) s[k] += v[i + k];
        double sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
        for (; i < n; i++) sum += v[i];
        return sum;
    }
    size_t half = n / 2 / 8 * 8;
    return pairwise_sum(v, half) + pairwise_sum(v + half, n - half);
}

double summarize_mean(const double *values, size_t n)
{
    enum { BLOCK = 8192 };
    double sum = 0;
    for (size_t i = 0; i < n; i += BLOCK)
        sum += pairwise_sum(values + i, n - i < BLOCK ? n - i : BLOCK);
    return sum / (double)n;
}

static int find_area(const struct eval_params *params, const char *label)
{
    for (int a = 0; a < params->n_areas; a++)
        if (strcmp(params->areas[a].label, label) == 0) return a;
    return -1;
}

static int find_limit(const struct eval_params *params, int wanted)
{
    int last = params->n_limits - 1;
    if (wanted != LIMIT_100) return wanted < last ? wanted : last;
    for (int m = 0; m < params->n_limits; m++)
        if (params->limits[m] == 100) return m;
    return last;
}

// Copies the values of one slot that are defined into `values`; returns how many.
static size_t gather(const struct eval_tensors *tensors, const struct eval_params *params,
                     const struct slot *slot, size_t category, double *values)
{
    int area = find_area(params, slot->area), limit = find_limit(params, slot->limit);
    if (area < 0) return 0;
    const double *source = slot->is_recall ? tensors->recall : tensors->precision;
    size_t n_recalls = slot->is_recall ? 1 : EVAL_RECALLS, n = 0;
    size_t first = category == ALL_CATEGORIES ? 0 : category;
    size_t end = category == ALL_CATEGORIES ? tensors->n_categories : category + 1;
    size_t per_category = tensors->n_areas * tensors->n_limits;
    size_t per_recall = per_category * tensors->n_categories;
    for (size_t t = 0; t < tensors->n_thresholds; t++) {
        if (slot->threshold > 0 && params->thresholds[t] != slot->threshold) continue;
        for (size_t r = 0; r < n_recalls; r++)
            for (size_t k = first; k < end; k++) {
                double value = source[(t * n_recalls + r) * per_recall + k * per_category +
                                      (size_t)area * tensors->n_limits + (size_t)limit];
                if (value > -1) values[n++] = value;
            }
    }
    return n;
}

enum status summarize(const struct eval_tensors *tensors, const struct eval_params *params,
                      size_t category, double stats[COCO_STATS])
{
    size_t k = category == ALL_CATEGORIES ? tensors->n_categories : 1;
    double *values = mem_alloc(tensors->n_thresholds * EVAL_RECALLS * k, sizeof *values);
    if (!values) return ERR_MEMORY;
    for (int i = 0; i < COCO_STATS; i++) {
        size_t n = gather(tensors, params, &slots[i], category, values);
        stats[i] = n ? summarize_mean(values, n) : -1;
    }
    mem_free(values);
    return OK;
}
