#include <cublasLt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cuda/cublas.h"

struct blas_executable {
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t first, second, result;
    cublasLtMatmulAlgo_t algorithm;
};

struct blas {
    cublasLtHandle_t handle;
    struct CUstream_st *stream;
    struct blas_plan **plans;
    size_t n, capacity;
};

static enum status check(cublasStatus_t status, const char *what)
{
    if (status == CUBLAS_STATUS_SUCCESS) return OK;
    return fail(ERR_DEVICE, "cuBLASLt: %s: %s", what, cublasLtGetStatusString(status));
}

void blas_describe(char *text, size_t n_bytes)
{
    size_t v = cublasLtGetVersion();
    snprintf(text, n_bytes, "cuBLASLt %zu.%zu.%zu", v / 10000, v % 10000 / 100, v % 100);
}

enum status blas_create(struct CUstream_st *stream, struct blas **blas)
{
    struct blas *b = (struct blas *)mem_alloc(1, sizeof *b);
    if (!b) return ERR_MEMORY;
    b->stream = stream;
    enum status status = check(cublasLtCreate(&b->handle), "start");
    if (status == OK)
        *blas = b;
    else
        mem_free(b);
    return status;
}

static void plan_free(struct blas_plan *plan)
{
    if (!plan) return;
    struct blas_executable *e = plan->executable;
    if (e && e->product) (void)cublasLtMatmulDescDestroy(e->product);
    if (e && e->first) (void)cublasLtMatrixLayoutDestroy(e->first);
    if (e && e->second) (void)cublasLtMatrixLayoutDestroy(e->second);
    if (e && e->result) (void)cublasLtMatrixLayoutDestroy(e->result);
    mem_free(e);
    mem_free(plan);
}

void blas_destroy(struct blas *blas)
{
    if (!blas) return;
    for (size_t i = 0; i < blas->n; i++) plan_free(blas->plans[i]);
    mem_free(blas->plans);
    if (blas->handle) (void)cublasLtDestroy(blas->handle);
    mem_free(blas);
}

static cudaDataType_t data_type(int32_t dtype)
{
    return dtype == DTYPE_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

static enum status set(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t name,
                       const void *value, size_t n_bytes)
{
    return check(cublasLtMatmulDescSetAttribute(product, name, value, n_bytes), "attribute");
}

static enum status make_product(const struct blas_problem *p, cublasLtMatmulDesc_t *out)
{
    cublasLtMatmulDesc_t product;
    cublasComputeType_t sums = p->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    cublasOperation_t first = p->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t second = p->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasLtEpilogue_t epilogue = p->bias && p->relu ? CUBLASLT_EPILOGUE_RELU_BIAS
                                  : p->bias          ? CUBLASLT_EPILOGUE_BIAS
                                  : p->relu          ? CUBLASLT_EPILOGUE_RELU
                                                     : CUBLASLT_EPILOGUE_DEFAULT;
    cudaDataType_t bias = data_type(p->result_dtype);
    TRY(check(cublasLtMatmulDescCreate(&product, sums, CUDA_R_32F), "new product"));
    *out = product;
    TRY(set(product, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first));
    TRY(set(product, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second));
    TRY(set(product, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    if (!p->bias) return OK;
    return set(product, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias, sizeof bias);
}

// A row-major matrix is the transposed column-major one, and c' = op(b)' op(a)': so b comes first.
// Its rows are c's columns, along which cuBLASLt lays the bias.
static enum status make_layouts(const struct blas_problem *p, struct blas_executable *e)
{
    uint64_t m = (uint64_t)p->m, n = (uint64_t)p->n, k = (uint64_t)p->k;
    uint64_t a_rows = p->transpose_a ? k : m, a_columns = p->transpose_a ? m : k;
    uint64_t b_rows = p->transpose_b ? n : k, b_columns = p->transpose_b ? k : n;
    cudaDataType_t in = data_type(p->input_dtype), out = data_type(p->result_dtype);
    TRY(check(cublasLtMatrixLayoutCreate(&e->first, in, b_columns, b_rows, (int64_t)b_columns),
              "layout"));
    TRY(check(cublasLtMatrixLayoutCreate(&e->second, in, a_columns, a_rows, (int64_t)a_columns),
              "layout"));
    return check(cublasLtMatrixLayoutCreate(&e->result, out, n, m, (int64_t)n), "layout");
}

static enum status pick(const struct blas *blas, struct blas_plan *plan)
{
    enum { WORKSPACE = 32 << 20, ALIGNMENT = 16 };
    struct blas_executable *e = plan->executable;
    const uint64_t workspace = WORKSPACE;
    const uint32_t alignment = ALIGNMENT;
    // Partial sums of a split product are added up in workspace, in a fixed order.
    const uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const struct {
        cublasLtMatmulPreferenceAttributes_t name;
        const void *value;
        size_t n_bytes;
    } wishes[] = {
        {CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace},
        {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions, sizeof reductions},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &alignment, sizeof alignment},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &alignment, sizeof alignment},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &alignment, sizeof alignment},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &alignment, sizeof alignment},
    };
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t found;
    int n_found = 0;
    TRY(check(cublasLtMatmulPreferenceCreate(&preference), "preference"));
    enum status status = OK;
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        GUARD(check(cublasLtMatmulPreferenceSetAttribute(preference, wishes[i].name,
                                                         wishes[i].value, wishes[i].n_bytes),
                    "preference"));
    GUARD(check(cublasLtMatmulAlgoGetHeuristic(blas->handle, e->product, e->first, e->second,
                                               e->result, e->result, preference, 1, &found,
                                               &n_found),
                "choice of an algorithm"));
    if (n_found < 1) {
        status = fail(ERR_DEVICE, "cuBLASLt has no algorithm");
        goto done;
    }
    e->algorithm = found.algo;
    plan->workspace_bytes = found.workspaceSize;
done:
    (void)cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

enum status blas_plan_of(struct blas *blas, const struct blas_problem *problem,
                      const struct blas_plan **plan)
{
    for (size_t i = 0; i < blas->n; i++) {
        if (memcmp(&blas->plans[i]->problem, problem, sizeof *problem) != 0) continue;
        *plan = blas->plans[i];
        return OK;
    }
    TRY(mem_reserve(&blas->plans, &blas->capacity, blas->n + 1, sizeof *blas->plans));
    struct blas_plan *made = (struct blas_plan *)mem_alloc(1, sizeof *made);
    if (!made) return ERR_MEMORY;
    enum status status = OK;
    made->problem = *problem;
    made->executable = (struct blas_executable *)mem_alloc(1, sizeof *made->executable);
    if (!made->executable) status = ERR_MEMORY;
    if (status == OK) status = make_product(problem, &made->executable->product);
    if (status == OK) status = make_layouts(problem, made->executable);
    if (status == OK) status = pick(blas, made);
    if (status != OK) {
        plan_free(made);
        return fail_context(status, "matrix product %" PRId64 "x%" PRId64 "x%" PRId64 ": ",
                            problem->m, problem->n, problem->k);
    }
    *plan = blas->plans[blas->n++] = made;
    return OK;
}

enum status blas_run(struct blas *blas, const struct blas_plan *plan, const void *a, const void *b,
                     const void *bias, void *c, void *workspace)
{
    const struct blas_executable *e = plan->executable;
    const float alpha = 1.0f, beta = plan->problem.accumulate ? 1.0f : 0.0f;
    if (plan->problem.bias)
        TRY(set(e->product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
    return check(cublasLtMatmul(blas->handle, e->product, &alpha, b, e->first, a, e->second, &beta,
                                c, e->result, c, e->result, &e->algorithm, workspace,
                                plan->workspace_bytes, blas->stream),
                 "matrix product");
}
