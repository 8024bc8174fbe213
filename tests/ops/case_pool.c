#include <criterion/criterion.h>
#include <string.h>

#include "tests/ops/case.h"
#include "tests/ops/pool_case.h"

struct pool_case {
    const char *pool;
    int variant; // 0: defaults; else variants[variant - 1], or the defaults if there is none
    struct window window;
};

#define WINDOW(...) {__VA_ARGS__}
#define SQUARE(k, s, p) {k, k, s, s, p, p, p, p, false}
#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}, .low = -3.0f, .high = 3.0f}
#define CASE(pool, title, variant, window, x)                                                      \
    {                                                                                              \
        .name = #pool " " title,                                                                   \
        .args = &(const struct pool_case){#pool, variant, window}, .in = {x}                       \
    }

#define GEOMETRIES(pool)                                                                           \
    CASE(pool, "1x1", 0, SQUARE(1, 1, 0), X(1, 1, 1, 1)),                                          \
        CASE(pool, "1x1/2", 0, SQUARE(1, 2, 0), X(2, 5, 4, 3)),                                    \
        CASE(pool, "2x2/2", 0, SQUARE(2, 2, 0), X(2, 6, 8, 17)),                                   \
        CASE(pool, "2x2/2 odd map", 0, SQUARE(2, 2, 0), X(2, 7, 9, 64)),                           \
        CASE(pool, "2x2/1", 0, SQUARE(2, 1, 0), X(1, 5, 4, 3)),                                    \
        CASE(pool, "2x2/3 gaps", 0, SQUARE(2, 3, 0), X(2, 9, 8, 3)),                               \
        CASE(pool, "3x3/2 padded", 0, SQUARE(3, 2, 1), X(2, 8, 10, 64)),                           \
        CASE(pool, "3x3/2 padded odd map", 0, SQUARE(3, 2, 1), X(2, 9, 7, 17)),                    \
        CASE(pool, "3x3/2", 0, SQUARE(3, 2, 0), X(1, 8, 9, 17)),                                   \
        CASE(pool, "3x3/1 padded", 0, SQUARE(3, 1, 1), X(1, 5, 6, 3)),                             \
        CASE(pool, "3x3/3", 0, SQUARE(3, 3, 0), X(1, 9, 7, 3)),                                    \
        CASE(pool, "5x5/2 padded", 0, SQUARE(5, 2, 2), X(1, 9, 11, 17)),                           \
        CASE(pool, "one pixel padded", 0, SQUARE(3, 2, 1), X(1, 1, 1, 3)),                         \
        CASE(pool, "2x3/2x1", 0, WINDOW(2, 3, 2, 1, 0, 1, 0, 1, false),                 \
             X(2, 6, 7, 3)),                                                                       \
        CASE(pool, "begin padding only", 0, WINDOW(2, 2, 2, 2, 1, 1, 0, 0, false),      \
             X(2, 6, 7, 3)),                                                                       \
        CASE(pool, "end padding only", 0, WINDOW(3, 3, 2, 2, 0, 0, 1, 2, false),        \
             X(2, 8, 8, 3)),                                                                       \
        CASE(pool, "ceil", 0, WINDOW(3, 3, 2, 2, 0, 0, 0, 0, true), X(2, 8, 10, 3)),    \
        CASE(pool, "ceil padded", 0, WINDOW(2, 2, 2, 2, 1, 1, 1, 1, true),              \
             X(2, 7, 8, 3)),                                                                       \
        CASE(pool, "the whole map", 0, SQUARE(0, 1, 0), X(3, 7, 9, 130)),                          \
        CASE(pool, "a large whole map", 0, SQUARE(0, 1, 0), X(2, 19, 23, 5)),                      \
        CASE(pool, "variant 1 2x2/2", 1, SQUARE(2, 2, 0), X(2, 6, 8, 17)),                         \
        CASE(pool, "variant 1 3x3/2 padded", 1, SQUARE(3, 2, 1), X(2, 8, 9, 17)),                  \
        CASE(pool, "variant 1 ceil", 1, WINDOW(3, 3, 2, 2, 1, 1, 0, 0, true),           \
             X(2, 8, 10, 3)),                                                                      \
        CASE(pool, "variant 2 3x3/2 padded", 2, SQUARE(3, 2, 1), X(2, 8, 9, 17)),                  \
        CASE(pool, "variant 3 3x3/2 padded", 3, SQUARE(3, 2, 1), X(2, 8, 9, 17)),                  \
        CASE(pool, "variant 4 3x3/2 padded", 4, SQUARE(3, 2, 1), X(2, 8, 9, 17)),

static const struct op_case cases[] = {
#define POOL(name) GEOMETRIES(name)
#include "backbone/pool/pools.def"
};

static const struct op_refusal refusals[] = {
    {"window larger than the map", &(const struct pool_case){"max", 0, SQUARE(4, 1, 0)},
     {X(1, 3, 3, 2)}, ERR_USAGE, "pool max"},
    {"padding of a whole window", &(const struct pool_case){"max", 0, SQUARE(2, 1, 2)},
     {X(1, 3, 3, 2)}, ERR_USAGE, "pool max"},
    {"not a map", &(const struct pool_case){"avg", 0, SQUARE(2, 1, 0)},
     {{.rank = 2, .shape = {3, 3}}}, ERR_USAGE, "pool"},
};

static const struct pool_test *test_of(const char *name)
{
#define POOL(pool)                                                                                 \
    if (strcmp(name, #pool) == 0) return &pool_test_##pool;
#include "backbone/pool/pools.def"
    return NULL;
}

// The operation keeps a pointer to the arguments until its backward has run.
static const void *args_of(const struct pool_case *c)
{
    static double args[POOL_ARGS_BYTES / sizeof(double)];
    const char *settings = c->variant > 0 ? test_of(c->pool)->variants[c->variant - 1] : NULL;
    pool_settings(pool_find(c->pool), settings, args);
    return args;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    const struct pool_case *c = (const struct pool_case *)args;
    struct pool_op_args own = {
        .def = pool_find(c->pool), .window = c->window, .args = args_of(c)};
    struct tensor *y;
    return pool_op(tape, in[0], 0, NULL, &own, &y);
}

// Output length by trying: windows start at -pad, -pad + stride, ...; a window counts when it fits
// into the padded map or, in ceil mode, when it starts before the padding at the end.
static int count_windows(int in, int kernel, int stride, int pad_begin, int pad_end, bool ceil_mode)
{
    int n = 0;
    for (int start = -pad_begin; start < in; start += stride) {
        bool fits = start + kernel <= in + pad_end;
        // PyTorch's ceil mode adds at most one window that does not fit.
        bool is_extra = ceil_mode && start - stride + kernel < in + pad_end;
        if (fits || is_extra) n++;
    }
    return n;
}

static int inside(int position, int length)
{
    return position >= 0 && position < length;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct pool_case *own = (const struct pool_case *)c->args;
    const int64_t *x = in[0].shape;
    int h = (int)x[1], w = (int)x[2], channels = (int)x[3];
    struct window win = own->window;
    if (win.kernel_h == 0) {
        win.kernel_h = h;
        win.kernel_w = w;
    }
    const void *args = args_of(own);
    int oh = count_windows(h, win.kernel_h, win.stride_h, win.pad_begin_h, win.pad_end_h,
                           win.ceil_mode);
    int ow = count_windows(w, win.kernel_w, win.stride_w, win.pad_begin_w, win.pad_end_w,
                           win.ceil_mode);
    const int64_t shape[] = {x[0], oh, ow, channels};
    ref_shape(&out[0], 4, shape);
    double a[1024];
    for (int64_t i = 0; i < (int64_t)ref_count(&out[0]); i++) {
        int64_t ch = i % channels, image = i / channels / ow / oh;
        int top = (int)(i / channels / ow % oh) * win.stride_h - win.pad_begin_h;
        int left = (int)(i / channels % ow) * win.stride_w - win.pad_begin_w;
        struct pool_window window = {.a = a};
        for (int r = top; r < top + win.kernel_h; r++)
            for (int q = left; q < left + win.kernel_w; q++) {
                window.n_with_padding += r < h + win.pad_end_h && q < w + win.pad_end_w;
                if (inside(r, h) && inside(q, w))
                    a[window.n++] = in[0].v[((image * h + r) * w + q) * channels + ch];
            }
        out[0].v[i] = test_of(own->pool)->reference(&window, args);
    }
}

const struct op_cases cases_pool = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 1,
    .batched_in = 1,
    .batched_out = 3,
    .run = run,
    .reference = reference,
};
