// What the table of cases does not see: weights kept between calls, precision at full depth,
// failing allocations.
#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"
#include "cpu/kernels.h"
#include "tests/ops/harness.h"

enum { N = 1, H = 20, W = 24, C_IN = 32, C_OUT = 64 };

struct call {
    struct backend *backend;
    struct conv2d_args args;
    struct tensor x, w, y;
    struct op_call forward;
};

static struct tensor make(int64_t a, int64_t b, int64_t c, int64_t d, const char *key)
{
    const int64_t shape[] = {a, b, c, d};
    struct tensor t = tensor_wrap(DTYPE_F32, 4, shape, NULL);
    t.data = draw_floats(tensor_count(&t), 1, key);
    t.grad = draw_floats(tensor_count(&t), 2, key);
    return t;
}

static void call_create(struct call *call, int channels, int kernel)
{
    cr_assert_eq(backend_create_cpu(0, &call->backend), OK, "%s", fail_message());
    call->args = (struct conv2d_args){.stride = 1, .padding = kernel / 2};
    call->x = make(N, H, W, channels, "x");
    call->w = make(C_OUT, kernel, kernel, channels, "w");
    call->y = make(N, H, W, C_OUT, "y");
    call->forward = (struct op_call){.backend = call->backend, .args = &call->args, .n_in = 5,
                                     .n_out = 1, .in = {&call->x, &call->w}, .out = {&call->y}};
}

static void call_free(struct call *call)
{
    struct tensor *tensors[] = {&call->x, &call->w, &call->y};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        mem_free(tensors[i]->data);
        mem_free(tensors[i]->grad);
    }
    backend_destroy(call->backend);
}

static float first_output(struct call *call)
{
    cr_assert_eq(cpu_conv2d_forward(&call->forward), OK, "%s", fail_message());
    return *(const float *)call->y.data;
}

static void double_weights(struct call *call)
{
    for (size_t i = 0; i < tensor_count(&call->w); i++) ((float *)call->w.data)[i] *= 2.0f;
}

static void check_keeping(enum cpu_conv_path path, int kernel)
{
    struct call call;
    call_create(&call, C_IN, kernel);
    ((struct cpu_backend *)call.backend)->conv_path = path;
    // A passing tensor's weights may change from call to call.
    float before = first_output(&call);
    double_weights(&call);
    float doubled = first_output(&call);
    cr_expect_float_eq(doubled, 2.0f * before, 1e-4f);
    // A parameter's are packed once, until the backend hears of a change.
    call.w.is_param = true;
    cr_expect_eq(first_output(&call), doubled);
    double_weights(&call);
    cr_expect_eq(first_output(&call), doubled);
    call.backend->params_changed(call.backend);
    cr_expect_float_eq(first_output(&call), 2.0f * doubled, 1e-4f);
    call_free(&call);
}

Test(conv2d, weights_are_packed_until_they_change)
{
    check_keeping(CONV_PATH_ONEDNN, 1);
    check_keeping(CONV_PATH_ONEDNN, 3);
    check_keeping(CONV_PATH_OWN, 1);
    check_keeping(CONV_PATH_OWN, 3);
}

// Root mean square of got - wanted, relative to that of wanted.
static double relative_error(const float *got, const double *wanted, size_t n)
{
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)got[i] - wanted[i]) * ((double)got[i] - wanted[i]);
        size += wanted[i] * wanted[i];
    }
    return sqrt(difference / size);
}

// y, dx and dw of a 3x3 convolution in double.
static void convolve(const struct call *call, double *y, double *dx, double *dw)
{
    const float *x = (const float *)call->x.data, *w = (const float *)call->w.data;
    const float *dy = (const float *)call->y.grad;
    int64_t channels = call->x.shape[3];
    for (int64_t at = 0; at < H * W * C_OUT; at++) {
        int64_t o = at % C_OUT, column = at / C_OUT % W, row = at / C_OUT / W;
        for (int64_t tap = 0; tap < 9; tap++) {
            int64_t from_y = row + tap / 3 - 1, from_x = column + tap % 3 - 1;
            if (from_y < 0 || from_x < 0 || from_y >= H || from_x >= W) continue;
            for (int64_t i = 0; i < channels; i++) {
                int64_t at_x = (from_y * W + from_x) * channels + i;
                int64_t at_w = (o * 9 + tap) * channels + i;
                y[at] += (double)x[at_x] * (double)w[at_w];
                dx[at_x] += (double)dy[at] * (double)w[at_w];
                dw[at_w] += (double)dy[at] * (double)x[at_x];
            }
        }
    }
}

static void check_precision(enum cpu_conv_path path, double limit)
{
    struct call call;
    call_create(&call, 256, 3);
    ((struct cpu_backend *)call.backend)->conv_path = path;
    double *y = (double *)mem_alloc(tensor_count(&call.y), sizeof *y);
    double *dx = (double *)mem_alloc(tensor_count(&call.x), sizeof *dx);
    double *dw = (double *)mem_alloc(tensor_count(&call.w), sizeof *dw);
    convolve(&call, y, dx, dw);
    struct op_backward_call backward = {.forward = &call.forward, .want = {true, true}};
    cr_assert_eq(cpu_conv2d_forward(&call.forward), OK);
    cr_assert_eq(cpu_conv2d_backward(&backward), OK);
    double error = relative_error((const float *)call.y.data, y, tensor_count(&call.y));
    cr_expect(error < limit, "y: %g", error);
    error = relative_error((const float *)call.x.grad, dx, tensor_count(&call.x));
    cr_expect(error < limit, "dx: %g", error);
    error = relative_error((const float *)call.w.grad, dw, tensor_count(&call.w));
    cr_expect(error < limit, "dw: %g", error);
    mem_free(y);
    mem_free(dx);
    mem_free(dw);
    call_free(&call);
}

Test(conv2d, every_way_is_precise)
{
    check_precision(CONV_PATH_ONEDNN, 1.5e-6);
    check_precision(CONV_PATH_OWN, 2.5e-6); // Winograd
    check_precision(CONV_PATH_GEMM, 1.5e-6);
}

static enum status create_and_run(enum cpu_conv_path path, struct call *call)
{
    enum status status = backend_create_cpu(0, &call->backend);
    if (status != OK) return status;
    ((struct cpu_backend *)call->backend)->conv_path = path;
    struct op_backward_call backward = {.forward = &call->forward, .want = {true, true}};
    call->forward.backend = call->backend;
    status = cpu_conv2d_forward(&call->forward);
    if (status == OK) status = cpu_conv2d_backward(&backward);
    backend_destroy(call->backend);
    return status;
}

Test(conv2d, failed_allocations_are_errors)
{
    for (int path = CONV_PATH_ONEDNN; path <= CONV_PATH_GEMM; path++) {
        struct call call;
        enum status status = ERR_MEMORY;
        size_t n = 1;
        call_create(&call, C_IN, 3);
        backend_destroy(call.backend);
        call.w.is_param = true;
        for (; status != OK && n < 100; n++) {
            mem_fail_at(n, false);
            status = create_and_run((enum cpu_conv_path)path, &call);
            mem_fail_at(0, false);
            if (status != OK) cr_assert_eq(status, ERR_MEMORY, "%s", fail_message());
        }
        cr_expect(status == OK && n > 4, "path %d: %zu allocations", path, n);
        call.backend = NULL;
        call_free(&call);
    }
}
