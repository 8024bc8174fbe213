#include "detect/paste_device.h"

#include <string.h>

#include "base/mem.h"

enum { MOST_WORDS = 64 << 20 };

// What the device is told of the masks.
struct plan {
    float *boxes;    // (n, 4)
    int32_t *places; // (n, N_PASTE)
    int64_t n, n_words;
};

static enum status plan_masks(const struct batch *batch, const struct detections *found,
                              struct plan *plan)
{
    for (int i = 0; i < found->n; i++) {
        int height = batch->original_sizes[2 * i], width = batch->original_sizes[2 * i + 1];
        TRY(rle_check_size(height, width));
        for (int k = 0; k < found->counts[i]; k++) {
            size_t slot = (size_t)i * (size_t)found->capacity + (size_t)k;
            int32_t *place = plan->places + plan->n * N_PASTE;
            TRY(paste_check_box(found->boxes + 4 * slot));
            memcpy(plan->boxes + 4 * plan->n, found->boxes + 4 * slot, 4 * sizeof *plan->boxes);
            place[PASTE_MAP] = (int32_t)plan->n;
            place[PASTE_HEIGHT] = height;
            place[PASTE_WIDTH] = width;
            place[PASTE_WORD_LOW] = (int32_t)(plan->n_words & UINT32_MAX);
            place[PASTE_WORD_HIGH] = (int32_t)(plan->n_words >> 32);
            found->first_words[slot] = (size_t)plan->n_words;
            plan->n_words += ((int64_t)height * width + 31) / 32;
            plan->n++;
        }
    }
    return OK;
}

static enum status run_plan(const struct plan *plan, const struct paste_options *options,
                            struct tape *tape, struct tensor *masks, uint32_t *bits)
{
    const struct paste_args args = {plan->n_words, (int)options->method, options->threshold};
    int64_t boxes_shape[2] = {plan->n, 4}, places_shape[2] = {plan->n, N_PASTE};
    struct tensor *boxes = NULL, *places = NULL, *pasted = NULL;
    TRY(tape_upload(tape, DTYPE_F32, 2, boxes_shape, plan->boxes, &boxes));
    TRY(tape_upload(tape, DTYPE_I32, 2, places_shape, plan->places, &places));
    TRY(paste_masks(tape, masks, boxes, places, &args, &pasted));
    return tape->backend->download(tape->backend, bits, pasted->data, tensor_bytes(pasted));
}

enum status paste_on_device(const struct paste_options *options, struct tape *tape,
                            const struct batch *batch, struct tensor *masks,
                            struct detections *found)
{
    size_t slots = (size_t)found->n * (size_t)found->capacity;
    struct plan plan = {.n = 0};
    uint32_t *bits = NULL;
    enum status status = ERR_MEMORY;
    plan.boxes = (float *)mem_alloc(slots, 4 * sizeof *plan.boxes);
    plan.places = (int32_t *)mem_alloc(slots, N_PASTE * sizeof *plan.places);
    found->first_words = (size_t *)mem_alloc(slots, sizeof *found->first_words);
    if (!plan.boxes || !plan.places || !found->first_words) goto done;
    status = OK;
    GUARD(plan_masks(batch, found, &plan));
    if (plan.n_words == 0 || plan.n_words > MOST_WORDS) goto done;
    bits = (uint32_t *)mem_alloc((size_t)plan.n_words, sizeof *bits);
    if (!bits) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(run_plan(&plan, options, tape, masks, bits));
    found->bits = bits;
    bits = NULL;
done:
    mem_free(plan.boxes);
    mem_free(plan.places);
    mem_free(bits);
    return status;
}
