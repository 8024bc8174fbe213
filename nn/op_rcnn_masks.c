#include "nn/check.h"
#include "nn/ops_rcnn.h"

enum status conv_transpose(struct tape *tape, struct tensor *x, struct tensor *w,
                           struct tensor *bias, const struct conv_transpose_args *args,
                           struct tensor **y)
{
    char text_x[TENSOR_TEXT_BYTES], text_w[TENSOR_TEXT_BYTES];
    TRY(check_rank("conv_transpose", "x", x, 4));
    TRY(check_rank("conv_transpose", "w", w, 4));
    if (w->shape[0] != 2 || w->shape[1] != 2 || w->shape[3] != x->shape[3])
        return fail(ERR_USAGE, "conv_transpose: x is %s but w is %s (2,2,O,I)",
                    tensor_text(x, text_x), tensor_text(w, text_w));
    TRY(check_length("conv_transpose", "bias", bias, w->shape[2]));
    int64_t shape[4] = {x->shape[0], 2 * x->shape[1], 2 * x->shape[2], w->shape[2]};
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 4, shape, &out));
    out->valid = x->valid;
    struct tensor *in[] = {x, w, bias};
    TRY(tape_run(tape, OP_conv_transpose, args, sizeof *args, 3, in, 1, &out));
    *y = out;
    return OK;
}
