#include <string.h>

#include "cuda/launch.h"
#include "cuda/library.h"
#include "cuda/list.h"
#include "cuda/rows.h"
#include "cuda/vec.h"

// A matrix product gives each pixel its 2x2 outputs side by side (I to 2*2*O); between there and
// the image's rows they are copied, some images at a time.
enum { UP_X, UP_W, UP_BIAS, UP_BLOCK_ELEMENTS = 1 << 25 };

struct up_shape {
    int64_t n, h, w, c, o;
    int64_t block; // images at a time
};

static struct up_shape up_shape_of(const struct op_call *call)
{
    const struct tensor *x = call->in[UP_X];
    struct up_shape s = {x->shape[0], x->shape[1], x->shape[2], x->shape[3],
                         call->in[UP_W]->shape[2], 0};
    s.block = UP_BLOCK_ELEMENTS / (s.h * s.w * 4 * s.o + 1);
    if (s.block < 1) s.block = 1;
    if (s.block > s.n) s.block = s.n;
    return s;
}

// Element i of an image's rows, (2H,2W,O), in the product, (H,W,2,2,O).
static __device__ inline size_t up_index(size_t i, size_t w, size_t o)
{
    size_t channel = i % o, at = i / o, x = at % (2 * w), y = at / (2 * w); // y over all images
    return (((y / 2 * w + x / 2) * 2 + y % 2) * 2 + x % 2) * o + channel;
}

template <typename T, int N>
static __global__ void up_to_rows_kernel(T *y, const T *z, const float *bias, bool relu, size_t n,
                                         size_t w, size_t o, size_t first, const int32_t *count,
                                         int64_t n_items, size_t item)
{
    size_t used = (size_t)list_count(count, n_items) * item;
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float v[N], add[N];
        vec_load<N>(v, z + up_index(i, w, o));
        if (bias) {
            vec_load<N>(add, bias + i % o);
#pragma unroll
            for (int k = 0; k < N; k++) v[k] += add[k];
        }
#pragma unroll
        for (int k = 0; k < N; k++) {
            if (relu && v[k] < 0.0f) v[k] = 0.0f;
            if (first + i >= used) v[k] = 0.0f;
        }
        vec_store<N>(y + i, v);
    }
}

template <typename T, int N>
static __global__ void up_from_rows_kernel(T *z, const T *dy, size_t n, size_t w, size_t o)
{
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N)
        vec_copy<N>(z + up_index(i, w, o), dy + i);
}

static enum status up_to_rows(const struct op_call *call, const struct up_shape *s, int64_t first,
                              int64_t n_images, const void *z)
{
    const struct conv_transpose_args *args = (const struct conv_transpose_args *)call->args;
    const struct tensor *bias = call->in[UP_BIAS];
    struct tensor *y = call->out[0];
    size_t item = (size_t)(4 * s->h * s->w * s->o), n = (size_t)n_images * item;
    size_t begin = (size_t)first * item, w = (size_t)s->w, o = (size_t)s->o;
    const float *added = bias ? (const float *)bias->data : NULL;
    const int32_t *count = list_count_of(y->valid);
    VEC_DTYPE(y->dtype, T, {
        enum { W = vec_width<T>::value };
        if (o % W == 0)
            CUDA_LAUNCH((up_to_rows_kernel<T, W>), cuda_blocks(n / W), CUDA_BLOCK, 0,
                        cuda_stream(call), (T *)y->data + begin, (const T *)z, added, args->relu,
                        n, w, o, begin, count, s->n, item);
        else
            CUDA_LAUNCH((up_to_rows_kernel<T, 1>), cuda_blocks(n), CUDA_BLOCK, 0,
                        cuda_stream(call), (T *)y->data + begin, (const T *)z, added, args->relu,
                        n, w, o, begin, count, s->n, item);
    });
    return cuda_check(call, "conv_transpose");
}

static enum status up_from_rows(const struct op_call *call, const struct up_shape *s, int64_t first,
                                int64_t n_images, void *z)
{
    const struct tensor *y = call->out[0];
    size_t item = (size_t)(4 * s->h * s->w * s->o), n = (size_t)n_images * item;
    size_t begin = (size_t)first * item, w = (size_t)s->w, o = (size_t)s->o;
    VEC_DTYPE(y->grad_dtype, T, {
        enum { W = vec_width<T>::value };
        if (o % W == 0)
            CUDA_LAUNCH((up_from_rows_kernel<T, W>), cuda_blocks(n / W), CUDA_BLOCK, 0,
                        cuda_stream(call), (T *)z, (const T *)y->grad + begin, n, w, o);
        else
            CUDA_LAUNCH((up_from_rows_kernel<T, 1>), cuda_blocks(n), CUDA_BLOCK, 0,
                        cuda_stream(call), (T *)z, (const T *)y->grad + begin, n, w, o);
    });
    return cuda_check(call, "conv_transpose");
}

enum status cuda_conv_transpose_forward(const struct op_call *call)
{
    const struct tensor *x = call->in[UP_X];
    struct up_shape s = up_shape_of(call);
    struct cuda_library *library;
    const void *weights;
    void *z = NULL;
    if (tensor_count(call->out[0]) == 0) return OK;
    TRY(cuda_library_of(call, &library));
    TRY(cuda_weights_get(library, call, call->in[UP_W], NULL, x->dtype, &weights));
    int64_t pixels = s.h * s.w;
    size_t step = (size_t)(pixels * s.c) * dtype_bytes(x->dtype);
    TRY(call->backend->scratch(call->backend, (size_t)(s.block * pixels * 4 * s.o) *
                                                  dtype_bytes(x->dtype), &z));
    for (int64_t i = 0; i < s.n; i += s.block) {
        int64_t n = s.n - i < s.block ? s.n - i : s.block;
        struct blas_product product = {{n * pixels, 4 * s.o, s.c}, false, true,
                                       {(char *)x->data + (size_t)i * step, x->dtype},
                                       {(void *)weights, x->dtype}, {z, x->dtype}, 0.0f, NULL,
                                       false};
        TRY(cuda_product(library, call, &product));
        TRY(up_to_rows(call, &s, i, n, z));
    }
    return OK;
}

enum status cuda_conv_transpose_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct conv_transpose_args *args = (const struct conv_transpose_args *)call->args;
    struct tensor *x = call->in[UP_X], *w = call->in[UP_W], *y = call->out[0];
    struct up_shape s = up_shape_of(call);
    struct cuda_library *library;
    if (tensor_count(y) == 0) return cuda_zero_wanted(backward);
    TRY(cuda_library_of(call, &library));

    struct rows_mask mask;
    memset(&mask, 0, sizeof mask);
    mask.shape = rows_shape_of(y);
    mask.dy = {y->grad, y->grad_dtype};
    mask.masked = mask.dy;
    if (args->relu) mask.y = y->data;
    if (backward->want[UP_BIAS]) {
        mask.sum = (float *)call->in[UP_BIAS]->grad;
        mask.sum_beta = backward->beta[UP_BIAS];
    }
    int64_t pixels = s.h * s.w;
    size_t block = (size_t)(s.block * pixels * 4 * s.o) * dtype_bytes(y->grad_dtype);
    size_t sums = cuda_rows_mask_scratch(&mask);
    void *z = NULL;
    TRY(call->backend->scratch(call->backend, block > sums ? block : sums, &z));
    if (mask.y || mask.sum || y->valid) TRY(cuda_rows_mask(call, &mask, z));

    const void *weights = NULL;
    if (backward->want[UP_X])
        TRY(cuda_weights_get(library, call, w, NULL, x->dtype, &weights));
    size_t step = (size_t)(pixels * s.c);
    float beta = backward->beta[UP_W];
    for (int64_t i = 0; i < s.n; i += s.block, beta = 1.0f) {
        int64_t n = s.n - i < s.block ? s.n - i : s.block;
        size_t at = (size_t)i * step;
        TRY(up_from_rows(call, &s, i, n, z));
        struct blas_product dx = {{n * pixels, s.c, 4 * s.o}, false, false, {z, y->grad_dtype},
                                  {(void *)weights, x->dtype},
                                  {(char *)x->grad + at * dtype_bytes(x->grad_dtype),
                                   x->grad_dtype}, backward->beta[UP_X], NULL, false};
        if (backward->want[UP_X]) TRY(cuda_product(library, call, &dx));
        struct blas_product dw = {{4 * s.o, s.c, n * pixels}, true, false, {z, y->grad_dtype},
                                  {(char *)x->data + at * dtype_bytes(x->dtype), x->dtype},
                                  {w->grad, w->grad_dtype}, beta, NULL, false};
        if (backward->want[UP_W]) TRY(cuda_product(library, call, &dw));
    }
    return OK;
}
