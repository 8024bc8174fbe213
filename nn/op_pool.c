#include <stdio.h>

#include "nn/check.h"
#include "nn/ops.h"

enum status pool_op(struct tape *tape, struct tensor *x, int n_params, struct tensor *const *params,
                    const struct pool_op_args *args, struct tensor **y)
{
    char text[TENSOR_TEXT_BYTES], name[TENSOR_TEXT_BYTES];
    struct pool_op_args own = *args;
    int64_t shape[4];
    snprintf(name, sizeof name, "pool %s", args->def->name);
    if (x->dtype != DTYPE_F32 && x->dtype != DTYPE_BF16)
        return fail(ERR_USAGE, "%s: x is %s, expected f32 or bf16", name, tensor_text(x, text));
    TRY(check_window(name, x, &own.window, shape));
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
