#include "eval/resample.h"

#include "base/mem.h"

void resample_scratch_free(struct resample_scratch *scratch)
{
    mem_free(scratch->event_weights);
    mem_free(scratch->before);
    mem_free(scratch->hits);
    mem_free(scratch->counted);
    mem_free(scratch->precision);
    *scratch = (struct resample_scratch){0};
}

static enum status reserve(struct resample_scratch *scratch, size_t n)
{
    TRY(mem_reserve(&scratch->hits, &scratch->hits_capacity, n, sizeof *scratch->hits));
    TRY(mem_reserve(&scratch->counted, &scratch->counted_capacity, n, sizeof *scratch->counted));
    return mem_reserve(&scratch->precision, &scratch->precision_capacity, n,
                       sizeof *scratch->precision);
}

enum status resample_scratch_create(const struct resample_curves *curves,
                                    struct resample_scratch *out)
{
    struct resample_scratch scratch = {0};
    enum status status = ERR_MEMORY;
    scratch.event_weights = mem_alloc(curves->largest_events, sizeof *scratch.event_weights);
    scratch.before = mem_alloc(curves->largest_events, sizeof *scratch.before);
    if (!scratch.event_weights || !scratch.before) goto done;
    GUARD(reserve(&scratch, curves->largest_items + 1));
    *out = scratch;
    scratch = (struct resample_scratch){0};
done:
    resample_scratch_free(&scratch);
    return status;
}

void resample_count_objects(const struct resample_objects *objects,
                            const struct eval_params *params, const int32_t *weights,
                            int32_t *n_objects, int32_t *needed)
{
    for (size_t k = 0; k < objects->n_categories; k++) {
        int32_t n = 0;
        for (size_t i = objects->begins[k]; i < objects->begins[k + 1]; i++)
            n += weights[objects->images[i]];
        n_objects[k] = n;
        for (size_t r = 0; n > 0 && r < EVAL_RECALLS; r++) {
            // The least count whose quotient, as it is rounded, reaches the recall.
            double wanted = params->recalls[r];
            int32_t count = (int32_t)(wanted * n);
            while (count > 0 && (double)(count - 1) / n >= wanted) count--;
            while ((double)count / n < wanted) count++;
            needed[k * EVAL_RECALLS + r] = count;
        }
    }
}

// Of each event its weight and the detections before it.
static void weigh_events(const struct resample_curves *curves, size_t category,
                         const int32_t *weights, struct resample_scratch *scratch)
{
    const uint32_t *images = curves->images + curves->begins[category];
    size_t begin = curves->event_begins[category];
    size_t n = curves->event_begins[category + 1] - begin;
    const struct resample_event *events = curves->events + begin;
    int32_t sum = 0;
    uint32_t at = 0;
    for (size_t e = 0; e < n; e++) {
        for (; at < events[e].first; at++) sum += weights[images[at]];
        scratch->before[e] = sum;
        scratch->event_weights[e] = weights[events[e].image];
    }
}

struct counts {
    int32_t n_hits, n_ignored;
    size_t n; // true positives that stand in the scratch
};

// All copies of the image, one after the other.
static enum status walk_copies(const struct resample_curves *curves,
                               const struct resample_event *event, size_t threshold, int32_t weight,
                               int32_t before, struct resample_scratch *scratch,
                               struct counts *counts)
{
    // Beside these there are at most largest_items.
    size_t room = (size_t)weight * event->n;
    TRY(reserve(scratch, counts->n + room + curves->largest_items + 1));
    for (int32_t copy = 0; copy < weight; copy++)
        for (uint32_t i = event->masks; i < event->masks + event->n; i++) {
            before++;
            if (curves->ignored[i] >> threshold & 1) {
                counts->n_ignored++;
            } else if (curves->hits[i] >> threshold & 1) {
                scratch->hits[counts->n] = ++counts->n_hits;
                scratch->counted[counts->n++] = before - counts->n_ignored;
            }
        }
    return OK;
}

// The copies of a single detection need one entry: from the first to the last of them precision
// rises. One of weight 0 needs none; what is entered for it repeats the count before at a precision
// that is no better, which changes nothing and saves a branch that nobody could predict.
static enum status walk(const struct resample_curves *curves, size_t category, size_t threshold,
                        struct resample_scratch *scratch, size_t *n)
{
    const struct resample_event *events = curves->events + curves->event_begins[category];
    const size_t *range = curves->item_begins + category * curves->n_thresholds + threshold;
    struct counts counts = {0, 0, 0};
    for (size_t i = range[0]; i < range[1]; i++) {
        uint32_t e = curves->items[i] / 4;
        int32_t weight = scratch->event_weights[e], before = scratch->before[e];
        switch ((enum resample_kind)(curves->items[i] % 4)) {
        case RESAMPLE_FOUND:
            counts.n_hits += weight;
            scratch->hits[counts.n] = counts.n_hits;
            scratch->counted[counts.n++] = before + weight - counts.n_ignored;
            break;
        case RESAMPLE_IGNORED:
            counts.n_ignored += weight;
            break;
        case RESAMPLE_SEVERAL:
            TRY(walk_copies(curves, &events[e], threshold, weight, before, scratch, &counts));
            break;
        }
    }
    *n = counts.n;
    return OK;
}

// From true positives to precision at the recalls, as eval/accumulate.c computes it.
static void sample(struct resample_scratch *scratch, size_t n, const int32_t *needed,
                   double *precision)
{
    const double epsilon = 0x1p-52;
    for (size_t i = 0; i < n; i++)
        scratch->precision[i] = (double)scratch->hits[i] / ((double)scratch->counted[i] + epsilon);
    size_t r = EVAL_RECALLS; // those from here on are done
    while (r > 0 && (n == 0 || needed[r - 1] > scratch->hits[n - 1])) precision[--r] = 0;
    double best = 0;
    for (size_t i = n; i > 0; i--) {
        if (scratch->precision[i - 1] > best) best = scratch->precision[i - 1];
        int32_t previous = i > 1 ? scratch->hits[i - 2] : -1;
        while (r > 0 && needed[r - 1] > previous) precision[--r] = best;
    }
}

enum status resample_precision(const struct resample_curves *curves, const int32_t *weights,
                               const int32_t *n_objects, const int32_t *needed,
                               struct resample_scratch *scratch, double *precision)
{
    for (size_t k = 0; k < curves->n_categories; k++) {
        if (n_objects[k] == 0) continue;
        weigh_events(curves, k, weights, scratch);
        for (size_t t = 0; t < curves->n_thresholds; t++) {
            size_t n;
            TRY(walk(curves, k, t, scratch, &n));
            sample(scratch, n, needed + k * EVAL_RECALLS,
                   precision + (k * curves->n_thresholds + t) * EVAL_RECALLS);
        }
    }
    return OK;
}
