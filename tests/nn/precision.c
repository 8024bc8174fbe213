// Which operations take bf16 activations, what type comes out, and what type gradients have.
#include <criterion/criterion.h>
#include <string.h>

#include "host_backend.h"
#include "nn/ops.h"
#include "nn/ops_map.h"
#include "nn/ops_rcnn.h"
#include "nn/tape.h"

static struct tape *tape;

static void open_dry(void)
{
    cr_assert_eq(tape_create(NULL, &tape), OK);
}

static void close_tape(void)
{
    tape_destroy(tape);
    host_backend()->bf16 = false;
}

TestSuite(precision, .init = open_dry, .fini = close_tape);

static struct tensor *make(enum dtype dtype, int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t shape[4] = {a, b, c, d};
    struct tensor *t = NULL;
    cr_assert_eq(tape_tensor(tape, dtype, rank, shape, &t), OK, "%s", fail_message());
    return t;
}

static enum status convolve(enum dtype x, enum dtype residual, bool f32_output, struct tensor **y)
{
    struct conv2d_args args = {.stride = 1, .f32_output = f32_output};
    return conv2d(tape, make(x, 4, 1, 4, 4, 3), make(DTYPE_F32, 4, 2, 1, 1, 3), NULL, NULL,
                  make(residual, 4, 1, 4, 4, 2), &args, y);
}

Test(precision, output_has_type_of_input)
{
    struct tensor *x = make(DTYPE_BF16, 4, 2, 4, 4, 8), *top = make(DTYPE_BF16, 4, 2, 2, 2, 8);
    struct tensor *gamma = make(DTYPE_F32, 1, 8, 1, 1, 1), *y = NULL;
    struct batch_norm_args bn = {.eps = 1};
    struct group_norm_args gn = {.groups = 2, .eps = 1};
    cr_assert_eq(relu(tape, x, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_BF16);
    cr_assert_eq(upsample_add(tape, top, x, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_BF16);
    cr_assert_eq(batch_norm(tape, x, gamma, gamma, gamma, gamma, NULL, &bn, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_BF16);
    cr_assert_eq(group_norm(tape, x, gamma, gamma, NULL, &gn, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_BF16);
    struct conv_transpose_args transpose = {.relu = true};
    cr_assert_eq(conv_transpose(tape, x, make(DTYPE_F32, 4, 2, 2, 5, 8), NULL, &transpose, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_BF16);
    struct linear_args linear_bf16 = {.relu = true}, linear_f32 = {.f32_output = true};
    cr_assert_eq(linear(tape, x, make(DTYPE_F32, 2, 5, 128, 1, 1), NULL, &linear_bf16, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_BF16);
    cr_assert_eq(linear(tape, x, make(DTYPE_F32, 2, 5, 128, 1, 1), NULL, &linear_f32, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_F32);
}

Test(precision, convolution)
{
    struct tensor *y = NULL;
    cr_assert_eq(convolve(DTYPE_BF16, DTYPE_BF16, false, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_BF16);
    cr_assert_eq(convolve(DTYPE_BF16, DTYPE_F32, true, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_F32);
    cr_assert_eq(convolve(DTYPE_F32, DTYPE_F32, false, &y), OK);
    cr_assert_eq(y->dtype, DTYPE_F32);
    cr_assert_eq(convolve(DTYPE_BF16, DTYPE_F32, false, &y), ERR_USAGE);
    cr_assert_eq(convolve(DTYPE_F32, DTYPE_BF16, false, &y), ERR_USAGE);
    cr_assert_eq(convolve(DTYPE_I32, DTYPE_F32, false, &y), ERR_USAGE);
}

Test(precision, two_types_do_not_mix)
{
    struct tensor *y = NULL, *x = make(DTYPE_F32, 4, 2, 4, 4, 8);
    cr_assert_eq(upsample_add(tape, make(DTYPE_BF16, 4, 2, 2, 2, 8), x, &y), ERR_USAGE);
}

// Losses and what selects by value are f32.
Test(precision, losses_refuse_bf16)
{
    struct tensor *loss = NULL, *count = make(DTYPE_I32, 1, 1, 1, 1, 1);
    const struct softmax_loss_args args = {0};
    cr_assert_eq(softmax_loss(tape, make(DTYPE_BF16, 2, 4, 3, 1, 1), make(DTYPE_I32, 1, 4, 1, 1, 1),
                              count, &args, &loss), ERR_USAGE);
    cr_assert(strstr(fail_message(), "expected f32"), "%s", fail_message());
}

Test(precision, backend_without_bf16_refuses)
{
    tape_destroy(tape);
    cr_assert_eq(tape_create(host_backend(), &tape), OK);
    struct tensor *y = NULL, *x = make(DTYPE_BF16, 4, 2, 4, 4, 8);
    cr_assert_eq(relu(tape, x, &y), ERR_UNSUPPORTED);
    cr_assert(strstr(fail_message(), "the host backend computes in f32"), "%s", fail_message());
    cr_assert_eq(x->grad_dtype, DTYPE_F32);
}

Test(precision, gradients_have_the_backends_type)
{
    tape_destroy(tape);
    host_backend()->bf16 = true;
    cr_assert_eq(tape_create(host_backend(), &tape), OK);
    cr_assert_eq(make(DTYPE_BF16, 4, 2, 4, 4, 8)->grad_dtype, DTYPE_BF16);
    cr_assert_eq(make(DTYPE_F32, 4, 2, 4, 4, 8)->grad_dtype, DTYPE_F32);
}
