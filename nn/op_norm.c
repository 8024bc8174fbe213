#include "nn/check.h"
#include "nn/ops.h"

static enum status norm_output(struct tape *tape, const char *op, const struct tensor *x,
                               const struct tensor *residual, int rank_saved,
                               const int64_t *shape_saved, struct tensor *out[3])
{
    TRY(check_activation(tape, op, "x", x));
    TRY(tape_tensor(tape, x->dtype, 4, x->shape, &out[0]));
    if (residual) TRY(check_same_type(op, "residual", residual, "x", x));
    TRY(tape_tensor(tape, DTYPE_F32, rank_saved, shape_saved, &out[1]));
    TRY(tape_tensor(tape, DTYPE_F32, rank_saved, shape_saved, &out[2]));
    return OK;
}

enum status batch_norm(struct tape *tape, struct tensor *x, struct tensor *gamma,
                       struct tensor *beta, struct tensor *running_mean,
                       struct tensor *running_var, struct tensor *residual,
                       const struct batch_norm_args *args, struct tensor **y)
{
    TRY(check_rank("batch_norm", "x", x, 4));
    int64_t channels = x->shape[3];
    TRY(check_length("batch_norm", "gamma", gamma, channels));
    TRY(check_length("batch_norm", "beta", beta, channels));
    TRY(check_length("batch_norm", "running_mean", running_mean, channels));
    TRY(check_length("batch_norm", "running_var", running_var, channels));
    struct tensor *out[3];
    TRY(norm_output(tape, "batch_norm", x, residual, 1, &channels, out));
    struct tensor *in[] = {x, gamma, beta, running_mean, running_var, residual};
    TRY(tape_run(tape, OP_batch_norm, args, sizeof *args, 6, in, 3, out));
    *y = out[0];
    return OK;
}

enum status group_norm(struct tape *tape, struct tensor *x, struct tensor *gamma,
                       struct tensor *beta, struct tensor *residual,
                       const struct group_norm_args *args, struct tensor **y)
{
    TRY(check_rank("group_norm", "x", x, 4));
    int64_t channels = x->shape[3];
    TRY(check_length("group_norm", "gamma", gamma, channels));
    TRY(check_length("group_norm", "beta", beta, channels));
    if (args->groups < 1 || channels % args->groups)
        return fail(ERR_USAGE, "group_norm: %d channels do not divide into %d groups",
                    (int)channels, args->groups);
    int64_t shape[2] = {x->shape[0], args->groups};
    struct tensor *out[3];
    TRY(norm_output(tape, "group_norm", x, residual, 2, shape, out));
    struct tensor *in[] = {x, gamma, beta, residual};
    TRY(tape_run(tape, OP_group_norm, args, sizeof *args, 4, in, 3, out));
    *y = out[0];
    return OK;
}
