#include <string.h>

#include "cuda/library.h"
#include "cuda/rows.h"

// Frozen batch norm's scale goes into the weights, which are small: x * (scale w) for the map, and
// the same weights take its gradient back; the weights' gradient is scaled row by row.
enum { CONV_X, CONV_W, CONV_SCALE, CONV_BIAS, CONV_RESIDUAL };

static struct conv_problem conv2d_problem(const struct op_call *call, enum conv_kind kind)
{
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *x = call->in[CONV_X], *w = call->in[CONV_W], *y = call->out[0];
    struct conv_problem p;
    memset(&p, 0, sizeof p); // compared byte by byte
    p.kind = kind;
    p.n = (int32_t)x->shape[0];
    p.h = (int32_t)x->shape[1];
    p.w = (int32_t)x->shape[2];
    p.c = (int32_t)x->shape[3];
    p.o = (int32_t)w->shape[0];
    p.oh = (int32_t)y->shape[1];
    p.ow = (int32_t)y->shape[2];
    p.kh = (int32_t)w->shape[1];
    p.kw = (int32_t)w->shape[2];
    p.stride = args->stride;
    p.padding = args->padding;
    p.input_dtype = x->dtype;
    p.result_dtype = DTYPE_F32;
    p.tf32 = cuda_of(call)->tf32 && x->dtype == DTYPE_F32;
    return p;
}

static enum status conv2d_plan(struct cuda_library *library, const struct conv_problem *problem,
                               const struct conv_memory *memory, const struct conv_plan **plan)
{
    return cudnn_plan(library->cudnn, problem, memory, cuda_workspace, library, plan);
}

static enum status conv2d_run(struct cuda_library *library, const struct conv_plan *plan,
                              const struct conv_memory *memory)
{
    struct conv_memory own = *memory;
    TRY(cuda_workspace(library, plan->workspace_bytes, &own.workspace));
    return cudnn_run(library->cudnn, plan, &own);
}

static enum status conv2d_refuse(const struct conv_problem *problem)
{
    char text[CONV_TEXT_BYTES];
    return fail(ERR_UNSUPPORTED,
                "cuDNN has no kernel that repeats its results for the %s; use --device cpu",
                conv_problem_text(problem, text));
}

// ---- forward -----------------------------------------------------------------------------------

// Where no engine takes the convolution with what follows it: one after the other, with the product
// in y's memory, or in bf16 in scratch where cuDNN does not widen.
static enum status conv2d_in_parts(const struct op_call *call, struct cuda_library *library,
                                   struct conv_problem problem, struct conv_memory memory)
{
    struct tensor *y = call->out[0];
    const struct conv_plan *plan;
    struct rows_epilogue epilogue = {rows_shape_of(y), {y->data, y->dtype}, {y->data, y->dtype},
                                     memory.bias, memory.residual, problem.relu != 0};
    problem.bias = problem.residual = problem.relu = 0;
    TRY(conv2d_plan(library, &problem, &memory, &plan));
    if (!plan->supported && problem.result_dtype != problem.input_dtype) {
        problem.result_dtype = problem.input_dtype;
        TRY(call->backend->scratch(call->backend, tensor_count(y) * dtype_bytes(DTYPE_BF16),
                                   &memory.result));
        epilogue.from = {memory.result, DTYPE_BF16};
        TRY(conv2d_plan(library, &problem, &memory, &plan));
    }
    if (!plan->supported) return conv2d_refuse(&problem);
    TRY(conv2d_run(library, plan, &memory));
    return cuda_rows_epilogue(call, &epilogue);
}

static enum status conv2d_zero_beyond(const struct op_call *call)
{
    struct tensor *y = call->out[0];
    struct rows_epilogue nothing = {rows_shape_of(y), {y->data, y->dtype}, {y->data, y->dtype},
                                    NULL, NULL, false};
    return y->valid ? cuda_rows_epilogue(call, &nothing) : OK;
}

enum status cuda_conv2d_forward(const struct op_call *call)
{
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *x = call->in[CONV_X], *bias = call->in[CONV_BIAS];
    const struct tensor *residual = call->in[CONV_RESIDUAL], *y = call->out[0];
    struct cuda_library *library;
    struct conv_memory memory = {x->data, NULL, NULL, NULL, NULL, y->data, NULL};
    if (tensor_count(y) == 0) return OK;
    TRY(cuda_library_of(call, &library));
    TRY(cuda_weights_get(library, call, call->in[CONV_W], call->in[CONV_SCALE], x->dtype,
                         &memory.w));
    struct conv_problem problem = conv2d_problem(call, CONV_FORWARD);
    problem.result_dtype = y->dtype;
    problem.bias = bias != NULL;
    problem.residual = residual != NULL;
    problem.relu = args->relu;
    if (bias) memory.bias = (const float *)bias->data;
    if (residual) memory.residual = residual->data;
    const struct conv_plan *plan;
    TRY(conv2d_plan(library, &problem, &memory, &plan));
    if (!plan->supported) return conv2d_in_parts(call, library, problem, memory);
    TRY(conv2d_run(library, plan, &memory));
    return conv2d_zero_beyond(call);
}

// ---- backward ----------------------------------------------------------------------------------

// A gradient that is first computed apart and then added: where no engine adds it itself, scales
// its rows or widens it.
static enum status conv2d_apart(const struct op_call *call, struct cuda_library *library,
                                struct conv_problem problem, struct conv_memory memory,
                                void *scratch, const float *scale, float beta, struct rows_data to,
                                size_t n, size_t row_length)
{
    const struct conv_plan *plan;
    problem.accumulate = 0;
    memory.result = scratch;
    TRY(conv2d_plan(library, &problem, &memory, &plan));
    if (!plan->supported && problem.result_dtype != problem.input_dtype) {
        problem.result_dtype = problem.input_dtype;
        TRY(conv2d_plan(library, &problem, &memory, &plan));
    }
    if (!plan->supported) return conv2d_refuse(&problem);
    TRY(conv2d_run(library, plan, &memory));
    return cuda_rows_add(call, to, beta, {scratch, (enum dtype)problem.result_dtype}, scale, n,
                         row_length);
}

static enum status conv2d_gradient(const struct op_backward_call *backward, int input,
                                   struct cuda_library *library, struct conv_memory memory,
                                   void *scratch)
{
    const struct op_call *call = backward->forward;
    struct tensor *in = call->in[input];
    bool is_filter = input == CONV_W;
    const struct tensor *scale = is_filter ? call->in[CONV_SCALE] : NULL;
    struct conv_problem problem =
        conv2d_problem(call, is_filter ? CONV_BACKWARD_FILTER : CONV_BACKWARD_DATA);
    problem.result_dtype = in->grad_dtype;
    problem.accumulate = backward->beta[input] != 0.0f;
    memory.result = in->grad;
    const struct conv_plan *plan = NULL;
    if (!scale) TRY(conv2d_plan(library, &problem, &memory, &plan));
    if (plan && plan->supported) return conv2d_run(library, plan, &memory);
    size_t n = tensor_count(in);
    return conv2d_apart(call, library, problem, memory, scratch,
                        scale ? (const float *)scale->data : NULL, backward->beta[input],
                        {in->grad, in->grad_dtype}, n, n / (size_t)in->shape[0]);
}

struct conv2d_scratch {
    void *dy, *sums, *result;
};

static enum status conv2d_take_scratch(const struct op_backward_call *backward,
                                       const struct rows_mask *mask, bool casts,
                                       struct conv2d_scratch *out)
{
    const struct op_call *call = backward->forward;
    size_t dy = casts ? tensor_count(call->out[0]) * dtype_bytes(call->in[CONV_X]->dtype) : 0;
    size_t sums = cuda_rows_mask_scratch(mask), result = 0;
    for (int i = CONV_X; i <= CONV_W; i++) {
        // Of the gradient's type or, where no engine widens, of the map's: never a longer one.
        size_t bytes = cuda_grad_bytes(call->in[i]);
        if (backward->want[i] && bytes > result) result = bytes;
    }
    void *memory = NULL;
    TRY(call->backend->scratch(call->backend, cuda_scratch_round(dy) + cuda_scratch_round(sums) +
                                                  cuda_scratch_round(result),
                               &memory));
    char *rest = (char *)memory;
    out->dy = cuda_scratch_cut(&rest, dy);
    out->sums = cuda_scratch_cut(&rest, sums);
    out->result = cuda_scratch_cut(&rest, result);
    return OK;
}

enum status cuda_conv2d_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    struct tensor *x = call->in[CONV_X], *bias = call->in[CONV_BIAS];
    struct tensor *residual = call->in[CONV_RESIDUAL], *y = call->out[0];
    struct cuda_library *library;
    if (tensor_count(y) == 0) return cuda_zero_wanted(backward);
    TRY(cuda_library_of(call, &library));

    // Where x is its own residual, dx is written before the residual's part is added to it.
    bool residual_last = residual == x, casts = y->grad_dtype != x->dtype;
    struct rows_mask mask;
    memset(&mask, 0, sizeof mask);
    mask.shape = rows_shape_of(y);
    mask.dy = {y->grad, y->grad_dtype};
    mask.masked = mask.dy;
    if (args->relu) mask.y = y->data;
    if (backward->want[CONV_RESIDUAL] && !residual_last) {
        mask.copy = residual->grad;
        mask.copy_beta = backward->beta[CONV_RESIDUAL];
    }
    if (backward->want[CONV_BIAS]) {
        mask.sum = (float *)bias->grad;
        mask.sum_beta = backward->beta[CONV_BIAS];
    }
    struct conv2d_scratch scratch;
    TRY(conv2d_take_scratch(backward, &mask, casts, &scratch));
    if (casts) mask.masked = {scratch.dy, x->dtype};
    if (mask.y || mask.copy || mask.sum || casts || y->valid)
        TRY(cuda_rows_mask(call, &mask, scratch.sums));

    struct conv_memory memory = {x->data, NULL, mask.masked.data, NULL, NULL, NULL, NULL};
    if (backward->want[CONV_X]) {
        TRY(cuda_weights_get(library, call, call->in[CONV_W], call->in[CONV_SCALE], x->dtype,
                             &memory.w));
        TRY(conv2d_gradient(backward, CONV_X, library, memory, scratch.result));
    }
    if (backward->want[CONV_W])
        TRY(conv2d_gradient(backward, CONV_W, library, memory, scratch.result));
    if (backward->want[CONV_RESIDUAL] && residual_last)
        TRY(cuda_rows_add(call, {x->grad, x->grad_dtype}, 1.0f, mask.masked, NULL,
                          tensor_count(x), tensor_count(x)));
    return OK;
}
