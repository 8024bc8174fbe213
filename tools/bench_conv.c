// Times the convolutions of ResNet-50, the FPN and RetinaNet's head, one by one, each way that the
// CPU backend has: GFLOP/s counted as a direct convolution, beside the best matrix product.
//     bench_conv [SIZE=800x1344] [BATCH=1] [NAME]      NAME: only layers whose name contains it
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cpu/kernels.h"
#include "cpu/onednn.h"

struct layer {
    const char *name;
    int scale; // of the input: image size / scale
    int c, o, kernel, stride;
    bool residual;
};

static const struct layer layers[] = {
    {"stem 7x7 s2 3-64", 1, 3, 64, 7, 2, false},
    {"C2 1x1 64-64", 4, 64, 64, 1, 1, false},
    {"C2 3x3 64", 4, 64, 64, 3, 1, false},
    {"C2 1x1 64-256", 4, 64, 256, 1, 1, true},
    {"C2 1x1 256-64", 4, 256, 64, 1, 1, false},
    {"C3 1x1 256-128", 4, 256, 128, 1, 1, false},
    {"C3 3x3 s2 128", 4, 128, 128, 3, 2, false},
    {"C3 1x1 s2 256-512", 4, 256, 512, 1, 2, false},
    {"C3 3x3 128", 8, 128, 128, 3, 1, false},
    {"C3 1x1 128-512", 8, 128, 512, 1, 1, true},
    {"C3 1x1 512-128", 8, 512, 128, 1, 1, false},
    {"C4 3x3 s2 256", 8, 256, 256, 3, 2, false},
    {"C4 1x1 s2 512-1024", 8, 512, 1024, 1, 2, false},
    {"C4 3x3 256", 16, 256, 256, 3, 1, false},
    {"C4 1x1 256-1024", 16, 256, 1024, 1, 1, true},
    {"C4 1x1 1024-256", 16, 1024, 256, 1, 1, false},
    {"C5 3x3 s2 512", 16, 512, 512, 3, 2, false},
    {"C5 1x1 s2 1024-2048", 16, 1024, 2048, 1, 2, false},
    {"C5 3x3 512", 32, 512, 512, 3, 1, false},
    {"C5 1x1 512-2048", 32, 512, 2048, 1, 1, true},
    {"C5 1x1 2048-512", 32, 2048, 512, 1, 1, false},
    {"P3 3x3 256", 8, 256, 256, 3, 1, false},
    {"P5 3x3 256", 32, 256, 256, 3, 1, false},
    {"P6 3x3 256", 64, 256, 256, 3, 1, false},
    {"P7 3x3 256", 128, 256, 256, 3, 1, false},
    {"P3 classes 3x3 256-720", 8, 256, 720, 3, 1, false},
    {"P3 boxes 3x3 256-36", 8, 256, 36, 3, 1, false},
};

enum { MIN_RUNS = 3 };
static const double min_seconds = 0.3;

static enum status tensor_make(struct tensor *t, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t shape[] = {a, b, c, d};
    *t = tensor_wrap(DTYPE_F32, 4, shape, NULL);
    t->data = mem_map(tensor_bytes(t));
    t->grad = mem_map(tensor_bytes(t));
    if (!t->data || !t->grad) return ERR_MEMORY;
    for (size_t i = 0; i < tensor_count(t); i++)
        ((float *)t->data)[i] = ((float *)t->grad)[i] = (float)(i * 7919 % 101) * 0.01f - 0.5f;
    return OK;
}

static void tensor_drop(struct tensor *t)
{
    mem_unmap(t->data, tensor_bytes(t));
    mem_unmap(t->grad, tensor_bytes(t));
}

// The best of several runs, the first of which packs weights and does not count.
static enum status best_time(const struct op_call *call, const struct op_backward_call *backward,
                             double *best)
{
    double start = clock_seconds();
    *best = 1e9;
    for (int i = 0; i <= MIN_RUNS || clock_seconds() - start < min_seconds; i++) {
        double begin = clock_seconds();
        TRY(backward ? cpu_conv2d_backward(backward) : cpu_conv2d_forward(call));
        double seconds = clock_seconds() - begin;
        if (i > 0 && seconds < *best) *best = seconds;
    }
    return OK;
}

static enum status bench_layer(struct backend *backend, const struct layer *l, int n, int h, int w)
{
    static const char *const names[] = {"", "oneDNN", "own"};
    int h_in = h / l->scale, w_in = w / l->scale, padding = l->kernel / 2;
    int h_out = (h_in + 2 * padding - l->kernel) / l->stride + 1;
    int w_out = (w_in + 2 * padding - l->kernel) / l->stride + 1;
    double work = 2e-9 * n * h_out * w_out * l->o * l->c * l->kernel * l->kernel;
    struct tensor x, weights, y, bias, residual;
    TRY(tensor_make(&x, n, h_in, w_in, l->c));
    TRY(tensor_make(&weights, l->o, l->kernel, l->kernel, l->c));
    TRY(tensor_make(&y, n, h_out, w_out, l->o));
    TRY(tensor_make(&bias, l->o, 1, 1, 1));
    TRY(tensor_make(&residual, n, h_out, w_out, l->o));
    weights.is_param = true;
    struct conv2d_args args = {.stride = l->stride, .padding = padding, .relu = true};
    struct conv2d_args plain = {.stride = l->stride, .padding = padding};
    struct op_call call = {.backend = backend, .args = &args, .n_in = 5, .n_out = 1,
                           .in = {&x, &weights, NULL, &bias, l->residual ? &residual : NULL},
                           .out = {&y}};
    struct op_call bare = call; // gradients without the epilogue's pass
    bare.args = &plain;
    bare.in[3] = bare.in[4] = NULL;
    struct op_backward_call dx = {.forward = &bare, .want = {true}};
    struct op_backward_call dw = {.forward = &bare, .want = {false, true}};
    printf("%-24s %7.2f", l->name, work);
    for (int path = CONV_PATH_ONEDNN; path <= CONV_PATH_OWN; path++) {
        double seconds[3];
        ((struct cpu_backend *)backend)->conv_path = (enum cpu_conv_path)path;
        TRY(best_time(&call, NULL, &seconds[0]));
        TRY(best_time(&bare, &dx, &seconds[1]));
        TRY(best_time(&bare, &dw, &seconds[2]));
        printf("  %8s %5.0f %5.0f %5.0f", names[path], work / seconds[0], work / seconds[1],
               work / seconds[2]);
    }
    printf("\n");
    tensor_drop(&x);
    tensor_drop(&weights);
    tensor_drop(&y);
    tensor_drop(&bias);
    tensor_drop(&residual);
    return OK;
}

static enum status bench_product(void)
{
    enum { SIZE = 4096, RUNS = 5 };
    size_t bytes = (size_t)SIZE * SIZE * sizeof(float);
    float *a = (float *)mem_map(bytes), *b = (float *)mem_map(bytes), *c = (float *)mem_map(bytes);
    if (!a || !b || !c) return ERR_MEMORY;
    for (size_t i = 0; i < (size_t)SIZE * SIZE; i++) a[i] = b[i] = (float)(i % 101) * 0.01f - 0.5f;
    double best = 0.0;
    for (int i = 0; i < RUNS; i++) {
        double begin = clock_seconds();
        TRY(onednn_sgemm(false, false, SIZE, SIZE, SIZE, a, b, 0.0f, c));
        double rate = 2e-9 * SIZE * SIZE * (double)SIZE / (clock_seconds() - begin);
        if (rate > best) best = rate;
    }
    printf("matrix product %d^3: %.0f GFLOP/s\n", SIZE, best);
    mem_unmap(a, bytes);
    mem_unmap(b, bytes);
    mem_unmap(c, bytes);
    return OK;
}

static enum status bench(int h, int w, int n, const char *name)
{
    struct backend *backend;
    char text[256];
    TRY(backend_create_cpu(0, &backend));
    backend->describe(backend, text, sizeof text);
    printf("%s; %dx%d, batch %d\n", text, h, w, n);
    enum status status = bench_product();
    printf("%-24s %7s  %8s %5s %5s %5s  %8s %5s %5s %5s\n", "layer", "GFLOP", "", "y", "dx", "dw",
           "", "y", "dx", "dw");
    for (size_t i = 0; status == OK && i < sizeof layers / sizeof *layers; i++)
        if (!name || strstr(layers[i].name, name))
            status = bench_layer(backend, &layers[i], n, h, w);
    backend_destroy(backend);
    return status;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long h = 800, w = 1344, n = 1;
    if (argc > 1) {
        h = strtol(argv[1], &end, 10);
        w = *end == 'x' ? strtol(end + 1, &end, 10) : 0;
    }
    if (argc > 2) n = strtol(argv[2], NULL, 10);
    if (h < 128 || w < 128 || n < 1 || h > 8192 || w > 8192 || n > 64) {
        fprintf(stderr, "usage: bench_conv [HxW [BATCH [NAME]]]\n");
        return 2;
    }
    enum status status = bench((int)h, (int)w, (int)n, argc > 3 ? argv[3] : NULL);
    if (status != OK) fprintf(stderr, "%s\n", fail_message());
    return status_exit_code(status);
}
