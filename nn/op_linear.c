#include "nn/check.h"
#include "nn/ops.h"

enum status linear(struct tape *tape, struct tensor *x, struct tensor *w, struct tensor *bias,
                   const struct linear_args *args, struct tensor **y)
{
    TRY(check_rank("linear", "w", w, 2));
    TRY(check_activation(tape, "linear", "x", x));
    TRY(check_f32("linear", "w", w));
    TRY(check_length("linear", "x", x, x->shape[0] * w->shape[1]));
    TRY(check_length("linear", "bias", bias, w->shape[0]));
    int64_t shape[2] = {x->shape[0], w->shape[0]};
    struct tensor *out;
    TRY(tape_tensor(tape, args->f32_output ? DTYPE_F32 : x->dtype, 2, shape, &out));
    out->valid = x->valid;
    struct tensor *in[] = {x, w, bias};
    TRY(tape_run(tape, OP_linear, args, sizeof *args, 3, in, 1, &out));
    *y = out;
    return OK;
}
