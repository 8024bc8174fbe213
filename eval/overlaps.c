#include "eval/overlaps.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/detections.h"
#include "eval/first_error.h"
#include "eval/match.h"

// What one thread found, images in the order it took them.
struct finder {
    struct overlap *pairs;
    size_t n, capacity;
    struct mask_scratch scratch;
    struct rle rle;
};

// Where an image's pairs lie until they are joined.
struct part {
    int thread;
    size_t first, n;
};

struct ranked {
    double score;
    size_t source;
    uint32_t index;
};

void overlaps_free(struct overlaps *overlaps)
{
    mem_free(overlaps->detection_ends);
    mem_free(overlaps->object_ends);
    mem_free(overlaps->categories);
    mem_free(overlaps->order);
    mem_free(overlaps->begins);
    mem_free(overlaps->pairs);
    *overlaps = (struct overlaps){0};
}

static int by_score(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->source < b->source ? -1 : a->source > b->source;
}

static enum status order_images(const struct cells *cells, struct overlaps *overlaps)
{
    struct ranked *ranked = mem_alloc(cells->n_detections, sizeof *ranked);
    if (!ranked) return ERR_MEMORY;
    for (size_t i = 0; i < cells->n_detections; i++)
        ranked[i] =
            (struct ranked){cells->detections[i].score, cells->detections[i].source, (uint32_t)i};
    for (size_t i = 0; i < overlaps->n_images; i++) {
        size_t first = overlaps->detection_ends[i];
        qsort(ranked + first, overlaps->detection_ends[i + 1] - first, sizeof *ranked, by_score);
    }
    for (size_t i = 0; i < cells->n_detections; i++) overlaps->order[i] = ranked[i].index;
    mem_free(ranked);
    return OK;
}

static void find_ends(const struct eval_truth *truth, const struct cells *cells,
                      struct overlaps *overlaps)
{
    for (size_t i = 0; i < cells->n_cells; i++) {
        const struct cell *cell = &cells->cells[i];
        overlaps->detection_ends[cell->image + 1] += cell->n_detections;
        for (size_t d = 0; d < cell->n_detections; d++)
            overlaps->categories[cell->first_detection + d] = cell->category;
    }
    for (size_t i = 0; i < truth->n_objects; i++)
        overlaps->object_ends[truth->objects[i].image + 1]++;
    for (size_t i = 0; i < overlaps->n_images; i++) {
        overlaps->detection_ends[i + 1] += overlaps->detection_ends[i];
        overlaps->object_ends[i + 1] += overlaps->object_ends[i];
    }
}

static enum status find_pairs(const struct eval_truth *truth,
                              const struct cell_detection *detection,
                              const struct eval_detection *source, size_t image,
                              const struct eval_params *params, struct overlaps *overlaps,
                              size_t *count, struct finder *finder)
{
    size_t first = overlaps->object_ends[image], end = overlaps->object_ends[image + 1];
    double box[4];
    if (first == end) return OK;
    if (params->type == EVAL_MASKS) {
        TRY(detection_mask(source, &truth->images[image], &finder->scratch, &finder->rle));
        rle_box(&finder->rle, box);
    }
    TRY(mem_reserve(&finder->pairs, &finder->capacity, finder->n + (end - first),
                    sizeof *finder->pairs));
    for (size_t g = first; g < end; g++) {
        const struct truth_object *object = &truth->objects[g];
        double iou = params->type == EVAL_MASKS
                         ? rle_iou(&finder->rle, box, &object->rle, object->box, object->is_crowd)
                         : match_box_iou(detection->box, object->box, object->is_crowd);
        if (!(iou > 0)) continue;
        finder->pairs[finder->n++] = (struct overlap){(uint32_t)g, iou};
        ++*count;
    }
    return OK;
}

// The pairs of all images, each thread's in its own memory; begins gets counts.
static enum status find_all(const struct eval_truth *truth, const struct eval_detection *detections,
                            const struct cells *cells, const struct eval_params *params,
                            struct overlaps *overlaps, struct finder *finders, struct part *parts)
{
    struct first_error error = {.place = SIZE_MAX};
#pragma omp parallel for schedule(dynamic, 16) num_threads(params->n_threads)
    for (size_t i = 0; i < overlaps->n_images; i++) {
        struct finder *finder = &finders[omp_get_thread_num()];
        parts[i] = (struct part){omp_get_thread_num(), finder->n, 0};
        for (size_t d = overlaps->detection_ends[i]; d < overlaps->detection_ends[i + 1]; d++) {
            const struct cell_detection *detection = &cells->detections[d];
            enum status found = find_pairs(truth, detection, &detections[detection->source], i,
                                           params, overlaps, &overlaps->begins[d + 1], finder);
            if (found != OK) first_error_note(&error, d, found, fail_message());
        }
        parts[i].n = finder->n - parts[i].first;
    }
    if (error.place != SIZE_MAX) return fail(error.status, "%s", error.message);
    return OK;
}

static enum status join(const struct finder *finders, const struct part *parts,
                        struct overlaps *overlaps)
{
    for (size_t d = 0; d < overlaps->n_detections; d++)
        overlaps->begins[d + 1] += overlaps->begins[d];
    overlaps->pairs = mem_alloc(overlaps->begins[overlaps->n_detections], sizeof *overlaps->pairs);
    if (!overlaps->pairs) return ERR_MEMORY;
    size_t n = 0;
    for (size_t i = 0; i < overlaps->n_images; i++) {
        if (parts[i].n)
            memcpy(overlaps->pairs + n, finders[parts[i].thread].pairs + parts[i].first,
                   parts[i].n * sizeof *overlaps->pairs);
        n += parts[i].n;
    }
    return OK;
}

enum status overlaps_find(const struct eval_truth *truth, const struct eval_detection *detections,
                          const struct cells *cells, const struct eval_params *params,
                          struct overlaps *out)
{
    size_t n = cells->n_detections, n_images = truth->n_images;
    struct overlaps overlaps = {
        .n_images = n_images, .n_detections = n, .n_categories = cells->n_categories};
    enum status status = OK;
    struct finder *finders = mem_alloc((size_t)params->n_threads, sizeof *finders);
    struct part *parts = mem_alloc(n_images, sizeof *parts);
    overlaps.detection_ends = mem_alloc(n_images + 1, sizeof *overlaps.detection_ends);
    overlaps.object_ends = mem_alloc(n_images + 1, sizeof *overlaps.object_ends);
    overlaps.categories = mem_alloc(n, sizeof *overlaps.categories);
    overlaps.order = mem_alloc(n, sizeof *overlaps.order);
    overlaps.begins = mem_alloc(n + 1, sizeof *overlaps.begins);
    if (!finders || !parts || !overlaps.detection_ends || !overlaps.object_ends ||
        !overlaps.categories || !overlaps.order || !overlaps.begins) {
        status = ERR_MEMORY;
        goto done;
    }
    find_ends(truth, cells, &overlaps);
    GUARD(order_images(cells, &overlaps));
    GUARD(find_all(truth, detections, cells, params, &overlaps, finders, parts));
    GUARD(join(finders, parts, &overlaps));
    *out = overlaps;
    overlaps = (struct overlaps){0};
done:
    for (int i = 0; finders && i < params->n_threads; i++) {
        mem_free(finders[i].pairs);
        mask_scratch_free(&finders[i].scratch);
        rle_free(&finders[i].rle);
    }
    mem_free(finders);
    mem_free(parts);
    overlaps_free(&overlaps);
    return status;
}
