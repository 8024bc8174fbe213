#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/ops/harness.h"
#include "tests/ops/pool_case.h"

struct pool_case {
    const struct pool_def *def;
    const struct pool_test *test;
    const char *settings; // NULL: defaults
    struct window window;
};

struct geometry {
    const char *name;
    struct window window;
    int64_t shape[4];
};

#define SQUARE(k, s, p) {k, k, s, s, p, p, p, p, false, {0}}
static const struct geometry geometries[] = {
    {"1x1", SQUARE(1, 1, 0), {1, 1, 1, 1}},
    {"1x1/2", SQUARE(1, 2, 0), {2, 5, 4, 3}},
    {"2x2/2", SQUARE(2, 2, 0), {2, 6, 8, 17}},
    {"2x2/2 odd map", SQUARE(2, 2, 0), {2, 7, 9, 64}},
    {"2x2/2 one channel", SQUARE(2, 2, 0), {2, 6, 4, 1}},
    {"2x2/1", SQUARE(2, 1, 0), {1, 5, 4, 3}},
    {"2x2/3 gaps", SQUARE(2, 3, 0), {2, 9, 8, 3}},
    {"3x3/2 padded", SQUARE(3, 2, 1), {2, 8, 10, 64}},
    {"3x3/2 padded odd map", SQUARE(3, 2, 1), {2, 9, 7, 17}},
    {"3x3/2", SQUARE(3, 2, 0), {1, 8, 9, 17}},
    {"3x3/2 begins in padding", {3, 3, 2, 2, 2, 2, 0, 0, false, {0}}, {2, 5, 4, 8}},
    {"3x3/1 padded", SQUARE(3, 1, 1), {1, 5, 6, 3}},
    {"3x3/3", SQUARE(3, 3, 0), {1, 9, 7, 3}},
    {"5x5/1 padded", SQUARE(5, 1, 2), {1, 6, 7, 8}},
    {"5x5/2 padded", SQUARE(5, 2, 2), {1, 9, 11, 17}},
    {"9x9/3 padded", SQUARE(9, 3, 4), {1, 12, 11, 2}},
    {"one pixel padded", SQUARE(3, 2, 1), {1, 1, 1, 3}},
    {"bands", SQUARE(3, 2, 1), {1, 71, 5, 3}},
    {"2x3/2x1", {2, 3, 2, 1, 0, 1, 0, 1, false, {0}}, {2, 6, 7, 3}},
    {"begin padding only", {2, 2, 2, 2, 1, 1, 0, 0, false, {0}}, {2, 6, 7, 3}},
    {"end padding only", {3, 3, 2, 2, 0, 0, 1, 2, false, {0}}, {2, 8, 8, 3}},
    {"ceil", {3, 3, 2, 2, 0, 0, 0, 0, true, {0}}, {2, 8, 10, 3}},
    {"ceil padded", {2, 2, 2, 2, 1, 1, 1, 1, true, {0}}, {2, 7, 8, 8}},
    {"the whole map", SQUARE(0, 1, 0), {3, 7, 9, 130}},
    {"a large whole map", SQUARE(0, 1, 0), {2, 19, 23, 5}},
};
// Of each variant and of bf16.
static const struct geometry few[] = {
    {"2x2/2", SQUARE(2, 2, 0), {2, 6, 8, 17}},
    {"3x3/2 padded", SQUARE(3, 2, 1), {2, 8, 9, 17}},
    {"ceil", {3, 3, 2, 2, 1, 1, 0, 0, true, {0}}, {2, 8, 10, 8}},
    {"5x5/2 padded", SQUARE(5, 2, 2), {1, 9, 11, 3}},
};
static const struct geometry few_whole[] = {{"the whole map", SQUARE(0, 1, 0), {2, 7, 9, 18}}};

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum {
    MAX_PER_POOL = (int)(2 * COUNT(geometries) +
                         2 * POOL_MAX_VARIANTS * (COUNT(few) + COUNT(few_whole))),
    MAX_CASES = 16 * MAX_PER_POOL
};

static struct op_case cases[MAX_CASES];
static struct pool_case pool_cases[MAX_CASES];
static char names[MAX_CASES][96];
static size_t n_cases;

// The shapes of learned parameters are what the pool itself declares.
static void add_params(const struct pool_case *own, struct op_case *c)
{
    struct pool pool = {.def = own->def, .window = own->window};
    struct params *params = NULL;
    if (!own->def->declare) return;
    pool_settings(own->def, own->settings, pool.args);
    cr_assert_eq(params_create(NULL, &params), OK);
    cr_assert_eq(own->def->declare(&pool, params, "", (int)c->in[0].shape[3]), OK, "%s",
                 fail_message());
    for (int i = 0; i < pool.n_params; i++) {
        struct case_input *in = &c->in[1 + i];
        in->rank = pool.params[i]->rank;
        memcpy(in->shape, pool.params[i]->shape, sizeof in->shape);
        in->low = own->test->params[i].low;
        in->high = own->test->params[i].high;
        if (in->low == 0.0f && in->high == 0.0f) {
            in->low = 0.2f;
            in->high = 0.9f;
        }
    }
    params_destroy(params);
}

// Of variants, some do not take the whole map.
static bool is_refused(const struct pool_def *def, const char *settings, struct window window)
{
    struct pool pool = {.def = def, .window = window};
    if (!def->check) return false;
    pool_settings(def, settings, pool.args);
    return def->check(&pool) != OK;
}

static void add_case(const struct pool_def *def, const struct pool_test *test, const char *settings,
                     const struct geometry *g, enum dtype dtype)
{
    if (g->window.kernel_h == 0 && test->needs_kernel) return;
    cr_assert(n_cases < MAX_CASES);
    struct pool_case *own = &pool_cases[n_cases];
    struct op_case *c = &cases[n_cases];
    static const char training[] = "training";
    snprintf(names[n_cases], sizeof names[n_cases], "%s %s%s%s%s", def->name, g->name,
             settings ? " " : "", settings ? settings : "", dtype == DTYPE_BF16 ? " bf16" : "");
    c->training = settings && strncmp(settings, training, strlen(training)) == 0;
    if (c->training) settings += strlen(training);
    if (g->window.kernel_h == 0 && is_refused(def, settings, g->window)) return;
    *own = (struct pool_case){def, test, settings, g->window};
    c->name = names[n_cases++];
    c->args = own;
    c->whole_batch = c->training && test->draws_elements;
    c->linear = test->is_linear && dtype == DTYPE_F32 ? 1 : 0;
    c->tolerance = test->tolerance;
    c->in[0] = (struct case_input){.dtype = dtype, .rank = 4, .low = test->low, .high = test->high};
    memcpy(c->in[0].shape, g->shape, sizeof c->in[0].shape);
    if (test->low == 0.0f && test->high == 0.0f) {
        c->in[0].low = -3.0f;
        c->in[0].high = 3.0f;
    }
    add_params(own, c);
}

static void add_pool(const char *name, const struct pool_test *test)
{
    const struct pool_def *def = pool_find(name);
    for (size_t i = 0; i < COUNT(geometries); i++) {
        add_case(def, test, NULL, &geometries[i], DTYPE_F32);
        add_case(def, test, NULL, &geometries[i], DTYPE_BF16);
    }
    for (int v = 0; v < POOL_MAX_VARIANTS && test->variants[v]; v++)
        for (size_t i = 0; i < COUNT(few) + COUNT(few_whole); i++) {
            const struct geometry *g = i < COUNT(few) ? &few[i] : &few_whole[i - COUNT(few)];
            add_case(def, test, test->variants[v], g, DTYPE_F32);
            add_case(def, test, test->variants[v], g, DTYPE_BF16);
        }
}

static const struct op_refusal refusals[] = {
    {"window larger than the map", &(const struct pool_case){.window = SQUARE(4, 1, 0)},
     {{.rank = 4, .shape = {1, 3, 3, 2}}}, ERR_USAGE, "pool max"},
    {"padding of a whole window", &(const struct pool_case){.window = SQUARE(2, 1, 2)},
     {{.rank = 4, .shape = {1, 3, 3, 2}}}, ERR_USAGE, "pool max"},
    {"not a map", &(const struct pool_case){.window = SQUARE(2, 1, 0)},
     {{.rank = 2, .shape = {3, 3}}}, ERR_USAGE, "pool"},
    {"integers", &(const struct pool_case){.window = SQUARE(2, 1, 0)},
     {{.dtype = DTYPE_I32, .rank = 4, .shape = {1, 3, 3, 2}}}, ERR_USAGE, "expected f32 or bf16"},
};

// The operation keeps a pointer to the arguments until its backward has run.
static const void *args_of(const struct pool_case *c)
{
    static double args[POOL_ARGS_BYTES / sizeof(double)];
    pool_settings(c->def ? c->def : pool_find("max"), c->settings, args);
    return args;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    const struct pool_case *c = (const struct pool_case *)args;
    struct pool_op_args own = {
        .def = c->def ? c->def : pool_find("max"), .window = c->window, .args = args_of(c)};
    struct tensor *y;
    int n_params = 0;
    while (in[1 + n_params]) n_params++;
    return pool_op(tape, in[0], n_params, in + 1, &own, &y);
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

// The elements of the window at (top, left) of one channel.
static void take_elements(struct pool_window *w, double *a, int *place)
{
    const struct window *win = &w->window;
    w->n = w->n_with_padding = 0;
    for (int r = w->top; r < w->top + win->kernel_h; r++)
        for (int q = w->left; q < w->left + win->kernel_w; q++) {
            w->n_with_padding += r < w->h + win->pad_end_h && q < w->w + win->pad_end_w;
            if (r < 0 || r >= w->h || q < 0 || q >= w->w) continue;
            place[w->n] = (r - w->top) * win->kernel_w + q - w->left;
            a[w->n++] = w->map[(r * w->w + q) * w->n_channels];
        }
    w->a = a;
    w->place = place;
}

enum { MAX_ELEMENTS = 1024, MAX_VALUES = 128 };

static void take_params(struct pool_window *w, const struct ref *in, int64_t channel,
                        double values[POOL_MAX_PARAMS][MAX_VALUES])
{
    for (w->n_params = 0; in[1 + w->n_params].rank > 0; w->n_params++) {
        const struct ref *param = &in[1 + w->n_params];
        int64_t n = param->shape[0];
        cr_assert(n <= MAX_VALUES);
        for (int64_t k = 0; k < n; k++)
            values[w->n_params][k] =
                param->rank == 1 ? param->v[k] : param->v[k * param->shape[1] + channel];
        w->param[w->n_params] = values[w->n_params];
    }
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
    double a[MAX_ELEMENTS], values[POOL_MAX_PARAMS][MAX_VALUES];
    int place[MAX_ELEMENTS];
    for (int64_t i = 0; i < (int64_t)ref_count(&out[0]); i++) {
        int64_t channel = i % channels, image = i / channels / ow / oh;
        struct pool_window window = {.map = in[0].v + image * h * w * channels + channel,
                                     .h = h,
                                     .w = w,
                                     .n_channels = channels,
                                     .n_oh = oh,
                                     .n_ow = ow,
                                     .oh = (int)(i / channels / ow % oh),
                                     .ow = (int)(i / channels % ow),
                                     .window = win,
                                     .output = (uint64_t)i,
                                     .training = c->training};
        window.top = window.oh * win.stride_h - win.pad_begin_h;
        window.left = window.ow * win.stride_w - win.pad_begin_w;
        take_elements(&window, a, place);
        take_params(&window, in, channel, values);
        out[0].v[i] = own->test->reference(&window, args);
    }
}

// bf16 has few values: drawn ones would often be equal, which is a kink of many pools. Takes those
// of the range, away from 0, in an order without neighbours; elements of a channel are all
// different.
static void prepare(const struct op_case *c, int input, void *data)
{
    if (input != 0 || c->in[0].dtype != DTYPE_BF16) return;
    const int64_t *shape = c->in[0].shape;
    static uint16_t values[1 << 16];
    uint64_t n = 0;
    for (uint32_t bits = 0; bits < 1u << 16; bits++) {
        float value = bf16_value((uint16_t)bits);
        float size = value < 0.0f ? -value : value;
        if (value >= c->in[0].low && value < c->in[0].high && size > 0.05f)
            values[n++] = (uint16_t)bits;
    }
    uint64_t area = (uint64_t)(shape[1] * shape[2]), channels = (uint64_t)shape[3];
    cr_assert(area <= n);
    while (n % 769 == 0) n--; // a prime: multiples of it reach every value before one returns
    for (uint64_t i = 0; i < area * channels * (uint64_t)shape[0]; i++) {
        uint64_t channel = i % channels, element = i / channels;
        ((uint16_t *)data)[i] = values[(element * 769 + channel * 37) % n];
    }
}

// The table follows from the list of pools.
static size_t make(const struct op_case **list)
{
    n_cases = 0;
    memset(cases, 0, sizeof cases);
#define POOL(name) add_pool(#name, &pool_test_##name);
#include "backbone/pool/pools.def"
    *list = cases;
    return n_cases;
}

const struct op_cases cases_pool = {
    .make = make,
    REFUSALS(refusals),
    .differentiable = 0x3FF,
    .batched_in = 1,
    .batched_out = 3,
    .run = run,
    .reference = reference,
    .prepare = prepare,
};
