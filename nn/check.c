#include "nn/check.h"

#include <inttypes.h>

enum status check_rank(const char *op, const char *what, const struct tensor *t, int rank)
{
    char text[TENSOR_TEXT_BYTES];
    if (t->rank == rank) return OK;
    return fail(ERR_USAGE, "%s: %s is %s, expected rank %d", op, what, tensor_text(t, text), rank);
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
