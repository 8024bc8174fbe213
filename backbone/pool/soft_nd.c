#include "backbone/pool/soft_nd.h"

#include "backbone/pool/soft_nd_hot.h"

static enum status forward(const struct op_call *call)
{
    return ISA_PICK(soft_nd_forward)(call);
}

static enum status backward(const struct op_backward_call *call)
{
    return ISA_PICK(soft_nd_backward)(call);
}

static const struct pool_def def = {
    .name = SOFT_ND_NAME, .cpu_forward = forward, .cpu_backward = backward};

static enum status set_axis(struct soft_nd_args *args, int axis, int64_t in, int kernel, int stride,
                            int padding)
{
    if (kernel < 1 || stride < 1 || padding < 0 || padding >= kernel || in < 1 || in > INT32_MAX)
        return fail(ERR_USAGE, "soft pooling: kernel %d, stride %d, padding %d over %lld elements",
                    kernel, stride, padding, (long long)in);
    args->in[axis] = (int)in;
    args->kernel[axis] = kernel;
    args->stride[axis] = stride;
    args->padding[axis] = padding;
    args->out[axis] = window_output((int)in, kernel, stride, padding, padding, false);
    if (args->out[axis] > 0) return OK;
    return fail(ERR_USAGE, "soft pooling: a window of %d does not fit %d elements", kernel,
                (int)in);
}

static enum status run(struct tape *tape, struct tensor *x, struct soft_nd_args *args,
                       const struct soft_nd_options *options, int rank, const int64_t *shape,
                       struct tensor **y)
{
    struct tensor *out;
    if (x->dtype != DTYPE_F32 && x->dtype != DTYPE_BF16)
        return fail(ERR_USAGE, "soft pooling: x is %s, expected f32 or bf16", dtype_name(x->dtype));
    if (!(options->beta >= 0.0 && options->beta <= 1e4))
        return fail(ERR_USAGE, "soft pooling: beta is %g, expected 0 to 10000", options->beta);
    args->op.def = &def;
    args->beta = options->beta;
    args->is_detached = options->is_detached;
    TRY(tape_tensor(tape, x->dtype, rank, shape, &out));
    TRY(tape_run(tape, OP_pool, args, sizeof *args, 1, &x, 1, &out));
    *y = out;
    return OK;
}

enum status soft_pool_1d(struct tape *tape, struct tensor *x, int kernel, int stride, int padding,
                         const struct soft_nd_options *options, struct tensor **y)
{
    struct soft_nd_args args = {.n = 0};
    char text[TENSOR_TEXT_BYTES];
    if (x->rank != 3)
        return fail(ERR_USAGE, "soft pooling: x is %s, expected (N,L,C)", tensor_text(x, text));
    args.n = (int)x->shape[0];
    args.c = (int)x->shape[2];
    TRY(set_axis(&args, 0, 1, 1, 1, 0));
    TRY(set_axis(&args, 1, 1, 1, 1, 0));
    TRY(set_axis(&args, 2, x->shape[1], kernel, stride, padding));
    const int64_t shape[] = {x->shape[0], args.out[2], x->shape[2]};
    return run(tape, x, &args, options, 3, shape, y);
}

enum status soft_pool_3d(struct tape *tape, struct tensor *x, int depth, const int kernel[3],
                         const int stride[3], const int padding[3],
                         const struct soft_nd_options *options, struct tensor **y)
{
    struct soft_nd_args args = {.n = 0};
    char text[TENSOR_TEXT_BYTES];
    if (x->rank != 4 || depth < 1 || x->shape[0] % depth != 0)
        return fail(ERR_USAGE, "soft pooling: x is %s, expected (N*%d,H,W,C)",
                    tensor_text(x, text), depth);
    args.n = (int)(x->shape[0] / depth);
    args.c = (int)x->shape[3];
    const int64_t in[3] = {depth, x->shape[1], x->shape[2]};
    for (int i = 0; i < 3; i++)
        TRY(set_axis(&args, i, in[i], kernel[i], stride[i], padding[i]));
    const int64_t shape[] = {(int64_t)args.n * args.out[0], args.out[1], args.out[2], x->shape[3]};
    return run(tape, x, &args, options, 4, shape, y);
}
