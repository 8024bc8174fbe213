#include "nn/check.h"
#include "nn/ops_map.h"

enum status weighted_pool(struct tape *tape, struct tensor *x, struct tensor *logits,
                          const struct weighted_pool_args *args, struct tensor **y)
{
    struct weighted_pool_args own = *args;
    int64_t shape[4];
    TRY(check_window("weighted_pool", x, &own.window, shape));
    TRY(check_same("weighted_pool", "logits", logits, "x", x));
    struct tensor *out[3];
    int n_out = tape->recording ? 3 : 1;
    for (int i = 0; i < n_out; i++) TRY(tape_tensor(tape, DTYPE_F32, 4, shape, &out[i]));
    struct tensor *in[] = {x, logits};
    TRY(tape_run(tape, OP_weighted_pool, &own, sizeof own, 2, in, n_out, out));
    *y = out[0];
    return OK;
}

enum status depthwise_conv2d(struct tape *tape, struct tensor *x, struct tensor *w,
                             struct tensor *bias, const struct depthwise_conv2d_args *args,
                             struct tensor **y)
{
    char text_x[TENSOR_TEXT_BYTES], text_w[TENSOR_TEXT_BYTES];
    struct depthwise_conv2d_args own = *args;
    int64_t shape[4];
    TRY(check_rank("depthwise_conv2d", "w", w, 3));
    TRY(check_window("depthwise_conv2d", x, &own.window, shape));
    if (w->shape[0] != own.window.kernel_h || w->shape[1] != own.window.kernel_w ||
        w->shape[2] != x->shape[3])
        return fail(ERR_USAGE, "depthwise_conv2d: w is %s for a %dx%d window on %s",
                    tensor_text(w, text_w), own.window.kernel_h, own.window.kernel_w,
                    tensor_text(x, text_x));
    TRY(check_length("depthwise_conv2d", "bias", bias, x->shape[3]));
    struct tensor *out, *in[] = {x, w, bias};
    TRY(tape_tensor(tape, DTYPE_F32, 4, shape, &out));
    TRY(tape_run(tape, OP_depthwise_conv2d, &own, sizeof own, 3, in, 1, &out));
    *y = out;
    return OK;
}

enum status blur(struct tape *tape, struct tensor *x, const struct blur_args *args,
                 struct tensor **y)
{
    TRY(check_rank("blur", "x", x, 4));
    if (args->size < 1 || args->size > BLUR_MAX_SIZE || args->stride_h < 1 || args->stride_w < 1)
        return fail(ERR_USAGE, "blur: a filter of %d with stride %dx%d", args->size, args->stride_h,
                    args->stride_w);
    int64_t shape[4] = {x->shape[0], (x->shape[1] - 1) / args->stride_h + 1,
                        (x->shape[2] - 1) / args->stride_w + 1, x->shape[3]};
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 4, shape, &out));
    TRY(tape_run(tape, OP_blur, args, sizeof *args, 1, &x, 1, &out));
    *y = out;
    return OK;
}

enum status subsample(struct tape *tape, struct tensor *x, const struct subsample_args *args,
                      struct tensor **y)
{
    char text[TENSOR_TEXT_BYTES];
    TRY(check_rank("subsample", "x", x, 4));
    if ((args->axis != SUBSAMPLE_ROWS && args->axis != SUBSAMPLE_COLUMNS) || args->offset < 0 ||
        args->offset >= args->step || args->step > x->shape[args->axis])
        return fail(ERR_USAGE, "subsample: every %dth from %d along axis %d of %s", args->step,
                    args->offset, args->axis, tensor_text(x, text));
    int64_t shape[4] = {x->shape[0], x->shape[1], x->shape[2], x->shape[3]};
    shape[args->axis] /= args->step;
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 4, shape, &out));
    TRY(tape_run(tape, OP_subsample, args, sizeof *args, 1, &x, 1, &out));
    *y = out;
    return OK;
}

enum status combine(struct tape *tape, struct tensor *u, struct tensor *v,
                    const struct combine_args *args, struct tensor **y)
{
    TRY(check_same("combine", "u", u, "v", v));
    struct tensor *out, *in[] = {u, v};
    TRY(tape_tensor(tape, DTYPE_F32, u->rank, u->shape, &out));
    TRY(tape_run(tape, OP_combine, args, sizeof *args, 2, in, 1, &out));
    *y = out;
    return OK;
}

enum status logistic(struct tape *tape, struct tensor *x, const struct logistic_args *args,
                     struct tensor **y)
{
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, x->rank, x->shape, &out));
    TRY(tape_run(tape, OP_logistic, args, sizeof *args, 1, &x, 1, &out));
    *y = out;
    return OK;
}

enum status flex_weights(struct tape *tape, struct tensor *theta,
                         const struct flex_weights_args *args, struct tensor **y)
{
    char text[TENSOR_TEXT_BYTES];
    TRY(check_rank("flex_weights", "theta", theta, 2));
    int64_t side = 0;
    while (side * side < theta->shape[0]) side++;
    if (side < 1 || side * side != theta->shape[0] || args->height < 1 || args->width < 1)
        return fail(ERR_USAGE, "flex_weights: a grid of %s for a map of %dx%d",
                    tensor_text(theta, text), args->height, args->width);
    const int64_t shape[3] = {args->height, args->width, theta->shape[1]};
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 3, shape, &out));
    TRY(tape_run(tape, OP_flex_weights, args, sizeof *args, 1, &theta, 1, &out));
    *y = out;
    return OK;
}

enum status unit_sum_loss(struct tape *tape, struct tensor *w,
                          const struct unit_sum_loss_args *args, struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_rank("unit_sum_loss", "w", w, 2));
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_unit_sum_loss, args, sizeof *args, 1, &w, 1, &out));
    *loss = out;
    return OK;
}

enum status cast(struct tape *tape, struct tensor *x, const struct cast_args *args,
                 struct tensor **y)
{
    char text[TENSOR_TEXT_BYTES];
    bool is_known = (x->dtype == DTYPE_F32 || x->dtype == DTYPE_BF16) &&
                    (args->dtype == DTYPE_F32 || args->dtype == DTYPE_BF16);
    if (!is_known)
        return fail(ERR_USAGE, "cast: %s to %s", tensor_text(x, text), dtype_name(args->dtype));
    struct tensor *out;
    TRY(tape_tensor(tape, args->dtype, x->rank, x->shape, &out));
    TRY(tape_run(tape, OP_cast, args, sizeof *args, 1, &x, 1, &out));
    *y = out;
    return OK;
}
