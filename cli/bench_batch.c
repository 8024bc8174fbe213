#include "cli/bench_batch.h"

#include <math.h>

#include "base/mem.h"
#include "base/resize.h"
#include "base/rng.h"
#include "detect/paste_mask.h"

void bench_batch_free(struct batch *batch, const struct arena_source *pinned)
{
    if (batch->pixels) pinned->put(pinned->context, batch->pixels, batch->pixel_bytes);
    mem_free(batch->places);
    mem_free(batch->images);
    mem_free(batch->sizes);
    mem_free(batch->original_sizes);
    mem_free(batch->image_ids);
    mem_free(batch->image_index);
    mem_free(batch->boxes);
    mem_free(batch->labels);
    mem_free(batch->counts);
    mem_free(batch->masks);
    mem_free(batch->mask_frames);
    mem_free(batch->mask_starts);
}

static void fill_image(struct batch *batch, size_t i, int n_classes)
{
    size_t n_objects = (size_t)batch->max_objects;
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, (uint32_t)i);
    size_t pixels = (size_t)batch->height * (size_t)batch->width * 3;
    float height = (float)batch->height, width = (float)batch->width;
    for (size_t j = 0; j < pixels; j++) batch->images[i * pixels + j] = rng_uniform(&rng, -2, 2);
    batch->sizes[2 * i] = height;
    batch->sizes[2 * i + 1] = width;
    batch->original_sizes[2 * i] = batch->height;
    batch->original_sizes[2 * i + 1] = batch->width;
    batch->image_ids[i] = (int64_t)i + 1;
    batch->counts[i] = batch->max_objects;
    for (size_t j = 0; j < n_objects; j++) {
        float *box = batch->boxes + 4 * (i * n_objects + j);
        box[0] = rng_uniform(&rng, 0, 0.7f * width);
        box[1] = rng_uniform(&rng, 0, 0.7f * height);
        box[2] = box[0] + rng_uniform(&rng, 0.05f, 0.3f) * width;
        box[3] = box[1] + rng_uniform(&rng, 0.05f, 0.3f) * height;
        batch->labels[i * n_objects + j] = 1 + (int32_t)rng_below(&rng, (uint32_t)n_classes - 1);
    }
}

// The ellipse in a box, cropped to the box.
static size_t fill_mask(const int32_t frame[4], uint8_t *mask)
{
    int w = frame[2], h = frame[3];
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            float dx = 2 * ((float)x + 0.5f) / (float)w - 1;
            float dy = 2 * ((float)y + 0.5f) / (float)h - 1;
            mask[(size_t)y * (size_t)w + (size_t)x] = dx * dx + dy * dy <= 1;
        }
    }
    return (size_t)w * (size_t)h;
}

static enum status add_masks(struct batch *batch)
{
    size_t n = (size_t)batch->n * (size_t)batch->max_objects;
    batch->mask_frames = (int32_t *)mem_alloc(n, 4 * sizeof(int32_t));
    batch->mask_starts = (int64_t *)mem_alloc(n, sizeof(int64_t));
    if (!batch->mask_frames || !batch->mask_starts) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const float *box = batch->boxes + 4 * i;
        int32_t *frame = batch->mask_frames + 4 * i;
        for (int k = 0; k < 2; k++) {
            frame[k] = (int32_t)box[k];
            frame[k + 2] = (int32_t)box[k + 2] - frame[k] + 1;
        }
        batch->mask_starts[i] = (int64_t)batch->mask_bytes;
        batch->mask_bytes += (size_t)frame[2] * (size_t)frame[3];
    }
    batch->masks = (uint8_t *)mem_alloc(batch->mask_bytes, 1);
    if (!batch->masks) return ERR_MEMORY;
    uint8_t *at = batch->masks;
    for (size_t i = 0; i < n; i++) at += fill_mask(batch->mask_frames + 4 * i, at);
    return OK;
}

enum status bench_batch_make(const struct bench_job *job, int n_classes, bool with_masks,
                             struct batch *batch)
{
    size_t n_objects = (size_t)job->objects;
    size_t n = (size_t)job->batch, pixels = (size_t)job->height * (size_t)job->width * 3;
    *batch = (struct batch){.n = job->batch, .height = job->height, .width = job->width,
                            .max_objects = job->objects};
    batch->images = (float *)mem_alloc(n, pixels * sizeof(float));
    batch->sizes = (float *)mem_alloc(n, 2 * sizeof(float));
    batch->original_sizes = (int *)mem_alloc(n, 2 * sizeof(int));
    batch->image_ids = (int64_t *)mem_alloc(n, sizeof(int64_t));
    batch->image_index = (size_t *)mem_alloc(n, sizeof(size_t));
    batch->boxes = (float *)mem_alloc(n, n_objects * 4 * sizeof(float));
    batch->labels = (int32_t *)mem_alloc(n, n_objects * sizeof(int32_t));
    batch->counts = (int32_t *)mem_alloc(n, sizeof(int32_t));
    if (!batch->images || !batch->sizes || !batch->original_sizes || !batch->image_ids ||
        !batch->image_index || !batch->boxes || !batch->labels || !batch->counts)
        return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) fill_image(batch, i, n_classes);
    return with_masks ? add_masks(batch) : OK;
}

enum status bench_batch_pin(struct batch *batch, const struct arena_source *pinned)
{
    size_t bytes = 3 * (size_t)batch->height * (size_t)batch->width, n = (size_t)batch->n;
    batch->places = (int32_t *)mem_alloc(n, N_PLACE * sizeof *batch->places);
    if (!batch->places) return ERR_MEMORY;
    batch->pixels = (uint8_t *)pinned->get(pinned->context, n * bytes);
    if (!batch->pixels) return ERR_MEMORY;
    batch->pixel_bytes = n * bytes;
    for (size_t i = 0; i < n * bytes; i++)
        batch->pixels[i] = (uint8_t)(63.0f * (batch->images[i] + 2.0f)); // noise of -2 to 2
    for (size_t i = 0; i < n; i++) {
        int32_t *place = batch->places + i * N_PLACE;
        place[PLACE_START_LOW] = (int32_t)(i * bytes & UINT32_MAX);
        place[PLACE_START_HIGH] = (int32_t)(i * bytes >> 32);
        place[PLACE_WIDTH] = place[PLACE_NEW_WIDTH] = batch->width;
        place[PLACE_HEIGHT] = place[PLACE_NEW_HEIGHT] = batch->height;
        place[PLACE_FLIP] = 0;
    }
    mem_free(batch->images);
    batch->images = NULL;
    return OK;
}

enum status bench_paste(const struct bench_job *job, int n, int mask_side, int method)
{
    struct paste_options options = {.method = (enum paste_method)method, .threshold = 0.5f};
    struct rle rle = {0};
    struct rng rng;
    enum status status = OK;
    float *mask = (float *)mem_alloc((size_t)mask_side * (size_t)mask_side, sizeof *mask);
    if (!mask) return ERR_MEMORY;
    rng_start(&rng, 2, RNG_TEST, 0);
    for (int i = 0; i < mask_side * mask_side; i++) {
        int x = i % mask_side - mask_side / 2, y = i / mask_side - mask_side / 2;
        mask[i] = x * x + y * y < mask_side * mask_side / 5 ? 0.9f : 0.1f;
    }
    for (int i = 0; i < n; i++) {
        float side = 24.0f * (float)(1 << i % 5); // as detector_forward's RoIs
        float box[4] = {rng_uniform(&rng, 0, 0.5f) * (float)job->width,
                        rng_uniform(&rng, 0, 0.5f) * (float)job->height};
        box[2] = fminf(box[0] + side, (float)job->width);
        box[3] = fminf(box[1] + side, (float)job->height);
        GUARD(paste_mask(mask, mask_side, box, &options, job->height, job->width, &rle));
    }
done:
    rle_free(&rle);
    mem_free(mask);
    return status;
}
