// Stands in for cuDNN and cuBLASLt behind cuda/cudnn.h and cuda/cublas.h, and for CUDA graphs:
// loops as the formulas have them, sums in double. As cuDNN does, it refuses some problems, so that
// every way around is taken by some case.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cuda/bf16.h"
#include "cuda/cublas.h"
#include "cuda/cudnn.h"
#include "cuda/graph.h"
#include "cuda/launch.h"

static __device__ double vendor_get(const void *memory, int dtype, int64_t i)
{
    if (dtype == DTYPE_BF16) return (double)to_float(((const bf16 *)memory)[i]);
    return (double)((const float *)memory)[i];
}

static __device__ void vendor_put(void *memory, int dtype, int64_t i, double value)
{
    if (dtype == DTYPE_BF16)
        from_float((bf16 *)memory + i, (float)value);
    else
        ((float *)memory)[i] = (float)value;
}

// ---- cuDNN -------------------------------------------------------------------------------------

struct cudnn {
    struct CUstream_st *stream;
    struct conv_plan **plans;
    size_t n, capacity;
};

static bool vendor_supports(const struct conv_problem *p)
{
    bool widens = p->input_dtype != p->result_dtype;
    switch (p->kind) {
    case CONV_FORWARD:
        return p->bias || p->residual || p->relu ? !widens && !(p->residual && p->o % 2)
                                                 : !(widens && p->o % 2);
    case CONV_BACKWARD_DATA:
        return !(p->accumulate && p->c % 2);
    default:
        return !widens && !(p->accumulate && p->o % 2);
    }
}

enum status cudnn_create(struct CUstream_st *stream, bool, struct cudnn **cudnn)
{
    struct cudnn *c = (struct cudnn *)mem_alloc(1, sizeof *c);
    if (!c) return ERR_MEMORY;
    c->stream = stream;
    *cudnn = c;
    return OK;
}

void cudnn_destroy(struct cudnn *cudnn)
{
    if (!cudnn) return;
    for (size_t i = 0; i < cudnn->n; i++) mem_free(cudnn->plans[i]);
    mem_free(cudnn->plans);
    mem_free(cudnn);
}

void cudnn_describe(char *text, size_t n_bytes)
{
    snprintf(text, n_bytes, "cuDNN's stand-in");
}

enum status cudnn_plan(struct cudnn *cudnn, const struct conv_problem *problem,
                       const struct conv_memory *, cudnn_scratch, void *,
                       const struct conv_plan **plan)
{
    for (size_t i = 0; i < cudnn->n; i++) {
        if (memcmp(&cudnn->plans[i]->problem, problem, sizeof *problem) != 0) continue;
        *plan = cudnn->plans[i];
        return OK;
    }
    TRY(mem_reserve(&cudnn->plans, &cudnn->capacity, cudnn->n + 1, sizeof *cudnn->plans));
    struct conv_plan *made = (struct conv_plan *)mem_alloc(1, sizeof *made);
    if (!made) return ERR_MEMORY;
    made->problem = *problem;
    made->supported = vendor_supports(problem);
    made->workspace_bytes = 64;
    *plan = cudnn->plans[cudnn->n++] = made;
    return OK;
}

struct vendor_shape {
    int64_t n, h, w, c, o, oh, ow, kh, kw, stride, padding;
};

static struct vendor_shape vendor_shape_of(const struct conv_problem *p)
{
    return {p->n, p->h, p->w, p->c, p->o, p->oh, p->ow, p->kh, p->kw, p->stride, p->padding};
}

static __global__ void vendor_forward(struct conv_problem p, struct vendor_shape s,
                                      struct conv_memory m)
{
    int64_t count = s.n * s.oh * s.ow * s.o;
    for (int64_t i = (int64_t)CUDA_FIRST; i < count; i += (int64_t)CUDA_STEP) {
        int64_t o = i % s.o, x = i / s.o % s.ow, y = i / s.o / s.ow % s.oh, n = i / s.o / s.ow / s.oh;
        double sum = 0;
        for (int64_t a = 0; a < s.kh; a++)
            for (int64_t b = 0; b < s.kw; b++) {
                int64_t iy = y * s.stride + a - s.padding, ix = x * s.stride + b - s.padding;
                if (iy < 0 || ix < 0 || iy >= s.h || ix >= s.w) continue;
                for (int64_t c = 0; c < s.c; c++)
                    sum += vendor_get(m.x, p.input_dtype, ((n * s.h + iy) * s.w + ix) * s.c + c) *
                           vendor_get(m.w, p.input_dtype, ((o * s.kh + a) * s.kw + b) * s.c + c);
            }
        if (p.residual) sum += vendor_get(m.residual, p.result_dtype, i);
        if (p.bias) sum += (double)m.bias[o];
        if (p.relu && sum < 0) sum = 0;
        vendor_put(m.result, p.result_dtype, i, sum);
    }
}

static __global__ void vendor_data(struct conv_problem p, struct vendor_shape s,
                                   struct conv_memory m)
{
    int64_t count = s.n * s.h * s.w * s.c;
    for (int64_t i = (int64_t)CUDA_FIRST; i < count; i += (int64_t)CUDA_STEP) {
        int64_t c = i % s.c, ix = i / s.c % s.w, iy = i / s.c / s.w % s.h, n = i / s.c / s.w / s.h;
        double sum = p.accumulate ? vendor_get(m.result, p.result_dtype, i) : 0;
        for (int64_t a = 0; a < s.kh; a++)
            for (int64_t b = 0; b < s.kw; b++) {
                int64_t y = iy + s.padding - a, x = ix + s.padding - b;
                if (y < 0 || x < 0 || y % s.stride || x % s.stride) continue;
                y /= s.stride;
                x /= s.stride;
                if (y >= s.oh || x >= s.ow) continue;
                for (int64_t o = 0; o < s.o; o++)
                    sum += vendor_get(m.y, p.input_dtype, ((n * s.oh + y) * s.ow + x) * s.o + o) *
                           vendor_get(m.w, p.input_dtype, ((o * s.kh + a) * s.kw + b) * s.c + c);
            }
        vendor_put(m.result, p.result_dtype, i, sum);
    }
}

static __global__ void vendor_filter(struct conv_problem p, struct vendor_shape s,
                                     struct conv_memory m)
{
    int64_t count = s.o * s.kh * s.kw * s.c;
    for (int64_t i = (int64_t)CUDA_FIRST; i < count; i += (int64_t)CUDA_STEP) {
        int64_t c = i % s.c, b = i / s.c % s.kw, a = i / s.c / s.kw % s.kh, o = i / s.c / s.kw / s.kh;
        double sum = p.accumulate ? vendor_get(m.result, p.result_dtype, i) : 0;
        for (int64_t at = 0; at < s.n * s.oh * s.ow; at++) {
            int64_t x = at % s.ow, y = at / s.ow % s.oh, n = at / s.ow / s.oh;
            int64_t iy = y * s.stride + a - s.padding, ix = x * s.stride + b - s.padding;
            if (iy < 0 || ix < 0 || iy >= s.h || ix >= s.w) continue;
            sum += vendor_get(m.x, p.input_dtype, ((n * s.h + iy) * s.w + ix) * s.c + c) *
                   vendor_get(m.y, p.input_dtype, at * s.o + o);
        }
        vendor_put(m.result, p.result_dtype, i, sum);
    }
}

enum status cudnn_run(struct cudnn *cudnn, const struct conv_plan *plan,
                      const struct conv_memory *memory)
{
    const struct conv_problem *p = &plan->problem;
    void (*const kernels[])(struct conv_problem, struct vendor_shape, struct conv_memory) = {
        vendor_forward, vendor_data, vendor_filter};
    if (!plan->supported || !memory->workspace) return fail(ERR_DEVICE, "not to be run");
    CUDA_LAUNCH(kernels[p->kind], 4, 64, 0, cudnn->stream, *p, vendor_shape_of(p), *memory);
    return cudaGetLastError() == cudaSuccess ? OK : fail(ERR_DEVICE, "%s", emulator_message());
}

// ---- cuBLASLt ----------------------------------------------------------------------------------

struct blas {
    struct CUstream_st *stream;
    struct blas_plan plan; // the last
};

enum status blas_create(struct CUstream_st *stream, struct blas **blas)
{
    struct blas *b = (struct blas *)mem_alloc(1, sizeof *b);
    if (!b) return ERR_MEMORY;
    b->stream = stream;
    *blas = b;
    return OK;
}

void blas_destroy(struct blas *blas)
{
    mem_free(blas);
}

void blas_describe(char *text, size_t n_bytes)
{
    snprintf(text, n_bytes, "cuBLASLt's stand-in");
}

enum status blas_plan_of(struct blas *blas, const struct blas_problem *problem,
                      const struct blas_plan **plan)
{
    blas->plan = {*problem, 64, NULL};
    *plan = &blas->plan;
    return OK;
}

static __global__ void vendor_product(struct blas_problem p, const void *a, const void *b,
                                      const void *bias, void *c)
{
    for (int64_t i = (int64_t)CUDA_FIRST; i < p.m * p.n; i += (int64_t)CUDA_STEP) {
        int64_t row = i / p.n, column = i % p.n;
        double sum = p.accumulate ? vendor_get(c, p.result_dtype, i) : 0;
        for (int64_t k = 0; k < p.k; k++)
            sum += vendor_get(a, p.input_dtype, p.transpose_a ? k * p.m + row : row * p.k + k) *
                   vendor_get(b, p.input_dtype, p.transpose_b ? column * p.k + k
                                                              : k * p.n + column);
        if (p.bias) sum += vendor_get(bias, p.result_dtype, column);
        if (p.relu && sum < 0) sum = 0;
        vendor_put(c, p.result_dtype, i, sum);
    }
}

enum status blas_run(struct blas *blas, const struct blas_plan *plan, const void *a, const void *b,
                     const void *bias, void *c, void *workspace)
{
    if (!workspace) return fail(ERR_DEVICE, "no workspace");
    CUDA_LAUNCH(vendor_product, 4, 64, 0, blas->stream, plan->problem, a, b, bias, c);
    return cudaGetLastError() == cudaSuccess ? OK : fail(ERR_DEVICE, "%s", emulator_message());
}

// ---- CUDA graphs -------------------------------------------------------------------------------

enum status cuda_graphs_create(struct CUstream_st *, struct cuda_graphs **)
{
    return OK;
}

void cuda_graphs_destroy(struct cuda_graphs *)
{
}

void cuda_graphs_forget(struct cuda_graphs *)
{
}

enum status cuda_graphs_run(struct cuda_graphs *, uint64_t, enum status (*run)(void *context),
                            void *context)
{
    return run(context);
}
