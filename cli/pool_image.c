#include "cli/pool_image.h"

#include "backbone/site_pool.h"

static enum status download(struct tape *tape, const struct tensor *y, struct float_image *out)
{
    struct float_image made;
    TRY(float_image_create((int)y->shape[2], (int)y->shape[1], &made));
    enum status status = tape->backend->download(tape->backend, made.rgb, y->data, tensor_bytes(y));
    if (status == OK)
        *out = made;
    else
        float_image_free(&made);
    return status;
}

enum status pool_image(const struct pool_choice *choice, struct tape *tape,
                       const struct float_image *image, int k, bool draws, struct float_image *out)
{
    struct pool_layer layer;
    struct window window = window_square(k, k, 0);
    int64_t shape[4] = {1, image->height, image->width, FLOAT_IMAGE_CHANNELS};
    struct tensor *x = NULL, *y = NULL;
    TRY(pool_layer_open(choice, &window, FLOAT_IMAGE_CHANNELS, tape->backend, &layer));
    enum status status = OK;
    tape_reset(tape);
    tape->recording = false;
    tape->training = draws;
    GUARD(tape_upload(tape, DTYPE_F32, 4, shape, image->rgb, &x));
    GUARD(site_pool_forward(layer.pool, tape, x, &y));
    GUARD(tape->backend->synchronize(tape->backend));
    GUARD(download(tape, y, out));
done:
    pool_layer_close(&layer);
    return status;
}
