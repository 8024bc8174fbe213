#include <math.h>

#include "cpu/kernels.h"
#include "cpu/norm_rows.h"

enum { IN_X, IN_GAMMA, IN_BETA, IN_MEAN, IN_VAR, IN_RESIDUAL };
enum { OUT_Y, OUT_MEAN, OUT_RSTD };

static const float *floats(const struct tensor *t)
{
    return t ? (const float *)t->data : NULL;
}

// Statistics of the batch into out[OUT_MEAN] and out[OUT_RSTD]; the running ones move.
static void batch_statistics(const struct op_call *call, size_t n_rows, size_t n_channels,
                             char *scratch)
{
    const struct batch_norm_args *args = (const struct batch_norm_args *)call->args;
    double *mean = (double *)scratch_cut(&scratch, n_channels * sizeof *mean);
    double *m2 = (double *)scratch_cut(&scratch, n_channels * sizeof *m2);
    norm_moments(floats(call->in[IN_X]), n_rows, n_channels, mean, m2, scratch);
    float *saved_mean = (float *)call->out[OUT_MEAN]->data;
    float *saved_rstd = (float *)call->out[OUT_RSTD]->data;
    float *running_mean = (float *)call->in[IN_MEAN]->data;
    float *running_var = (float *)call->in[IN_VAR]->data;
    double n = (double)n_rows, momentum = (double)args->momentum;
    for (size_t j = 0; j < n_channels; j++) {
        double unbiased = n_rows > 1 ? m2[j] / (n - 1.0) : m2[j];
        saved_mean[j] = (float)mean[j];
        saved_rstd[j] = (float)(1.0 / sqrt(m2[j] / n + (double)args->eps));
        running_mean[j] = (float)((1.0 - momentum) * (double)running_mean[j] + momentum * mean[j]);
        running_var[j] = (float)((1.0 - momentum) * (double)running_var[j] + momentum * unbiased);
    }
}

static void running_statistics(const struct op_call *call, size_t n_channels)
{
    const struct batch_norm_args *args = (const struct batch_norm_args *)call->args;
    const float *mean = floats(call->in[IN_MEAN]), *var = floats(call->in[IN_VAR]);
    float *saved_mean = (float *)call->out[OUT_MEAN]->data;
    float *saved_rstd = (float *)call->out[OUT_RSTD]->data;
    for (size_t j = 0; j < n_channels; j++) {
        saved_mean[j] = mean[j];
        saved_rstd[j] = (float)(1.0 / sqrt((double)var[j] + (double)args->eps));
    }
}

enum status cpu_batch_norm_forward(const struct op_call *call)
{
    const struct batch_norm_args *args = (const struct batch_norm_args *)call->args;
    const struct tensor *x = call->in[IN_X];
    size_t n_channels = (size_t)x->shape[3], n_rows = tensor_count(x) / n_channels;
    if (n_rows == 0) return OK;
    void *scratch;
    TRY(call->backend->scratch(call->backend,
                               2 * scratch_round(n_channels * sizeof(double)) +
                                   norm_rows_scratch(n_rows, n_channels),
                               &scratch));
    if (call->training) batch_statistics(call, n_rows, n_channels, (char *)scratch);
    else running_statistics(call, n_channels);

    const float *gamma = floats(call->in[IN_GAMMA]), *rstd = floats(call->out[OUT_RSTD]);
    float *a = (float *)scratch;
    for (size_t j = 0; j < n_channels; j++) a[j] = gamma[j] * rstd[j];
    struct norm_apply apply = {.n_rows = n_rows,
                               .n_channels = n_channels,
                               .x = floats(x),
                               .residual = floats(call->in[IN_RESIDUAL]),
                               .mean = floats(call->out[OUT_MEAN]),
                               .a = a,
                               .b = floats(call->in[IN_BETA]),
                               .y = (float *)call->out[OUT_Y]->data,
                               .relu = args->relu};
    norm_apply_run(&apply);
    return OK;
}

static void accumulate(const struct op_backward_call *backward, int input, size_t j, double value)
{
    if (!backward->want[input]) return;
    float *grad = (float *)backward->forward->in[input]->grad;
    grad[j] = backward->beta[input] != 0.0f ? (float)((double)grad[j] + value) : (float)value;
}

enum status cpu_batch_norm_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct batch_norm_args *args = (const struct batch_norm_args *)call->args;
    struct tensor *x = call->in[IN_X], *residual = call->in[IN_RESIDUAL];
    const struct tensor *y = call->out[OUT_Y];
    size_t n_channels = (size_t)x->shape[3], n_rows = tensor_count(x) / n_channels;
    void *memory;
    TRY(call->backend->scratch(call->backend,
                               2 * scratch_round(n_channels * sizeof(double)) +
                                   3 * scratch_round(n_channels * sizeof(float)) +
                                   norm_rows_scratch(n_rows, n_channels),
                               &memory));
    char *scratch = (char *)memory;
    double *sum = (double *)scratch_cut(&scratch, n_channels * sizeof *sum);
    double *sum_x = (double *)scratch_cut(&scratch, n_channels * sizeof *sum_x);
    float *p = (float *)scratch_cut(&scratch, n_channels * sizeof *p);
    float *q = (float *)scratch_cut(&scratch, n_channels * sizeof *q);
    float *r = (float *)scratch_cut(&scratch, n_channels * sizeof *r);

    // x as its own residual: dx comes first, as the tape's beta says.
    bool residual_last = residual == x;
    struct norm_sums sums = {.n_rows = n_rows,
                             .n_channels = n_channels,
                             .dy = (float *)y->grad,
                             .x = floats(x),
                             .y = args->relu ? floats(y) : NULL,
                             .mean = floats(call->out[OUT_MEAN]),
                             .sum = sum,
                             .sum_x = sum_x};
    if (backward->want[IN_RESIDUAL] && !residual_last) {
        sums.dresidual = (float *)residual->grad;
        sums.beta = backward->beta[IN_RESIDUAL];
    }
    norm_sums_run(&sums, scratch);

    const float *gamma = floats(call->in[IN_GAMMA]), *rstd = floats(call->out[OUT_RSTD]);
    for (size_t j = 0; j < n_channels; j++) {
        double scale = (double)rstd[j], factor = (double)gamma[j] * scale;
        accumulate(backward, IN_GAMMA, j, sum_x[j] * scale);
        accumulate(backward, IN_BETA, j, sum[j]);
        p[j] = (float)factor;
        // Batch statistics depend on x, running ones do not.
        q[j] = call->training ? (float)(-factor * sum[j] / (double)n_rows) : 0.0f;
        r[j] = call->training ? (float)(-factor * scale * scale * sum_x[j] / (double)n_rows) : 0.0f;
        if (residual_last) p[j] += 1.0f;
    }
    if (!backward->want[IN_X]) return OK;
    struct norm_dx dx = {.n_rows = n_rows,
                         .n_channels = n_channels,
                         .x = floats(x),
                         .dy = (const float *)y->grad,
                         .mean = floats(call->out[OUT_MEAN]),
                         .p = p,
                         .q = q,
                         .r = r,
                         .dx = (float *)x->grad,
                         .beta = backward->beta[IN_X]};
    norm_dx_run(&dx);
    return OK;
}
