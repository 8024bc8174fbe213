#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "nn/ops_map.h"

enum { N = 12 };

// Rounds x to bf16 and back; dx is the gradient of the sum of y dy.
static void there_and_back(const float x[N], const float dy[N], float y[N], float dx[N])
{
    struct backend *backend = NULL;
    struct tape *tape = NULL;
    struct tensor *in, *half, *out;
    const int64_t shape[] = {N};
    cr_assert_eq(backend_create_cpu(0, &backend), OK, "%s", fail_message());
    cr_assert_eq(tape_create(backend, &tape), OK);
    tape->recording = true;
    cr_assert_eq(tape_upload(tape, DTYPE_F32, 1, shape, x, &in), OK);
    in->needs_grad = true;
    cr_assert_eq(cast(tape, in, &(const struct cast_args){DTYPE_BF16}, &half), OK);
    cr_expect_eq(half->dtype, DTYPE_BF16);
    cr_assert_eq(cast(tape, half, &(const struct cast_args){DTYPE_F32}, &out), OK);
    memcpy(y, out->data, N * sizeof *y);
    cr_assert_eq(tape_upload(tape, DTYPE_F32, 1, shape, dy, &in), OK);
    struct tensor *gradient = in;
    cr_assert_eq(tape_backward_from(tape, out, gradient), OK);
    memcpy(dx, tape->nodes[0]->call.in[0]->grad, N * sizeof *dx);
    tape_destroy(tape);
    backend_destroy(backend);
}

Test(cast, rounds_to_the_nearest_bf16)
{
    // 1 + 2^-8 lies between 1 and 1 + 2^-7: the tie goes to the even one, 1.
    const float x[N] = {0.0f,  -0.0f,      1.0f,     1.00390625f, 1.01171875f, 1.0040f,
                        -2.5f, 3.4028e38f, INFINITY, -INFINITY,   1e-40f,      0.1f};
    const float wanted[N] = {0.0f,  -0.0f,    1.0f,     1.0f,      1.015625f, 1.0078125f,
                             -2.5f, INFINITY, INFINITY, -INFINITY, 0x1p-133f, 0.10009765625f};
    const float dy[N] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    float y[N], dx[N];
    there_and_back(x, dy, y, dx);
    for (int i = 0; i < N; i++) {
        cr_expect_eq(y[i], wanted[i], "%g becomes %.9g, not %.9g", (double)x[i], (double)y[i],
                     (double)wanted[i]);
        cr_expect_eq(signbit(y[i]) != 0, signbit(x[i]) != 0);
    }
    cr_expect_arr_eq(dx, dy, sizeof dx, "gradients pass through");
}

Test(cast, nan_stays_nan)
{
    float x[N], y[N], dx[N];
    const uint32_t low_payload = 0x7F800001u; // would round to infinity
    for (int i = 0; i < N; i++) x[i] = NAN;
    memcpy(&x[3], &low_payload, sizeof low_payload);
    there_and_back(x, x, y, dx);
    for (int i = 0; i < N; i++) cr_expect(isnan(y[i]), "element %d", i);
}
