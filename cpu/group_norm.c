#include <math.h>

#include "cpu/kernels.h"
#include "cpu/norm_rows.h"

enum { IN_X, IN_GAMMA, IN_BETA, IN_RESIDUAL };
enum { OUT_Y, OUT_MEAN, OUT_RSTD };

static const float *floats(const struct tensor *t)
{
    return t ? (const float *)t->data : NULL;
}

struct shape {
    size_t n, n_rows, n_channels, groups, width; // width: channels of a group
};

static struct shape shape_of(const struct op_call *call)
{
    const struct group_norm_args *args = (const struct group_norm_args *)call->args;
    const int64_t *x = call->in[IN_X]->shape;
    struct shape s = {(size_t)x[0], (size_t)(x[1] * x[2]), (size_t)x[3], (size_t)args->groups, 0};
    s.width = s.n_channels / s.groups;
    return s;
}

// Vectors of one value a channel, and what the passes need.
struct work {
    double *u, *v;
    float *mean, *a, *b, *c;
    void *rows;
};

static enum status work_get(const struct op_call *call, const struct shape *s, struct work *work)
{
    size_t doubles = scratch_round(s->n_channels * sizeof(double));
    size_t singles = scratch_round(s->n_channels * sizeof(float));
    void *memory;
    TRY(call->backend->scratch(
        call->backend, 2 * doubles + 4 * singles + norm_rows_scratch(s->n_rows, s->n_channels),
        &memory));
    char *scratch = (char *)memory;
    work->u = (double *)scratch_cut(&scratch, doubles);
    work->v = (double *)scratch_cut(&scratch, doubles);
    work->mean = (float *)scratch_cut(&scratch, singles);
    work->a = (float *)scratch_cut(&scratch, singles);
    work->b = (float *)scratch_cut(&scratch, singles);
    work->c = (float *)scratch_cut(&scratch, singles);
    work->rows = scratch;
    return OK;
}

// From the channels' means (u) and squared deviations (v) to those of the groups.
static void join_groups(const struct shape *s, const struct work *work, double eps, float *mean,
                        float *rstd)
{
    for (size_t g = 0; g < s->groups; g++) {
        const double *u = work->u + g * s->width, *v = work->v + g * s->width;
        double group_mean = 0.0, m2 = 0.0;
        for (size_t j = 0; j < s->width; j++) group_mean += u[j];
        group_mean /= (double)s->width;
        for (size_t j = 0; j < s->width; j++) {
            double delta = u[j] - group_mean;
            m2 += v[j] + delta * delta * (double)s->n_rows;
        }
        mean[g] = (float)group_mean;
        rstd[g] = (float)(1.0 / sqrt(m2 / (double)(s->n_rows * s->width) + eps));
    }
}

enum status cpu_group_norm_forward(const struct op_call *call)
{
    const struct group_norm_args *args = (const struct group_norm_args *)call->args;
    struct shape s = shape_of(call);
    if (s.n_rows == 0) return OK;
    struct work work;
    TRY(work_get(call, &s, &work));
    const float *gamma = floats(call->in[IN_GAMMA]), *residual = floats(call->in[IN_RESIDUAL]);
    for (size_t image = 0; image < s.n; image++) {
        size_t at = image * s.n_rows * s.n_channels;
        const float *x = floats(call->in[IN_X]) + at;
        float *mean = (float *)call->out[OUT_MEAN]->data + image * s.groups;
        float *rstd = (float *)call->out[OUT_RSTD]->data + image * s.groups;
        norm_moments(x, s.n_rows, s.n_channels, work.u, work.v, work.rows);
        join_groups(&s, &work, (double)args->eps, mean, rstd);
        for (size_t j = 0; j < s.n_channels; j++) {
            work.mean[j] = mean[j / s.width];
            work.a[j] = gamma[j] * rstd[j / s.width];
        }
        struct norm_apply apply = {.n_rows = s.n_rows,
                                   .n_channels = s.n_channels,
                                   .x = x,
                                   .residual = residual ? residual + at : NULL,
                                   .mean = work.mean,
                                   .a = work.a,
                                   .b = floats(call->in[IN_BETA]),
                                   .y = (float *)call->out[OUT_Y]->data + at,
                                   .relu = args->relu};
        norm_apply_run(&apply);
    }
    return OK;
}

// Adds one image's contribution; only the first of all overwrites.
static void accumulate(const struct op_backward_call *backward, int input, size_t image, size_t j,
                       double value)
{
    if (!backward->want[input]) return;
    float *grad = (float *)backward->forward->in[input]->grad;
    bool adds = image > 0 || backward->beta[input] != 0.0f;
    grad[j] = adds ? (float)((double)grad[j] + value) : (float)value;
}

// The factors of dx from the sums of dy (u) and dy * (x - mean) (v).
static void dx_factors(const struct shape *s, const struct work *work, const float *gamma,
                       const float *rstd)
{
    double n = (double)(s->n_rows * s->width);
    for (size_t g = 0; g < s->groups; g++) {
        double sum = 0.0, sum_x = 0.0, scale = (double)rstd[g];
        for (size_t j = g * s->width; j < (g + 1) * s->width; j++) {
            sum += (double)gamma[j] * work->u[j];
            sum_x += (double)gamma[j] * work->v[j];
        }
        for (size_t j = g * s->width; j < (g + 1) * s->width; j++) {
            work->a[j] = (float)((double)gamma[j] * scale);
            work->b[j] = (float)(-scale * sum / n);
            work->c[j] = (float)(-scale * scale * scale * sum_x / n);
        }
    }
}

static void backward_image(const struct op_backward_call *backward, const struct shape *s,
                           const struct work *work, size_t image)
{
    const struct op_call *call = backward->forward;
    const struct group_norm_args *args = (const struct group_norm_args *)call->args;
    struct tensor *x = call->in[IN_X], *residual = call->in[IN_RESIDUAL];
    const struct tensor *y = call->out[OUT_Y];
    size_t at = image * s->n_rows * s->n_channels;
    const float *mean = floats(call->out[OUT_MEAN]) + image * s->groups;
    const float *rstd = floats(call->out[OUT_RSTD]) + image * s->groups;
    // x as its own residual: dx comes first, as the tape's beta says.
    bool residual_last = residual == x;
    for (size_t j = 0; j < s->n_channels; j++) work->mean[j] = mean[j / s->width];
    struct norm_sums sums = {.n_rows = s->n_rows,
                             .n_channels = s->n_channels,
                             .dy = (float *)y->grad + at,
                             .x = floats(x) + at,
                             .y = args->relu ? floats(y) + at : NULL,
                             .mean = work->mean,
                             .sum = work->u,
                             .sum_x = work->v};
    if (backward->want[IN_RESIDUAL] && !residual_last) {
        sums.dresidual = (float *)residual->grad + at;
        sums.beta = backward->beta[IN_RESIDUAL];
    }
    norm_sums_run(&sums, work->rows);
    for (size_t j = 0; j < s->n_channels; j++) {
        accumulate(backward, IN_GAMMA, image, j, work->v[j] * (double)rstd[j / s->width]);
        accumulate(backward, IN_BETA, image, j, work->u[j]);
    }
    if (!backward->want[IN_X]) return;
    dx_factors(s, work, floats(call->in[IN_GAMMA]), rstd);
    for (size_t j = 0; residual_last && j < s->n_channels; j++) work->a[j] += 1.0f;
    struct norm_dx dx = {.n_rows = s->n_rows,
                         .n_channels = s->n_channels,
                         .x = floats(x) + at,
                         .dy = (const float *)y->grad + at,
                         .mean = work->mean,
                         .p = work->a,
                         .q = work->b,
                         .r = work->c,
                         .dx = (float *)x->grad + at,
                         .beta = backward->beta[IN_X]};
    norm_dx_run(&dx);
}

enum status cpu_group_norm_backward(const struct op_backward_call *backward)
{
    struct shape s = shape_of(backward->forward);
    struct work work;
    TRY(work_get(backward->forward, &s, &work));
    for (size_t image = 0; image < s.n; image++) backward_image(backward, &s, &work, image);
    return OK;
}
