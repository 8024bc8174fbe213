#include "nn/check.h"
#include "nn/ops.h"

enum status conv2d(struct tape *tape, struct tensor *x, struct tensor *w, struct tensor *scale,
                   struct tensor *bias, struct tensor *residual, const struct conv2d_args *args,
                   struct tensor **y)
{
    char text_x[TENSOR_TEXT_BYTES], text_w[TENSOR_TEXT_BYTES];
    TRY(check_rank("conv2d", "x", x, 4));
    TRY(check_rank("conv2d", "w", w, 4));
    TRY(check_activation(tape, "conv2d", "x", x));
    TRY(check_f32("conv2d", "w", w));
    int64_t channels_out = w->shape[0];
    if (w->shape[3] != x->shape[3])
        return fail(ERR_USAGE, "conv2d: x is %s but w is %s (O,H,W,I)", tensor_text(x, text_x),
                    tensor_text(w, text_w));
    TRY(check_length("conv2d", "scale", scale, channels_out));
    TRY(check_length("conv2d", "bias", bias, channels_out));
    int height = window_output((int)x->shape[1], (int)w->shape[1], args->stride, args->padding,
                               args->padding, false);
    int width = window_output((int)x->shape[2], (int)w->shape[2], args->stride, args->padding,
                              args->padding, false);
    if (height < 1 || width < 1)
        return fail(ERR_USAGE, "conv2d: w %s does not fit into x %s", tensor_text(w, text_w),
                    tensor_text(x, text_x));
    int64_t shape[4] = {x->shape[0], height, width, channels_out};
    struct tensor *out;
    TRY(tape_tensor(tape, args->f32_output ? DTYPE_F32 : x->dtype, 4, shape, &out));
    if (residual) TRY(check_same_type("conv2d", "residual", residual, "y", out));
    out->valid = x->valid;
    struct tensor *in[] = {x, w, scale, bias, residual};
    TRY(tape_run(tape, OP_conv2d, args, sizeof *args, 5, in, 1, &out));
    *y = out;
    return OK;
}
