#include <string.h>

#include "cpu/conv_gemm.h"
#include "cpu/kernels.h"
#include "cpu/onednn.h"
#include "cpu/packed_weights.h"
#include "cpu/rows.h"

enum { IN_X, IN_W, IN_SCALE, IN_BIAS, IN_RESIDUAL };

// oneDNN's limits are those of 32 bits per dimension; more does not fit in memory either.
static struct conv_problem problem_of(const struct op_call *call, enum conv_kind kind)
{
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *x = call->in[IN_X], *w = call->in[IN_W], *y = call->out[0];
    struct conv_problem p;
    memset(&p, 0, sizeof p);
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
    if (kind == CONV_FORWARD) {
        p.bias = call->in[IN_BIAS] != NULL;
        p.residual = call->in[IN_RESIDUAL] != NULL;
        p.relu = args->relu;
    }
    return p;
}

// The gradient with respect to x at stride 1 is a convolution of dy with the turned kernel: the
// forward primitives are faster, and they can add to what dx holds.
static bool is_turnable(const struct conv_problem *p)
{
    return p->stride == 1 && p->padding < p->kh && p->padding < p->kw && p->kh == p->kw;
}

static struct conv_problem turned(const struct conv_problem *p, bool accumulate)
{
    struct conv_problem t;
    memset(&t, 0, sizeof t);
    t.kind = CONV_FORWARD;
    t.n = p->n;
    t.h = p->oh;
    t.w = p->ow;
    t.c = p->o;
    t.o = p->c;
    t.oh = p->h;
    t.ow = p->w;
    t.kh = p->kh;
    t.kw = p->kw;
    t.stride = 1;
    t.padding = p->kh - 1 - p->padding;
    t.accumulate = accumulate;
    return t;
}

static enum status plan_for(struct cpu_backend *cpu, const struct conv_problem *problem,
                            const struct conv_plan **plan)
{
    *plan = NULL;
    if (cpu->avoid_onednn) return OK;
    TRY(onednn_conv_plan(cpu->onednn, problem, plan));
    if (!(*plan)->supported) *plan = NULL;
    return OK;
}

static const float *floats(const struct tensor *t)
{
    return t ? (const float *)t->data : NULL;
}

static enum status forward_gemm(const struct op_call *call, const struct conv_problem *p)
{
    struct backend *backend = call->backend;
    const struct tensor *w = call->in[IN_W];
    struct weights_request request = {.w = w, .scale = call->in[IN_SCALE]};
    void *memory;
    TRY(backend->scratch(backend, scratch_round(tensor_bytes(w)) + conv_gemm_scratch(p), &memory));
    char *scratch = (char *)memory;
    float *folded = (float *)scratch_cut(&scratch, tensor_bytes(w));
    weights_fold(&request, folded);
    float *y = (float *)call->out[0]->data;
    TRY(conv_gemm_forward(p, floats(call->in[IN_X]), folded, y, scratch));
    rows_epilogue(y, floats(call->in[IN_BIAS]), floats(call->in[IN_RESIDUAL]), p->relu,
                  tensor_count(call->out[0]) / (size_t)p->o, (size_t)p->o);
    return OK;
}

enum status cpu_conv2d_forward(const struct op_call *call)
{
    if (tensor_count(call->out[0]) == 0) return OK;
    struct cpu_backend *cpu = cpu_of(call);
    struct conv_problem problem = problem_of(call, CONV_FORWARD);
    const struct conv_plan *plan;
    TRY(plan_for(cpu, &problem, &plan));
    if (!plan) return forward_gemm(call, &problem);

    struct weights_request request = {
        .plan = plan, .w = call->in[IN_W], .scale = call->in[IN_SCALE]};
    size_t weights_bytes = packed_weights_scratch(&request);
    void *memory;
    TRY(cpu->base.scratch(&cpu->base, weights_bytes + plan->scratch_bytes, &memory));
    struct conv_memory run = {.x = floats(call->in[IN_X]),
                              .bias = floats(call->in[IN_BIAS]),
                              .residual = floats(call->in[IN_RESIDUAL]),
                              .result = (float *)call->out[0]->data,
                              .scratch = (char *)memory + weights_bytes};
    TRY(packed_weights_get(cpu->packed, &request, (char *)memory, &run.w));
    return onednn_conv_run(plan, &run);
}

// relu's mask, the residual's and the bias's gradient in one pass over dy.
static enum status backward_epilogue(const struct op_backward_call *backward, bool residual_first)
{
    const struct op_call *call = backward->forward;
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *y = call->out[0];
    struct rows_mask mask = {.n_channels = (size_t)y->shape[3],
                             .n_rows = tensor_count(y) / (size_t)y->shape[3],
                             .dy = (float *)y->grad,
                             .y = args->relu ? floats(y) : NULL};
    if (backward->want[IN_RESIDUAL] && residual_first) {
        mask.copy = (float *)call->in[IN_RESIDUAL]->grad;
        mask.copy_beta = backward->beta[IN_RESIDUAL];
    }
    if (backward->want[IN_BIAS]) {
        mask.sum = (float *)call->in[IN_BIAS]->grad;
        mask.sum_beta = backward->beta[IN_BIAS];
    }
    void *memory;
    TRY(call->backend->scratch(call->backend, rows_mask_scratch(&mask), &memory));
    rows_mask_run(&mask, memory);
    return OK;
}

static enum status backward_data(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct cpu_backend *cpu = cpu_of(call);
    const struct tensor *w = call->in[IN_W], *x = call->in[IN_X];
    bool adds = backward->beta[IN_X] != 0.0f;
    struct conv_problem problem = problem_of(call, CONV_BACKWARD_DATA), t;
    const struct conv_plan *plan = NULL;
    struct weights_request request = {.w = w, .scale = call->in[IN_SCALE]};
    if (is_turnable(&problem)) {
        t = turned(&problem, adds);
        TRY(plan_for(cpu, &t, &plan));
        request.turned = plan != NULL;
    }
    if (!plan) TRY(plan_for(cpu, &problem, &plan));
    request.plan = plan;

    const float *dy = (const float *)call->out[0]->grad;
    float *dx = (float *)x->grad;
    bool through_scratch = adds && !request.turned;
    size_t weights_bytes = plan ? packed_weights_scratch(&request) : scratch_round(tensor_bytes(w));
    size_t sum_bytes = through_scratch ? scratch_round(tensor_bytes(x)) : 0;
    size_t own_bytes = plan ? plan->scratch_bytes : conv_gemm_scratch(&problem);
    void *memory;
    TRY(cpu->base.scratch(&cpu->base, weights_bytes + sum_bytes + own_bytes, &memory));
    char *scratch = (char *)memory;
    char *weights = (char *)scratch_cut(&scratch, weights_bytes);
    float *contribution = (float *)scratch_cut(&scratch, sum_bytes);
    float *result = through_scratch ? contribution : dx;
    if (plan) {
        struct conv_memory run = {.result = result, .scratch = scratch};
        *(request.turned ? &run.x : &run.y) = dy;
        TRY(packed_weights_get(cpu->packed, &request, weights, &run.w));
        TRY(onednn_conv_run(plan, &run));
    } else {
        weights_fold(&request, (float *)weights);
        TRY(conv_gemm_backward_data(&problem, dy, (const float *)weights, result, scratch));
    }
    if (through_scratch) rows_add(dx, contribution, tensor_count(x));
    return OK;
}

static enum status backward_weights(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct cpu_backend *cpu = cpu_of(call);
    const struct tensor *w = call->in[IN_W];
    const float *scale = floats(call->in[IN_SCALE]), *dy = (const float *)call->out[0]->grad;
    struct conv_problem problem = problem_of(call, CONV_BACKWARD_WEIGHTS);
    const struct conv_plan *plan;
    TRY(plan_for(cpu, &problem, &plan));

    // The gradient can be written in place unless it is to be scaled or added.
    bool direct = !scale && backward->beta[IN_W] == 0.0f;
    float *dw = (float *)w->grad;
    size_t packed_bytes = plan && !plan->plain_weights ? scratch_round(plan->weights_bytes) : 0;
    size_t plain_bytes = direct ? 0 : scratch_round(tensor_bytes(w));
    size_t own_bytes = plan ? plan->scratch_bytes : conv_gemm_scratch(&problem);
    void *memory;
    TRY(cpu->base.scratch(&cpu->base, packed_bytes + plain_bytes + own_bytes, &memory));
    char *scratch = (char *)memory;
    float *packed = (float *)scratch_cut(&scratch, packed_bytes);
    float *plain = (float *)scratch_cut(&scratch, plain_bytes);
    if (direct) plain = dw;
    if (plan) {
        struct conv_memory run = {.x = floats(call->in[IN_X]),
                                  .y = dy,
                                  .result = packed_bytes ? packed : plain,
                                  .scratch = scratch};
        TRY(onednn_conv_run(plan, &run));
        if (packed_bytes) TRY(onednn_unpack_weights(plan, packed, plain));
    } else {
        TRY(conv_gemm_backward_weights(&problem, floats(call->in[IN_X]), dy, plain, scratch));
    }
    if (!direct) {
        size_t n_out = (size_t)w->shape[0];
        rows_scale_add(dw, plain, scale, backward->beta[IN_W], n_out, tensor_count(w) / n_out);
    }
    return OK;
}

// A batch of no images contributes nothing, but a first contribution has to be written.
static enum status zero_wanted(const struct op_backward_call *backward)
{
    struct backend *backend = backward->forward->backend;
    for (int i = 0; i < backward->forward->n_in; i++) {
        struct tensor *in = backward->forward->in[i];
        if (backward->want[i] && backward->beta[i] == 0.0f)
            TRY(backend->zero(backend, in->grad, tensor_count(in) * sizeof(float)));
    }
    return OK;
}

enum status cpu_conv2d_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct tensor *x = call->in[IN_X], *residual = call->in[IN_RESIDUAL];
    if (tensor_count(call->out[0]) == 0) return zero_wanted(backward);
    // Where x is its own residual, dx is written before the residual's part is added to it.
    bool residual_last = residual && residual == x;
    TRY(backward_epilogue(backward, !residual_last));
    if (backward->want[IN_X]) TRY(backward_data(backward));
    if (backward->want[IN_W]) TRY(backward_weights(backward));
    if (backward->want[IN_RESIDUAL] && residual_last)
        rows_add((float *)x->grad, (const float *)call->out[0]->grad, tensor_count(x));
    return OK;
}
