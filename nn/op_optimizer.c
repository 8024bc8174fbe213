#include "nn/check.h"
#include "nn/ops.h"

enum status sum_squares(struct tape *tape, struct tensor *x, struct tensor **out)
{
    const int64_t one = 1;
    struct tensor *sum;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &sum));
    TRY(tape_run(tape, OP_sum_squares, NULL, 0, 1, &x, 1, &sum));
    *out = sum;
    return OK;
}

enum status sgd_step(struct tape *tape, struct tensor *values, struct tensor *grads,
                     struct tensor *velocity, struct tensor *norm_squared,
                     const struct sgd_args *args)
{
    TRY(check_same("sgd_step", "grads", grads, "values", values));
    TRY(check_same("sgd_step", "velocity", velocity, "values", values));
    struct tensor *in[] = {values, grads, velocity, norm_squared};
    return tape_run(tape, OP_sgd_step, args, sizeof *args, 4, in, 0, NULL);
}

enum status adamw_step(struct tape *tape, struct tensor *values, struct tensor *grads,
                       struct tensor *first, struct tensor *second, struct tensor *norm_squared,
                       const struct adamw_args *args)
{
    TRY(check_same("adamw_step", "grads", grads, "values", values));
    TRY(check_same("adamw_step", "first", first, "values", values));
    TRY(check_same("adamw_step", "second", second, "values", values));
    if (args->step < 1)
        return fail(ERR_USAGE, "adamw_step: steps count from 1, not %lld", (long long)args->step);
    struct tensor *in[] = {values, grads, first, second, norm_squared};
    return tape_run(tape, OP_adamw_step, args, sizeof *args, 5, in, 0, NULL);
}

enum status limit_values(struct tape *tape, struct tensor *values, const struct limit_args *args)
{
    TRY(check_f32("limit_values", "values", values));
    if (values->rank > 2)
        return fail(ERR_USAGE, "limit_values: values have rank %d, not 1 or 2", values->rank);
    if (!args->simplex && !(args->low <= args->high))
        return fail(ERR_USAGE, "limit_values: there is nothing between %g and %g",
                    (double)args->low, (double)args->high);
    return tape_run(tape, OP_limit_values, args, sizeof *args, 1, &values, 0, NULL);
}
