#include "base/resize.h"
#include "nn/check.h"
#include "nn/ops.h"

enum status resize_images(struct tape *tape, struct tensor *pixels, struct tensor *places,
                          const struct resize_images_args *args, struct tensor **images)
{
    const char *op = "resize_images";
    TRY(check_rank(op, "places", places, 2));
    TRY(check_length(op, "places", places, places->shape[0] * N_PLACE));
    if (pixels->dtype != DTYPE_U8 || places->dtype != DTYPE_I32)
        return fail(ERR_USAGE, "resize_images: pixels are bytes, places are integers");
    if (args->height < 1 || args->width < 1)
        return fail(ERR_USAGE, "resize_images: a canvas of %d x %d", args->width, args->height);
    int64_t shape[4] = {places->shape[0], args->height, args->width, 3};
    struct tensor *in[] = {pixels, places}, *out;
    TRY(tape_tensor(tape, DTYPE_F32, 4, shape, &out));
    TRY(tape_run(tape, OP_resize_images, args, sizeof *args, 2, in, 1, &out));
    *images = out;
    return OK;
}
