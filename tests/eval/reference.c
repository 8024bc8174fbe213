#include "reference.h"

#include <math.h>

static const double low_of[REF_A] = {0, 0, 1024, 9216}, high_of[REF_A] = {1e10, 1024, 9216, 1e10};
static const int limit_of[REF_M] = {1, 10, 100};

static double threshold_of(int t)
{
    static const double values[REF_T] = {0x1.0p-1,
                                         0x1.199999999999ap-1,
                                         0x1.3333333333333p-1,
                                         0x1.4cccccccccccdp-1,
                                         0x1.6666666666666p-1,
                                         0x1.8p-1,
                                         0x1.999999999999ap-1,
                                         0x1.b333333333333p-1,
                                         0x1.cccccccccccccp-1,
                                         0x1.e666666666666p-1};
    return values[t];
}

static double box_overlap(const struct ref_detection *d, const struct ref_object *g)
{
    double w = fmin(d->box[2] + d->box[0], g->box[2] + g->box[0]) - fmax(d->box[0], g->box[0]);
    double h = fmin(d->box[3] + d->box[1], g->box[3] + g->box[1]) - fmax(d->box[1], g->box[1]);
    if (w <= 0 || h <= 0) return 0;
    double i = w * h, area = d->box[2] * d->box[3];
    return i / (g->is_crowd ? area : area + g->box[2] * g->box[3] - i);
}

static double mask_overlap(const uint8_t *d, const uint8_t *g, bool is_crowd)
{
    int common = 0, either = 0;
    for (int i = 0; i < REF_PIXELS; i++) {
        common += d[i] & g[i];
        either += is_crowd ? d[i] : d[i] | g[i];
    }
    return common ? (double)common / either : 0;
}

static double area_of(const struct ref_problem *p, size_t detection)
{
    const double *box = p->detections[detection].box;
    int n_pixels = 0;
    if (!p->has_masks) return box[2] * box[3];
    for (int i = 0; i < REF_PIXELS; i++) n_pixels += p->detection_masks[detection][i];
    return n_pixels;
}

// Of every detection with every object.
static double overlaps[REF_DETECTIONS][REF_OBJECTS];

static void fill_overlaps(const struct ref_problem *p)
{
    for (size_t i = 0; i < p->n_detections; i++)
        for (size_t g = 0; g < p->n_objects; g++) {
            const struct ref_object *object = &p->objects[g];
            if (object->image != p->detections[i].image) continue;
            overlaps[i][g] = p->has_masks ? mask_overlap(p->detection_masks[i], p->object_masks[g],
                                                         object->is_crowd)
                                          : box_overlap(&p->detections[i], object);
        }
}

// One image, category, area range and threshold. taken: per object of the problem.
struct outcome {
    bool is_matched, is_ignored;
    int rank; // -1: cut off
};

// The place of detection i among those of its image and category.
static int rank_of(const struct ref_problem *p, size_t i)
{
    const struct ref_detection *d = &p->detections[i];
    int rank = 0;
    for (size_t j = 0; j < p->n_detections; j++) {
        const struct ref_detection *e = &p->detections[j];
        if (e->image != d->image || e->category != d->category) continue;
        if (e->score > d->score || (e->score == d->score && j < i)) rank++;
    }
    return rank < limit_of[REF_M - 1] ? rank : -1;
}

static bool is_ignored(const struct ref_object *g, int a)
{
    return g->is_crowd || g->area < low_of[a] || g->area > high_of[a];
}

// Tries counted objects, and only when none of them fits, ignored ones.
static long choose(const struct ref_problem *p, size_t detection, int a, double t,
                   const bool *taken)
{
    const struct ref_detection *d = &p->detections[detection];
    for (int ignored = 0; ignored < 2; ignored++) {
        long best = -1;
        double best_overlap = fmin(t, 1 - 1e-10);
        for (size_t g = 0; g < p->n_objects; g++) {
            const struct ref_object *object = &p->objects[g];
            if (object->image != d->image || object->category != d->category) continue;
            if (is_ignored(object, a) != ignored || (taken[g] && !object->is_crowd)) continue;
            double o = overlaps[detection][g];
            if (o >= best_overlap) {
                best = (long)g;
                best_overlap = o;
            }
        }
        if (best >= 0) return best;
    }
    return -1;
}

static void match(const struct ref_problem *p, int a, double t, const int *ranks,
                  struct outcome *outcomes)
{
    static bool taken[sizeof p->objects / sizeof *p->objects];
    for (size_t g = 0; g < p->n_objects; g++) taken[g] = false;
    // By rank: within an image and category this is the order of scores.
    for (int rank = 0; rank < limit_of[REF_M - 1]; rank++)
        for (size_t i = 0; i < p->n_detections; i++) {
            if (ranks[i] != rank) continue;
            long g = choose(p, i, a, t, taken);
            double area = area_of(p, i);
            outcomes[i].rank = rank;
            outcomes[i].is_matched = g >= 0 && p->objects[g].id != 0;
            outcomes[i].is_ignored = g >= 0 && is_ignored(&p->objects[g], a);
            if (!outcomes[i].is_matched && (area < low_of[a] || area > high_of[a]))
                outcomes[i].is_ignored = true;
            if (g >= 0) taken[g] = true;
        }
}

// Before: by score, then image, then rank.
static bool comes_before(const struct ref_problem *p, const struct outcome *o, size_t i, size_t j)
{
    const struct ref_detection *x = &p->detections[i], *y = &p->detections[j];
    if (x->score != y->score) return x->score > y->score;
    if (x->image != y->image) return x->image < y->image;
    return o[i].rank < o[j].rank;
}

static void curve(const struct ref_problem *p, const struct outcome *outcomes, int k, int a, int m,
                  int t, struct ref_tensors *out)
{
    size_t order[sizeof p->detections / sizeof *p->detections], n = 0;
    double recall[sizeof p->detections / sizeof *p->detections];
    double precision[sizeof p->detections / sizeof *p->detections];
    int n_counted = 0;
    for (size_t g = 0; g < p->n_objects; g++)
        if (p->objects[g].category == p->categories[k] && !is_ignored(&p->objects[g], a))
            n_counted++;
    if (n_counted == 0) return;
    for (size_t i = 0; i < p->n_detections; i++) {
        if (p->detections[i].category != p->categories[k]) continue;
        if (outcomes[i].rank < 0 || outcomes[i].rank >= limit_of[m]) continue;
        size_t at = n++;
        for (; at > 0 && comes_before(p, outcomes, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    double tp = 0, fp = 0;
    for (size_t i = 0; i < n; i++) {
        const struct outcome *o = &outcomes[order[i]];
        if (!o->is_ignored && o->is_matched) tp++;
        if (!o->is_ignored && !o->is_matched) fp++;
        recall[i] = tp / n_counted;
        precision[i] = tp / (fp + tp + 2.220446049250313e-16);
    }
    for (size_t i = n; i-- > 1;) precision[i - 1] = fmax(precision[i - 1], precision[i]);
    out->recall[t][k][a][m] = n ? recall[n - 1] : 0;
    for (int r = 0; r < REF_R; r++) {
        double wanted = r == 100 ? 1.0 : r * 0.01;
        size_t i = 0;
        while (i < n && recall[i] < wanted) i++;
        out->precision[t][r][k][a][m] = i < n ? precision[i] : 0;
        out->scores[t][r][k][a][m] = i < n ? p->detections[order[i]].score : 0;
    }
}

void reference_evaluate(const struct ref_problem *p, struct ref_tensors *out)
{
    static int ranks[sizeof p->detections / sizeof *p->detections];
    static struct outcome outcomes[sizeof p->detections / sizeof *p->detections];
    double *all = &out->precision[0][0][0][0][0];
    for (size_t i = 0; i < sizeof *out / sizeof *all; i++) all[i] = -1;
    fill_overlaps(p);
    for (size_t i = 0; i < p->n_detections; i++) ranks[i] = rank_of(p, i);
    for (int a = 0; a < REF_A; a++)
        for (int t = 0; t < REF_T; t++) {
            for (size_t i = 0; i < p->n_detections; i++) outcomes[i].rank = -1;
            match(p, a, threshold_of(t), ranks, outcomes);
            for (int k = 0; k < (int)p->n_categories; k++)
                for (int m = 0; m < REF_M; m++) curve(p, outcomes, k, a, m, t, out);
        }
}
