#include "nn/check.h"
#include "nn/ops.h"

enum status pool_op(struct tape *tape, struct tensor *x, int n_params, struct tensor *const *params,
                    const struct pool_op_args *args, struct tensor **y)
{
    char text[TENSOR_TEXT_BYTES];
    TRY(check_rank("pool", "x", x, 4));
    if (x->dtype != DTYPE_F32 && x->dtype != DTYPE_BF16)
        return fail(ERR_USAGE, "pool %s: x is %s, expected f32 or bf16", args->def->name,
                    tensor_text(x, text));
    struct pool_op_args own = *args;
    struct window *w = &own.window;
    if (w->kernel_h == 0) {
        *w = window_square(1, 1, 0);
        w->kernel_h = (int)x->shape[1];
        w->kernel_w = (int)x->shape[2];
    }
    int height = window_output((int)x->shape[1], w->kernel_h, w->stride_h, w->pad_begin_h,
                               w->pad_end_h, w->ceil_mode);
    int width = window_output((int)x->shape[2], w->kernel_w, w->stride_w, w->pad_begin_w,
                              w->pad_end_w, w->ceil_mode);
    // Padding of a whole window or more would make windows without any element.
    if (height < 1 || width < 1 || w->pad_begin_h >= w->kernel_h || w->pad_begin_w >= w->kernel_w ||
        w->pad_end_h >= w->kernel_h || w->pad_end_w >= w->kernel_w)
        return fail(ERR_USAGE,
                    "pool %s: a %dx%d window with stride %dx%d and padding %d,%d does not fit x %s",
                    args->def->name, w->kernel_h, w->kernel_w, w->stride_h, w->stride_w,
                    w->pad_begin_h, w->pad_begin_w, tensor_text(x, text));

    int64_t shape[4] = {x->shape[0], height, width, x->shape[3]};
    struct tensor *out[1 + POOL_MAX_SAVED];
    int n_out = 1;
    TRY(tape_tensor(tape, x->dtype, 4, shape, &out[0]));
    if (args->def->saved && tape->recording) {
        enum dtype dtypes[POOL_MAX_SAVED];
        int n_saved = args->def->saved(args->args, dtypes);
        for (int i = 0; i < n_saved; i++)
            TRY(tape_tensor(tape, dtypes[i], 4, shape, &out[n_out++]));
    }
    struct tensor *in[1 + POOL_MAX_PARAMS] = {x};
    for (int i = 0; i < n_params; i++) in[1 + i] = params[i];
    TRY(tape_run(tape, OP_pool, &own, sizeof own, 1 + n_params, in, n_out, out));
    *y = out[0];
    return OK;
}
