#include "nn/check.h"

#include <inttypes.h>

enum status check_rank(const char *op, const char *what, const struct tensor *t, int rank)
{
    char text[TENSOR_TEXT_BYTES];
    if (t->rank == rank) return OK;
    return fail(ERR_USAGE, "%s: %s is %s, expected rank %d", op, what, tensor_text(t, text), rank);
}

enum status check_activation(const struct tape *tape, const char *op, const char *what,
                             const struct tensor *t)
{
    char text[TENSOR_TEXT_BYTES];
    const struct backend *backend = tape->backend;
    if (t->dtype == DTYPE_F32) return OK;
    if (t->dtype != DTYPE_BF16)
        return fail(ERR_USAGE, "%s: %s is %s, expected f32 or bf16", op, what,
                    tensor_text(t, text));
    if (!backend || backend->bf16) return OK;
    return fail(ERR_UNSUPPORTED, "%s: %s is %s, but the %s backend computes in f32", op, what,
                tensor_text(t, text), backend->name);
}

enum status check_f32(const char *op, const char *what, const struct tensor *t)
{
    char text[TENSOR_TEXT_BYTES];
    if (!t || t->dtype == DTYPE_F32) return OK;
    return fail(ERR_USAGE, "%s: %s is %s, expected f32", op, what, tensor_text(t, text));
}

enum status check_length(const char *op, const char *what, const struct tensor *t, int64_t n)
{
    char text[TENSOR_TEXT_BYTES];
    if (!t || tensor_count(t) == (size_t)n) return OK;
    return fail(ERR_USAGE, "%s: %s is %s, expected %" PRId64 " elements", op, what,
                tensor_text(t, text), n);
}

enum status check_same(const char *op, const char *what_a, const struct tensor *a,
                       const char *what_b, const struct tensor *b)
{
    char text_a[TENSOR_TEXT_BYTES], text_b[TENSOR_TEXT_BYTES];
    if (tensor_same_shape(a, b)) return OK;
    return fail(ERR_USAGE, "%s: %s is %s but %s is %s", op, what_a, tensor_text(a, text_a), what_b,
                tensor_text(b, text_b));
}

enum status check_same_type(const char *op, const char *what_a, const struct tensor *a,
                            const char *what_b, const struct tensor *b)
{
    char text_a[TENSOR_TEXT_BYTES], text_b[TENSOR_TEXT_BYTES];
    TRY(check_same(op, what_a, a, what_b, b));
    if (a->dtype == b->dtype) return OK;
    return fail(ERR_USAGE, "%s: %s is %s but %s is %s", op, what_a, tensor_text(a, text_a), what_b,
                tensor_text(b, text_b));
}

enum status check_window(const char *op, const struct tensor *x, struct window *w, int64_t shape[4])
{
    char text[TENSOR_TEXT_BYTES];
    TRY(check_rank(op, "x", x, 4));
    if (w->kernel_h == 0) {
        *w = window_square(1, 1, 0);
        w->kernel_h = (int)x->shape[1];
        w->kernel_w = (int)x->shape[2];
    }
    int height = window_output((int)x->shape[1], w->kernel_h, w->stride_h, w->pad_begin_h,
                               w->pad_end_h, w->ceil_mode);
    int width = window_output((int)x->shape[2], w->kernel_w, w->stride_w, w->pad_begin_w,
                              w->pad_end_w, w->ceil_mode);
    if (height < 1 || width < 1 || w->pad_begin_h >= w->kernel_h || w->pad_begin_w >= w->kernel_w ||
        w->pad_end_h >= w->kernel_h || w->pad_end_w >= w->kernel_w)
        return fail(ERR_USAGE,
                    "%s: a %dx%d window with stride %dx%d and padding %d,%d does not fit x %s", op,
                    w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->pad_begin_h,
                    w->pad_begin_w, tensor_text(x, text));
    shape[0] = x->shape[0];
    shape[1] = height;
    shape[2] = width;
    shape[3] = x->shape[3];
    return OK;
}
