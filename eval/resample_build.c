#include "base/mem.h"
#include "eval/ranking.h"
#include "eval/resample.h"

void resample_objects_free(struct resample_objects *objects)
{
    mem_free(objects->images);
    mem_free(objects->begins);
    *objects = (struct resample_objects){0};
}

enum status resample_objects_build(const struct eval_truth *truth, const struct eval_params *params,
                                   struct resample_objects *out)
{
    size_t n_categories = params->use_categories ? truth->n_categories : 1;
    struct resample_objects objects = {.n_categories = n_categories};
    objects.images = mem_alloc(truth->n_objects, sizeof *objects.images);
    objects.begins = mem_alloc(n_categories + 2, sizeof *objects.begins);
    if (!objects.images || !objects.begins) {
        resample_objects_free(&objects);
        return ERR_MEMORY;
    }
    // Counted two places further on: filling moves each beginning one place back.
    size_t *begins = objects.begins;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < truth->n_objects; i++) {
            const struct truth_object *object = &truth->objects[i];
            size_t k = params->use_categories ? object->category : 0;
            if (match_is_ignored(object, &params->areas[0], params)) continue;
            if (pass == 0)
                begins[k + 2]++;
            else
                objects.images[begins[k + 1]++] = object->image;
        }
        for (size_t k = 2; pass == 0 && k < n_categories + 2; k++) begins[k] += begins[k - 1];
    }
    *out = objects;
    return OK;
}

void resample_curves_free(struct resample_curves *curves)
{
    mem_free(curves->images);
    mem_free(curves->begins);
    mem_free(curves->events);
    mem_free(curves->event_begins);
    mem_free(curves->items);
    mem_free(curves->item_begins);
    mem_free(curves->hits);
    mem_free(curves->ignored);
    *curves = (struct resample_curves){0};
}

struct building {
    const uint32_t *hits, *ignored; // (n_detections) of cells, first area range
    struct ranking ranking;
    struct resample_curves curves;
    size_t events_capacity, items_capacity, hits_capacity, ignored_capacity;
    size_t n_events, n_items, n_masks;
};

static enum status list_images(const struct cells *cells, struct building *b)
{
    size_t n = cells->n_detections;
    uint32_t *images = mem_alloc(n, sizeof *images);
    b->curves.images = mem_alloc(n, sizeof *b->curves.images);
    if (!images || !b->curves.images) {
        mem_free(images);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < cells->n_cells; i++) {
        const struct cell *cell = &cells->cells[i];
        for (size_t d = 0; d < cell->n_detections; d++)
            images[cell->first_detection + d] = cell->image;
    }
    for (size_t i = 0; i < n; i++) b->curves.images[i] = images[b->ranking.order[i]];
    mem_free(images);
    return OK;
}

// Detections [first, first + n) of a category's order.
static enum status add_event(struct building *b, size_t category, size_t first, size_t n)
{
    struct resample_curves *curves = &b->curves;
    size_t begin = curves->begins[category] + first;
    struct resample_event event = {(uint32_t)first, (uint32_t)n, curves->images[begin],
                                   (uint32_t)b->n_masks};
    uint32_t any = 0;
    for (size_t i = begin; i < begin + n; i++)
        any |= b->hits[b->ranking.order[i]] | b->ignored[b->ranking.order[i]];
    if (!any) return OK;
    TRY(mem_reserve(&curves->events, &b->events_capacity, b->n_events + 1, sizeof *curves->events));
    curves->events[b->n_events++] = event;
    if (n == 1) return OK;
    TRY(mem_reserve(&curves->hits, &b->hits_capacity, b->n_masks + n, sizeof *curves->hits));
    TRY(mem_reserve(&curves->ignored, &b->ignored_capacity, b->n_masks + n,
                    sizeof *curves->ignored));
    for (size_t i = begin; i < begin + n; i++) {
        curves->hits[b->n_masks] = b->hits[b->ranking.order[i]];
        curves->ignored[b->n_masks++] = b->ignored[b->ranking.order[i]];
    }
    return OK;
}

static enum status list_events(struct building *b, size_t category)
{
    struct resample_curves *curves = &b->curves;
    size_t begin = curves->begins[category], n = curves->begins[category + 1] - begin, end;
    for (size_t first = 0; first < n; first = end) {
        double score = b->ranking.scores[b->ranking.order[begin + first]];
        uint32_t image = curves->images[begin + first];
        for (end = first + 1; end < n && curves->images[begin + end] == image &&
                              b->ranking.scores[b->ranking.order[begin + end]] == score;)
            end++;
        TRY(add_event(b, category, first, end - first));
    }
    curves->event_begins[category + 1] = b->n_events;
    size_t count = b->n_events - curves->event_begins[category];
    if (count > curves->largest_events) curves->largest_events = count;
    return OK;
}

static enum status list_items(struct building *b, size_t category, size_t threshold)
{
    struct resample_curves *curves = &b->curves;
    size_t begin = curves->event_begins[category], end = curves->event_begins[category + 1];
    size_t pair = category * curves->n_thresholds + threshold;
    TRY(mem_reserve(&curves->items, &b->items_capacity, b->n_items + (end - begin),
                    sizeof *curves->items));
    for (size_t e = begin; e < end; e++) {
        const struct resample_event *event = &curves->events[e];
        enum resample_kind kind = RESAMPLE_SEVERAL;
        uint32_t hits = 0, ignored = 0;
        if (event->n == 1) {
            uint32_t detection = b->ranking.order[curves->begins[category] + event->first];
            hits = b->hits[detection] >> threshold & 1;
            ignored = b->ignored[detection] >> threshold & 1;
            kind = ignored ? RESAMPLE_IGNORED : RESAMPLE_FOUND;
        } else {
            for (uint32_t i = event->masks; i < event->masks + event->n; i++)
                hits |= (curves->hits[i] | curves->ignored[i]) >> threshold & 1;
        }
        if (hits | ignored)
            curves->items[b->n_items++] = (uint32_t)(e - begin) * 4 + (uint32_t)kind;
    }
    curves->item_begins[pair + 1] = b->n_items;
    size_t count = b->n_items - curves->item_begins[pair];
    if (count > curves->largest_items) curves->largest_items = count;
    return OK;
}

static enum status check_counts(const struct eval_truth *truth, const struct cells *cells)
{
    size_t product, most = cells->largest_detections;
    if (cells->largest_objects > most) most = cells->largest_objects;
    if (size_mul(most, truth->n_images, &product) && product < INT32_MAX &&
        cells->n_detections < (1u << 30))
        return OK;
    return fail(ERR_MEMORY, "%zu images of up to %zu detections are too many to resample",
                truth->n_images, most);
}

enum status resample_curves_build(const struct eval_truth *truth, const struct cells *cells,
                                  const struct matches *matches, const struct eval_params *params,
                                  struct resample_curves *out)
{
    struct building b = {.hits = matches->matched, .ignored = matches->ignored};
    size_t n_thresholds = (size_t)params->n_thresholds, n_categories = cells->n_categories;
    enum status status = OK;
    GUARD(check_counts(truth, cells));
    b.curves.n_categories = n_categories;
    b.curves.n_thresholds = n_thresholds;
    b.curves.event_begins = mem_alloc(n_categories + 1, sizeof *b.curves.event_begins);
    b.curves.item_begins = mem_alloc(n_categories * n_thresholds + 1, sizeof *b.curves.item_begins);
    if (!b.curves.event_begins || !b.curves.item_begins) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(ranking_build(truth, cells, params, &b.ranking));
    GUARD(list_images(cells, &b));
    b.curves.begins = b.ranking.begins;
    b.ranking.begins = NULL;
    for (size_t k = 0; k < n_categories; k++) {
        GUARD(list_events(&b, k));
        for (size_t t = 0; t < n_thresholds; t++) GUARD(list_items(&b, k, t));
    }
    *out = b.curves;
    b.curves = (struct resample_curves){0};
done:
    resample_curves_free(&b.curves);
    ranking_free(&b.ranking);
    return status;
}
