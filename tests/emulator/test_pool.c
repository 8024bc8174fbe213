// SoftPool over one and three axes, which no table of cases has: the emulated kernels against the
// CPU's.
#include <criterion/criterion.h>

#include "backbone/pool/soft_nd.h"
#include "base/mem.h"
#include "cuda/backend.h"
#include "tests/ops/harness.h"

enum { DEPTH = 5, N = 2 };
static const int64_t video[4] = {N * DEPTH, 7, 6, 5}, sequence[3] = {N, 23, 5};

struct results {
    float *y, *dx;
    size_t n_y, n_x;
};

static void run(struct backend *backend, bool is_video, const struct soft_nd_options *options,
                struct results *results)
{
    const int kernel[3] = {3, 2, 3}, stride[3] = {2, 2, 1}, padding[3] = {1, 0, 1};
    struct tape *tape;
    struct tensor *x, *y, *dy;
    results->n_x = is_video ? (size_t)(video[0] * video[1] * video[2] * video[3])
                            : (size_t)(sequence[0] * sequence[1] * sequence[2]);
    float *values = draw_floats(results->n_x, 3, "soft_nd");
    cr_assert_eq(tape_create(backend, &tape), OK);
    tape->recording = true;
    cr_assert_eq(tape_upload(tape, DTYPE_F32, is_video ? 4 : 3, is_video ? video : sequence, values,
                             &x), OK);
    x->needs_grad = true;
    cr_assert_eq(is_video
                     ? soft_pool_3d(tape, x, DEPTH, kernel, stride, padding, options, &y)
                     : soft_pool_1d(tape, x, 3, 2, 1, options, &y), OK, "%s", fail_message());
    results->n_y = tensor_count(y);
    results->y = (float *)mem_alloc(results->n_y, sizeof(float));
    results->dx = (float *)mem_alloc(results->n_x, sizeof(float));
    cr_assert_eq(backend->download(backend, results->y, y->data, results->n_y * sizeof(float)), OK);
    // Any gradient will do: as many of the drawn values as there are results.
    cr_assert_eq(tape_upload(tape, DTYPE_F32, y->rank, y->shape, values, &dy), OK);
    struct op_backward_call backward = {.forward = &tape->nodes[0]->call, .want = {true}};
    struct tensor *dx;
    cr_assert_eq(tape_tensor(tape, DTYPE_F32, x->rank, x->shape, &dx), OK);
    y->grad = dy->data;
    x->grad = dx->data;
    cr_assert_eq(backend->kernels[OP_pool].backward(&backward), OK, "%s", fail_message());
    backward.beta[0] = 1.0f; // and once more, added
    cr_assert_eq(backend->kernels[OP_pool].backward(&backward), OK, "%s", fail_message());
    cr_assert_eq(backend->download(backend, results->dx, dx->data, results->n_x * sizeof(float)),
                 OK);
    x->grad = y->grad = NULL;
    tape_destroy(tape);
    mem_free(values);
}

static void compare(const float *got, const float *wanted, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        cr_assert_float_eq(got[i], wanted[i], 1e-5f, "%s %zu is %.9g, not %.9g", what, i,
                           (double)got[i], (double)wanted[i]);
}

Test(emulator_pool, soft_over_one_and_three_axes)
{
    struct backend *cpu, *cuda;
    cr_assert_eq(backend_create_cpu(0, &cpu), OK);
    cr_assert_eq(backend_create_cuda(0, &cuda), OK);
    for (int i = 0; i < 4; i++) {
        struct soft_nd_options options = {.beta = i < 2 ? 1.0 : 2.5, .is_detached = i % 2 == 1};
        for (int is_video = 0; is_video < 2; is_video++) {
            struct results wanted, got;
            run(cpu, is_video, &options, &wanted);
            run(cuda, is_video, &options, &got);
            compare(got.y, wanted.y, wanted.n_y, "y");
            compare(got.dx, wanted.dx, wanted.n_x, "dx");
            mem_free(wanted.y);
            mem_free(wanted.dx);
            mem_free(got.y);
            mem_free(got.dx);
        }
    }
    backend_destroy(cpu);
    backend_destroy(cuda);
}
