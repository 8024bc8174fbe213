#include "cpu/conv_run.h"

#include <string.h>

#include "cpu/conv_1x1.h"
#include "cpu/conv_gemm.h"
#include "cpu/packed_weights.h"
#include "cpu/rows.h"
#include "cpu/winograd.h"

// Own kernels come before oneDNN's where they are faster (docs/performance.md).
static bool takes_winograd(const struct cpu_backend *cpu, const struct conv_problem *p)
{
    if (cpu->conv_path == CONV_PATH_BEST) return winograd_pays(p);
    return cpu->conv_path == CONV_PATH_OWN && winograd_is_possible(p);
}

static bool takes_own(const struct cpu_backend *cpu)
{
    return cpu->conv_path == CONV_PATH_BEST || cpu->conv_path == CONV_PATH_OWN;
}

// *plan is NULL where oneDNN has no implementation worth its name.
static enum status find_plan(const struct cpu_backend *cpu, const struct conv_problem *problem,
                             const struct conv_plan **plan)
{
    *plan = NULL;
    if (cpu->conv_path == CONV_PATH_GEMM) return OK;
    TRY(onednn_conv_plan(cpu->onednn, problem, plan));
    if (!(*plan)->supported) *plan = NULL;
    return OK;
}

static size_t count_x(const struct conv_problem *p)
{
    return (size_t)p->n * (size_t)p->h * (size_t)p->w * (size_t)p->c;
}

static size_t count_rows(const struct conv_problem *p)
{
    return (size_t)p->n * (size_t)p->oh * (size_t)p->ow;
}

// Finds the form of weights for the way that the forward problem takes; false: none but patches.
static enum status choose(const struct cpu_backend *cpu, const struct conv_problem *p,
                          struct weights_request *request, bool *found)
{
    *found = true;
    if (takes_winograd(cpu, p)) request->form = WEIGHTS_WINOGRAD;
    else if (takes_own(cpu) && conv_1x1_is_possible(p)) request->form = WEIGHTS_1X1;
    else {
        request->form = WEIGHTS_PLAN;
        TRY(find_plan(cpu, p, &request->plan));
        *found = request->plan != NULL;
    }
    return OK;
}

static enum status run_packed(struct cpu_backend *cpu, const struct conv_problem *p,
                              const struct weights_request *request, struct conv_memory *memory)
{
    size_t weights_bytes = packed_weights_scratch(request), own_bytes = 0;
    if (request->form == WEIGHTS_PLAN) own_bytes = request->plan->scratch_bytes;
    if (request->form == WEIGHTS_WINOGRAD) own_bytes = winograd_scratch(p, cpu->n_threads);
    void *scratch;
    TRY(cpu->base.scratch(&cpu->base, weights_bytes + own_bytes, &scratch));
    TRY(packed_weights_get(cpu->packed, request, (char *)scratch, &memory->w));
    memory->scratch = (char *)scratch + weights_bytes;
    if (request->form == WEIGHTS_PLAN) return onednn_conv_run(request->plan, memory);
    if (request->form == WEIGHTS_1X1) {
        conv_1x1_run(p, memory, cpu->n_threads);
        return OK;
    }
    if (p->accumulate) memory->residual = memory->result;
    winograd_run(p, memory, cpu->n_threads);
    return OK;
}

// Space for folded weights, for the product's result where it is not final, and for patches.
static enum status gemm_scratch(const struct conv_run *run, size_t result_bytes, float **weights,
                                float **result, void **patches)
{
    size_t weights_bytes = scratch_round(tensor_bytes(run->w));
    result_bytes = scratch_round(result_bytes);
    void *memory;
    TRY(run->cpu->base.scratch(&run->cpu->base,
                               weights_bytes + result_bytes + conv_gemm_scratch(&run->problem),
                               &memory));
    char *scratch = (char *)memory;
    *weights = (float *)scratch_cut(&scratch, weights_bytes);
    *result = (float *)scratch_cut(&scratch, result_bytes);
    *patches = scratch;
    return OK;
}

enum status conv_run_forward(const struct conv_run *run, const float *x, const float *bias,
                             const float *residual, float *y)
{
    const struct conv_problem *p = &run->problem;
    struct weights_request request = {.w = run->w, .scale = run->scale};
    struct conv_memory memory = {.x = x, .bias = bias, .residual = residual, .result = y};
    bool found;
    TRY(choose(run->cpu, p, &request, &found));
    if (found) return run_packed(run->cpu, p, &request, &memory);

    float *weights, *unused;
    void *patches;
    TRY(gemm_scratch(run, 0, &weights, &unused, &patches));
    weights_fold(&request, weights);
    TRY(conv_gemm_forward(p, x, weights, y, patches));
    rows_epilogue(y, bias, residual, p->relu != 0, count_rows(p), (size_t)p->o);
    return OK;
}

// The gradient with respect to x at stride 1 is a convolution of dy with the turned kernel: the
// forward primitives are faster, and they can add to what dx holds.
static bool turn(const struct conv_problem *p, bool accumulate, struct conv_problem *turned)
{
    if (p->stride != 1 || p->kh != p->kw || p->padding >= p->kh) return false;
    memset(turned, 0, sizeof *turned);
    turned->kind = CONV_FORWARD;
    turned->n = p->n;
    turned->h = p->oh;
    turned->w = p->ow;
    turned->c = p->o;
    turned->o = p->c;
    turned->oh = p->h;
    turned->ow = p->w;
    turned->kh = p->kh;
    turned->kw = p->kw;
    turned->stride = 1;
    turned->padding = p->kh - 1 - p->padding;
    turned->accumulate = accumulate;
    return true;
}

static struct conv_problem backward_problem(const struct conv_run *run, enum conv_kind kind)
{
    struct conv_problem p = run->problem;
    p.kind = kind;
    p.bias = p.residual = p.relu = p.accumulate = 0;
    return p;
}

static enum status backward_data_1x1(const struct conv_run *run, const float *dy, float beta,
                                     float *dx)
{
    struct weights_request request = {
        .form = WEIGHTS_1X1, .w = run->w, .scale = run->scale, .turned = true};
    void *scratch;
    const void *weights;
    TRY(run->cpu->base.scratch(&run->cpu->base, packed_weights_scratch(&request), &scratch));
    TRY(packed_weights_get(run->cpu->packed, &request, (char *)scratch, &weights));
    conv_1x1_backward_data(&run->problem, dy, (const float *)weights, beta, dx);
    return OK;
}

enum status conv_run_backward_data(const struct conv_run *run, const float *dy, float beta,
                                   float *dx)
{
    struct weights_request request = {.w = run->w, .scale = run->scale, .turned = true};
    struct conv_problem turned;
    if (turn(&run->problem, beta != 0.0f, &turned)) {
        struct conv_memory memory = {.x = dy, .result = dx};
        bool found;
        TRY(choose(run->cpu, &turned, &request, &found));
        if (found) return run_packed(run->cpu, &turned, &request, &memory);
    }
    if (takes_own(run->cpu) && conv_1x1_backward_is_possible(&run->problem))
        return backward_data_1x1(run, dy, beta, dx);

    // These primitives cannot add.
    struct backend *backend = &run->cpu->base;
    struct conv_problem p = backward_problem(run, CONV_BACKWARD_DATA);
    size_t result_bytes = beta != 0.0f ? scratch_round(count_x(&p) * sizeof(float)) : 0;
    float *result = dx;
    request.turned = false;
    request.form = WEIGHTS_PLAN;
    TRY(find_plan(run->cpu, &p, &request.plan));
    if (request.plan) {
        size_t weights_bytes = packed_weights_scratch(&request);
        void *memory;
        TRY(backend->scratch(backend, weights_bytes + result_bytes + request.plan->scratch_bytes,
                             &memory));
        char *scratch = (char *)memory + weights_bytes;
        if (beta != 0.0f) result = (float *)scratch_cut(&scratch, result_bytes);
        struct conv_memory conv = {.y = dy, .result = result, .scratch = scratch};
        TRY(packed_weights_get(run->cpu->packed, &request, (char *)memory, &conv.w));
        TRY(onednn_conv_run(request.plan, &conv));
    } else {
        float *weights, *sum;
        void *patches;
        TRY(gemm_scratch(run, result_bytes, &weights, &sum, &patches));
        if (beta != 0.0f) result = sum;
        weights_fold(&request, weights);
        TRY(conv_gemm_backward_data(&p, dy, weights, result, patches));
    }
    if (result != dx) rows_add(dx, result, count_x(&p));
    return OK;
}

enum status conv_run_backward_weights(const struct conv_run *run, const float *x, const float *dy,
                                      float beta, float *dw)
{
    struct backend *backend = &run->cpu->base;
    struct conv_problem p = backward_problem(run, CONV_BACKWARD_WEIGHTS);
    const float *scale = run->scale ? (const float *)run->scale->data : NULL;
    void *memory;
    if (takes_winograd(run->cpu, &p)) {
        TRY(backend->scratch(backend, winograd_weights_scratch(&p), &memory));
        winograd_backward_weights(&p, x, dy, scale, beta, dw, memory);
        return OK;
    }
    const struct conv_plan *plan;
    TRY(find_plan(run->cpu, &p, &plan));

    // The gradient can be written in place unless it is to be scaled or added.
    bool direct = !scale && beta == 0.0f;
    size_t n_out = (size_t)p.o, n_weights = tensor_count(run->w);
    size_t packed_bytes = plan && !plan->plain_weights ? scratch_round(plan->weights_bytes) : 0;
    size_t plain_bytes = direct ? 0 : scratch_round(n_weights * sizeof(float));
    size_t own_bytes = plan ? plan->scratch_bytes : conv_gemm_scratch(&p);
    TRY(backend->scratch(backend, packed_bytes + plain_bytes + own_bytes, &memory));
    char *scratch = (char *)memory;
    float *packed = (float *)scratch_cut(&scratch, packed_bytes);
    float *plain = (float *)scratch_cut(&scratch, plain_bytes);
    if (direct) plain = dw;
    if (plan) {
        struct conv_memory conv = {
            .x = x, .y = dy, .result = packed_bytes ? packed : plain, .scratch = scratch};
        TRY(onednn_conv_run(plan, &conv));
        if (packed_bytes) TRY(onednn_unpack_weights(plan, packed, plain));
    } else {
        TRY(conv_gemm_backward_weights(&p, x, dy, plain, scratch));
    }
    if (!direct) rows_scale_add(dw, plain, scale, beta, n_out, n_weights / n_out);
    return OK;
}
