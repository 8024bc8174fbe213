#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "coco/mask.h"
#include "eval/first_error.h"
#include "eval/oddity.h"
#include "eval/truth_read.h"

// A copy of just the runs.
static enum status keep_runs(const struct rle *from, struct rle *to)
{
    uint32_t *counts = mem_alloc(from->n, sizeof *counts);
    if (!counts) return ERR_MEMORY;
    if (from->n) memcpy(counts, from->counts, from->n * sizeof *counts); // NULL when empty
    *to = *from;
    to->counts = counts;
    to->capacity = from->n;
    return OK;
}

static enum status decode_object(const struct eval_truth *truth, struct truth_object *object,
                                 bool takes_area, struct mask_scratch *scratch, unsigned *oddities)
{
    const struct truth_image *image = &truth->images[object->image];
    TRY(mask_decode(&object->mask, image->height, image->width, scratch, &scratch->whole,
                    oddities));
    if (takes_area || object->lacks_area) object->area = rle_area(&scratch->whole);
    if (truth->type == EVAL_BOXES) return OK;
    TRY(keep_runs(&scratch->whole, &object->rle));
    rle_box(&object->rle, object->box);
    return OK;
}

enum status truth_decode_masks(struct eval_truth *truth, const struct file_map *map,
                               const struct eval_reading *reading, int n_threads)
{
    bool takes_area = reading->area == AREA_OF_MASK;
    struct first_error error = {.place = SIZE_MAX}, odd = {.place = SIZE_MAX};
    size_t n_odd = 0;
    struct mask_scratch *scratches = mem_alloc((size_t)n_threads, sizeof *scratches);
    if (!scratches) return ERR_MEMORY;
#pragma omp parallel for schedule(dynamic, 64) num_threads(n_threads) reduction(+ : n_odd)
    for (size_t i = 0; i < truth->n_objects; i++) {
        struct truth_object *object = &truth->objects[i];
        size_t byte = (size_t)((const unsigned char *)object->mask.bytes - map->bytes);
        unsigned oddities = 0;
        enum status status =
            decode_object(truth, object, takes_area, &scratches[omp_get_thread_num()], &oddities);
        if (status != OK) {
            (void)fail_context(status,
                               "%s: annotation %lld (segmentation at byte %zu): ", truth->path,
                               (long long)object->id, byte);
            first_error_note(&error, byte, status, fail_message());
        }
        if (oddities & MASK_ODD_RINGS) {
            n_odd++;
            char which[64];
            snprintf(which, sizeof which, "annotation %lld (byte %zu)", (long long)object->id,
                     byte);
            first_error_note(&odd, byte, OK, which);
        }
        object->mask = (struct mask_text){.kind = MASK_NONE}; // the file is unmapped soon
    }
    for (int i = 0; i < n_threads; i++) mask_scratch_free(&scratches[i]);
    mem_free(scratches);
    if (error.place != SIZE_MAX) return fail(error.status, "%s", error.message);
    if (n_odd == 0) return OK;
    return oddity_warn(
        reading->is_strict,
        "%s: %zu annotations have a polygon of fewer than three points (taken as empty) or of an "
        "odd number of values (the last is left out); the first is %s",
        truth->path, n_odd, odd.message);
}
