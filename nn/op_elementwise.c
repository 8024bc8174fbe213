#include "nn/check.h"
#include "nn/ops.h"

enum status relu(struct tape *tape, struct tensor *x, struct tensor **y)
{
    struct tensor *out;
    TRY(check_activation(tape, "relu", "x", x));
    TRY(tape_tensor(tape, x->dtype, x->rank, x->shape, &out));
    out->valid = x->valid;
    TRY(tape_run(tape, OP_relu, NULL, 0, 1, &x, 1, &out));
    *y = out;
    return OK;
}

enum status upsample_add(struct tape *tape, struct tensor *top, struct tensor *lateral,
                         struct tensor **y)
{
    char text_top[TENSOR_TEXT_BYTES], text_lateral[TENSOR_TEXT_BYTES];
    TRY(check_rank("upsample_add", "top", top, 4));
    TRY(check_rank("upsample_add", "lateral", lateral, 4));
    if (top->shape[0] != lateral->shape[0] || top->shape[3] != lateral->shape[3] ||
        top->shape[1] > lateral->shape[1] || top->shape[2] > lateral->shape[2])
        return fail(ERR_USAGE, "upsample_add: top is %s but lateral is %s",
                    tensor_text(top, text_top), tensor_text(lateral, text_lateral));
    TRY(check_activation(tape, "upsample_add", "lateral", lateral));
    if (top->dtype != lateral->dtype)
        return fail(ERR_USAGE, "upsample_add: top is %s but lateral is %s",
                    tensor_text(top, text_top), tensor_text(lateral, text_lateral));
    struct tensor *out;
    TRY(tape_tensor(tape, lateral->dtype, 4, lateral->shape, &out));
    struct tensor *in[] = {top, lateral};
    TRY(tape_run(tape, OP_upsample_add, NULL, 0, 2, in, 1, &out));
    *y = out;
    return OK;
}
