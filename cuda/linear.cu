#include <string.h>

#include "cuda/library.h"
#include "cuda/rows.h"

enum { LINEAR_X, LINEAR_W, LINEAR_BIAS };

enum status cuda_linear_forward(const struct op_call *call)
{
    const struct linear_args *args = (const struct linear_args *)call->args;
    const struct tensor *x = call->in[LINEAR_X], *w = call->in[LINEAR_W];
    const struct tensor *bias = call->in[LINEAR_BIAS];
    struct tensor *y = call->out[0];
    struct cuda_library *library;
    const void *weights, *added = NULL;
    if (tensor_count(y) == 0) return OK;
    TRY(cuda_library_of(call, &library));
    TRY(cuda_weights_get(library, call, w, NULL, x->dtype, &weights));
    if (bias) TRY(cuda_weights_get(library, call, bias, NULL, y->dtype, &added));
    struct blas_product product = {{x->shape[0], w->shape[0], w->shape[1]}, false, true,
                                   {(void *)x->data, x->dtype}, {(void *)weights, x->dtype},
                                   {y->data, y->dtype}, 0.0f, added, args->relu};
    TRY(cuda_product(library, call, &product));
    struct rows_epilogue nothing = {rows_shape_of(y), {y->data, y->dtype}, {y->data, y->dtype},
                                    NULL, NULL, false};
    return y->valid ? cuda_rows_epilogue(call, &nothing) : OK;
}

enum status cuda_linear_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct linear_args *args = (const struct linear_args *)call->args;
    struct tensor *x = call->in[LINEAR_X], *w = call->in[LINEAR_W], *y = call->out[0];
    struct cuda_library *library;
    int64_t n = x->shape[0], n_out = w->shape[0], n_in = w->shape[1];
    if (tensor_count(y) == 0) return cuda_zero_wanted(backward);
    TRY(cuda_library_of(call, &library));

    bool casts = y->grad_dtype != x->dtype;
    struct rows_mask mask;
    memset(&mask, 0, sizeof mask);
    mask.shape = rows_shape_of(y);
    mask.dy = {y->grad, y->grad_dtype};
    if (args->relu) mask.y = y->data;
    if (backward->want[LINEAR_BIAS]) {
        mask.sum = (float *)call->in[LINEAR_BIAS]->grad;
        mask.sum_beta = backward->beta[LINEAR_BIAS];
    }
    size_t sums = cuda_rows_mask_scratch(&mask);
    size_t dy = casts ? tensor_count(y) * dtype_bytes(x->dtype) : 0;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, cuda_scratch_round(sums) + dy, &scratch));
    mask.masked = casts ? rows_data{(char *)scratch + cuda_scratch_round(sums), x->dtype} : mask.dy;
    if (mask.y || mask.sum || casts || y->valid) TRY(cuda_rows_mask(call, &mask, scratch));

    if (backward->want[LINEAR_X]) {
        const void *weights;
        TRY(cuda_weights_get(library, call, w, NULL, x->dtype, &weights));
        struct blas_product product = {{n, n_in, n_out}, false, false, mask.masked,
                                       {(void *)weights, x->dtype}, {x->grad, x->grad_dtype},
                                       backward->beta[LINEAR_X], NULL, false};
        TRY(cuda_product(library, call, &product));
    }
    if (!backward->want[LINEAR_W]) return OK;
    struct blas_product product = {{n_out, n_in, n}, true, false, mask.masked, {x->data, x->dtype},
                                   {w->grad, w->grad_dtype}, backward->beta[LINEAR_W], NULL, false};
    return cuda_product(library, call, &product);
}
