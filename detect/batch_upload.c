#include "detect/batch_upload.h"

#include "base/resize.h"
#include "nn/ops.h"
#include "nn/ops_map.h"

// The pixels lie in scratch memory: their number differs from batch to batch, and the tape shall
// hand out the same addresses for batches of one canvas (tape_defer).
static enum status resize_on_device(struct tape *tape, const struct batch *batch,
                                    struct tensor **images)
{
    struct backend *backend = tape->backend;
    const struct resize_images_args args = {batch->height, batch->width};
    int64_t shape[2] = {batch->n, N_PLACE}, n_bytes = (int64_t)batch->pixel_bytes;
    struct tensor *places = NULL;
    void *memory = NULL;
    TRY(tape_upload(tape, DTYPE_I32, 2, shape, batch->places, &places));
    if (!tape->dry) {
        TRY(backend->scratch(backend, batch->pixel_bytes, &memory));
        TRY(backend->upload(backend, memory, batch->pixels, batch->pixel_bytes));
    }
    struct tensor pixels = tensor_wrap(DTYPE_U8, 1, &n_bytes, memory);
    TRY(resize_images(tape, &pixels, places, &args, images));
    tape_drop(tape, places);
    return OK;
}

enum status batch_upload_images(struct tape *tape, const struct batch *batch,
                                struct tensor **images)
{
    int64_t shape[4] = {batch->n, batch->height, batch->width, 3};
    if (batch->pixels) return resize_on_device(tape, batch, images);
    return tape_upload(tape, DTYPE_F32, 4, shape, batch->images, images);
}

enum status batch_cast_images(struct tape *tape, bool bf16, struct tensor **images)
{
    static const struct cast_args args = {DTYPE_BF16};
    struct tensor *wide = *images;
    if (!bf16) return OK;
    TRY(cast(tape, wide, &args, images));
    tape_drop(tape, wide);
    return OK;
}

enum status batch_upload_sizes(struct tape *tape, const struct batch *batch, struct tensor **sizes)
{
    int64_t shape[2] = {batch->n, 2};
    return tape_upload(tape, DTYPE_F32, 2, shape, batch->sizes, sizes);
}

enum status batch_upload_objects(struct tape *tape, const struct batch *batch,
                                 struct batch_objects *objects)
{
    int64_t shape[3] = {batch->n, batch->max_objects, 4};
    TRY(tape_upload(tape, DTYPE_F32, 3, shape, batch->boxes, &objects->boxes));
    TRY(tape_upload(tape, DTYPE_I32, 2, shape, batch->labels, &objects->labels));
    return tape_upload(tape, DTYPE_I32, 1, shape, batch->counts, &objects->counts);
}

enum status batch_upload_masks(struct tape *tape, const struct batch *batch,
                               struct batch_masks *masks)
{
    static const uint8_t nothing = 0;
    bool is_empty = batch->mask_bytes == 0; // images without objects
    if (!batch->mask_frames || !batch->mask_starts || (!is_empty && !batch->masks))
        return fail(ERR_DATA, "the images have no masks to train on");
    int64_t n_bytes = is_empty ? 1 : (int64_t)batch->mask_bytes;
    int64_t frames[2] = {(int64_t)batch->n * batch->max_objects, 4};
    int64_t starts[2] = {frames[0], 2};
    TRY(tape_upload(tape, DTYPE_U8, 1, &n_bytes, is_empty ? &nothing : batch->masks,
                    &masks->masks));
    TRY(tape_upload(tape, DTYPE_I32, 2, frames, batch->mask_frames, &masks->frames));
    return tape_upload(tape, DTYPE_I32, 2, starts, batch->mask_starts, &masks->starts);
}
