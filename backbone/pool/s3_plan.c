#include "backbone/pool/s3.h"

static const struct s3_args *args_of(const struct op_call *call)
{
    return (const struct s3_args *)((const struct pool_op_args *)call->args)->args;
}

static int samples_of(const struct op_call *call)
{
    const struct s3_args *args = args_of(call);
    return !call->training && args->eval == S3_SAMPLE ? (int)args->samples : 1;
}

// Of an axis of the map.
static int grid_of(const struct s3_args *args, int64_t length, int stride)
{
    if (args->strips == 0) return (int)args->grid;
    int64_t n = (length + args->strips - 1) / args->strips;
    return (int)((n + stride - 1) / stride * stride);
}

// Weights that an output row may have.
static size_t most_taps(const struct op_call *call)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    const int64_t *x = call->in[0]->shape;
    size_t n = (size_t)grid_of(args_of(call), x[1], op->window.stride_h);
    size_t n_w = (size_t)grid_of(args_of(call), x[2], op->window.stride_w);
    if (n < n_w) n = n_w;
    if (n < (size_t)op->window.kernel_h) n = (size_t)op->window.kernel_h;
    return n < (size_t)op->window.kernel_w ? (size_t)op->window.kernel_w : n;
}

static size_t n_rows_and_cols(const struct op_call *call)
{
    const int64_t *y = call->out[0]->shape;
    return (size_t)(y[1] + y[2]) * (size_t)samples_of(call);
}

size_t s3_plan_bytes(const struct op_call *call)
{
    return n_rows_and_cols(call) * (sizeof(struct s3_taps) + most_taps(call) * sizeof(float));
}

// One axis of one sample.
struct axis {
    int in, out, kernel, stride, grid;
    float share; // of one draw
    struct s3_taps *taps;
    float *weights; // (out, most)
    size_t most;
};

static float *set_taps(const struct axis *axis, int i, int first, int n)
{
    float *weight = axis->weights + (size_t)i * axis->most;
    axis->taps[i] = (struct s3_taps){first, n, weight};
    return weight;
}

static void average(const struct axis *axis)
{
    for (int i = 0; i < axis->out; i++) {
        int first = i * axis->stride - axis->kernel / 2, last = first + axis->kernel;
        if (first < 0) first = 0;
        if (first > axis->in - 1) first = axis->in - 1;
        if (last > axis->in) last = axis->in;
        if (last <= first) last = first + 1;
        float *weight = set_taps(axis, i, first, last - first);
        for (int t = 0; t < last - first; t++) weight[t] = 1.0f / (float)(last - first);
    }
}

// Selection sampling: every set of `draws` of the strip's `length` rows is equally likely, and they
// come in order.
static void draw_strip(const struct axis *axis, int out, int begin, int length, int draws,
                       struct rng *rng)
{
    for (int t = 0; t < length && draws > 0; t++) {
        if (rng_below(rng, (uint32_t)(length - t)) >= (uint32_t)draws) continue;
        set_taps(axis, out++, begin + t, 1)[0] = axis->share;
        draws--;
    }
}

// P(t is the j-th drawn) is proportional to C(t, j) C(length - 1 - t, draws - 1 - j).
static void expect_strip(const struct axis *axis, int out, int begin, int length, int draws)
{
    for (int j = 0; j < draws; j++) {
        int n = length - draws + 1, behind = draws - 1 - j;
        float *weight = set_taps(axis, out + j, begin + j, n);
        double sum = 0.0, p = 1.0;
        for (int pass = 0; pass < 2; pass++) { // the sum, then the weights
            p = 1.0;
            for (int i = 0; i < n; i++) {
                int t = j + i;
                if (pass == 0)
                    sum += p;
                else
                    weight[i] = (float)(p / sum);
                if (i + 1 < n)
                    p *= (double)(t + 1) / (t + 1 - j) * (length - 1 - t - behind) /
                         (length - 1 - t);
            }
        }
    }
}

static void choose(const struct axis *axis, bool is_drawn, struct rng *rng)
{
    int done = 0;
    for (int begin = 0; begin < axis->in && done < axis->out; begin += axis->grid) {
        bool is_last = begin + axis->grid >= axis->in;
        int length = is_last ? axis->in - begin : axis->grid;
        int draws = is_last ? axis->out - done : axis->grid / axis->stride;
        if (draws > axis->out - done) draws = axis->out - done;
        if (is_drawn)
            draw_strip(axis, done, begin, length, draws, rng);
        else
            expect_strip(axis, done, begin, length, draws);
        done += draws;
    }
}

// Whether every strip has the rows that it must give.
static bool has_rows(int in, int out, int grid, int stride)
{
    int whole = (in - 1) / grid, drawn = whole * (grid / stride);
    return out - drawn <= in - whole * grid;
}

static void plan_axis(const struct op_call *call, struct axis *axis, int n_samples, struct rng *rng)
{
    const struct s3_args *args = args_of(call);
    for (int sample = 0; sample < n_samples; sample++) {
        if (!call->training && args->eval == S3_AVG)
            average(axis);
        else
            choose(axis, call->training || args->eval == S3_SAMPLE, rng);
        axis->taps += axis->out;
        axis->weights += (size_t)axis->out * axis->most;
    }
}

enum status s3_plan_make(const struct op_call *call, void *memory, struct s3_plan *plan)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    const struct s3_args *args = args_of(call);
    const struct window *w = &op->window;
    const int64_t *x = call->in[0]->shape, *y = call->out[0]->shape;
    struct pool_random random = pool_random_of(call, args->seed);
    struct axis rows = {(int)x[1],
                        (int)y[1],
                        w->kernel_h,
                        w->stride_h,
                        grid_of(args, x[1], w->stride_h),
                        1.0f / (float)samples_of(call),
                        (struct s3_taps *)memory,
                        NULL,
                        most_taps(call)};
    struct axis cols = rows;
    struct rng rng;
    rng_start(&rng, random.seed, random.stream, random.step);
    plan->n_samples = samples_of(call);
    plan->kernel_h = args->pre_max ? w->kernel_h : 1;
    plan->kernel_w = args->pre_max ? w->kernel_w : 1;
    rows.weights = (float *)(void *)(rows.taps + n_rows_and_cols(call));
    cols.share = 1.0f;
    cols.in = (int)x[2];
    cols.out = (int)y[2];
    cols.kernel = w->kernel_w;
    cols.stride = w->stride_w;
    cols.grid = grid_of(args, x[2], w->stride_w);
    cols.taps = rows.taps + (size_t)plan->n_samples * (size_t)rows.out;
    cols.weights = rows.weights + (size_t)plan->n_samples * (size_t)rows.out * rows.most;
    if (!has_rows(rows.in, rows.out, rows.grid, rows.stride) ||
        !has_rows(cols.in, cols.out, cols.grid, cols.stride))
        return fail(ERR_USAGE,
                    "pool s3: %dx%d rows and columns cannot be drawn from %dx%d in "
                    "strips of %d with stride %d",
                    rows.out, cols.out, rows.in, cols.in, rows.grid, rows.stride);
    plan->rows = rows.taps;
    plan->cols = cols.taps;
    plan_axis(call, &rows, plan->n_samples, &rng);
    plan_axis(call, &cols, plan->n_samples, &rng);
    return OK;
}
