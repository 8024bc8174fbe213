#include "eval/summarize.h"

#include <string.h>

#include "base/mem.h"

const char *const coco_stat_names[COCO_STATS] = {"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                                 "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};

// What one number is a mean of. Indices; NOT_THERE: nothing, the number is undefined.
enum { NOT_THERE = -1, ALL_THRESHOLDS = -2 };
struct choice {
    bool is_recall;
    int threshold, area, limit;
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
    return NOT_THERE;
}

static int find_threshold(const struct eval_params *params, double wanted)
{
    for (int t = 0; t < params->n_thresholds; t++)
        if (params->thresholds[t] == wanted) return t;
    return NOT_THERE;
}

// AP alone is bound to 100 detections by value, the others to places in the list.
static int limit_of_ap(const struct eval_params *params)
{
    for (int m = 0; m < params->n_limits; m++)
        if (params->limits[m] == 100) return m;
    return params->n_limits - 1;
}

static int nth_limit(const struct eval_params *params, int n)
{
    return n < params->n_limits ? n : params->n_limits - 1;
}

// Copies the values that are defined into `values`; returns how many.
static size_t gather(const struct eval_tensors *tensors, const struct choice *choice,
                     size_t category, double *values)
{
    if (choice->area == NOT_THERE || choice->threshold == NOT_THERE) return 0;
    const double *source = choice->is_recall ? tensors->recall : tensors->precision;
    size_t n_recalls = choice->is_recall ? 1 : EVAL_RECALLS, n = 0;
    size_t first = category == ALL_CATEGORIES ? 0 : category;
    size_t end = category == ALL_CATEGORIES ? tensors->n_categories : category + 1;
    size_t per_category = tensors->n_areas * tensors->n_limits;
    size_t per_recall = per_category * tensors->n_categories;
    size_t within = (size_t)choice->area * tensors->n_limits + (size_t)choice->limit;
    for (size_t t = 0; t < tensors->n_thresholds; t++) {
        if (choice->threshold != ALL_THRESHOLDS && (size_t)choice->threshold != t) continue;
        for (size_t r = 0; r < n_recalls; r++)
            for (size_t k = first; k < end; k++) {
                double value = source[(t * n_recalls + r) * per_recall + k * per_category + within];
                if (value > -1) values[n++] = value;
            }
    }
    return n;
}

static double *values_create(const struct eval_tensors *tensors, size_t n_categories)
{
    return mem_alloc(tensors->n_thresholds * EVAL_RECALLS * n_categories, sizeof(double));
}

static double mean_of(const struct eval_tensors *tensors, const struct choice *choice,
                      size_t category, double *values)
{
    size_t n = gather(tensors, choice, category, values);
    return n ? summarize_mean(values, n) : -1;
}

enum status summarize(const struct eval_tensors *tensors, const struct eval_params *params,
                      size_t category, double stats[COCO_STATS])
{
    int all = find_area(params, "all"), small = find_area(params, "small");
    int medium = find_area(params, "medium"), large = find_area(params, "large");
    int first = nth_limit(params, 0), second = nth_limit(params, 1), third = nth_limit(params, 2);
    const struct choice choices[COCO_STATS] = {
        {false, ALL_THRESHOLDS, all, limit_of_ap(params)},
        {false, find_threshold(params, 0.5), all, third},
        {false, find_threshold(params, 0.75), all, third},
        {false, ALL_THRESHOLDS, small, third},
        {false, ALL_THRESHOLDS, medium, third},
        {false, ALL_THRESHOLDS, large, third},
        {true, ALL_THRESHOLDS, all, first},
        {true, ALL_THRESHOLDS, all, second},
        {true, ALL_THRESHOLDS, all, third},
        {true, ALL_THRESHOLDS, small, third},
        {true, ALL_THRESHOLDS, medium, third},
        {true, ALL_THRESHOLDS, large, third},
    };
    double *values = values_create(tensors, category == ALL_CATEGORIES ? tensors->n_categories : 1);
    if (!values) return ERR_MEMORY;
    for (int i = 0; i < COCO_STATS; i++) stats[i] = mean_of(tensors, &choices[i], category, values);
    mem_free(values);
    return OK;
}

_Static_assert(3 + 2 * (EVAL_MAX_AREAS - 1) + EVAL_MAX_LIMITS <= EVAL_MAX_LINES,
               "room for all lines");

// The lines' choices, in pycocotools' order; returns how many.
static size_t choose_lines(const struct eval_params *params, struct choice *choices)
{
    static const double single[] = {0.5, 0.75};
    size_t n = 0;
    int main_area = find_area(params, "all"), third = nth_limit(params, 2);
    if (main_area == NOT_THERE) main_area = 0;
    choices[n++] = (struct choice){false, ALL_THRESHOLDS, main_area, limit_of_ap(params)};
    for (int i = 0; i < 2; i++) {
        int t = find_threshold(params, single[i]);
        if (t != NOT_THERE) choices[n++] = (struct choice){false, t, main_area, third};
    }
    for (int a = 0; a < params->n_areas; a++)
        if (a != main_area) choices[n++] = (struct choice){false, ALL_THRESHOLDS, a, third};
    for (int m = 0; m < params->n_limits; m++)
        choices[n++] = (struct choice){true, ALL_THRESHOLDS, main_area, m};
    for (int a = 0; a < params->n_areas; a++)
        if (a != main_area) choices[n++] = (struct choice){true, ALL_THRESHOLDS, a, third};
    return n;
}

enum status summarize_lines(const struct eval_tensors *tensors, const struct eval_params *params,
                            struct eval_line lines[EVAL_MAX_LINES], size_t *n_lines)
{
    struct choice choices[EVAL_MAX_LINES];
    double *values = values_create(tensors, tensors->n_categories);
    if (!values) return ERR_MEMORY;
    *n_lines = choose_lines(params, choices);
    for (size_t i = 0; i < *n_lines; i++) {
        const struct choice *choice = &choices[i];
        bool is_single = choice->threshold != ALL_THRESHOLDS;
        lines[i] = (struct eval_line){
            .is_recall = choice->is_recall,
            .first_iou = params->thresholds[is_single ? choice->threshold : 0],
            .last_iou =
                params->thresholds[is_single ? choice->threshold : params->n_thresholds - 1],
            .is_range = !is_single,
            .limit = params->limits[choice->limit],
            .value = mean_of(tensors, choice, ALL_CATEGORIES, values),
        };
        memcpy(lines[i].area, params->areas[choice->area].label, sizeof lines[i].area);
    }
    mem_free(values);
    return OK;
}
