#include "cpu/pool_values.h"

#include <assert.h>
#include <string.h>

#include "cpu/kernels.h"

static size_t stride_of(int n_channels)
{
    return ((size_t)n_channels + POOL_VALUE_ALIGN - 1) / POOL_VALUE_ALIGN * POOL_VALUE_ALIGN;
}

static size_t set_bytes(const struct pool_value_form *form, int n_channels)
{
    return (size_t)form->n * stride_of(n_channels) * sizeof(float);
}

size_t pool_values_bytes(const struct pool_value_form *form, int n_channels, int64_t n_tasks,
                         int n_threads)
{
    size_t one = set_bytes(form, n_channels);
    return scratch_round(one) + scratch_round(one * (size_t)n_tasks) +
           scratch_round(one * (size_t)n_threads) +
           scratch_round((size_t)(3 * form->n_stored + form->n) * sizeof(double));
}

// The stored numbers of one channel.
static void read_stored(const struct pool_values *values, const struct op_call *call, int channel)
{
    size_t n_channels = (size_t)call->in[0]->shape[3];
    double *stored = values->stored;
    for (int k = 0; call->n_in == 1 && k < values->form.n_stored; k++)
        stored[k] = values->form.constant;
    for (int i = 1; i < call->n_in; i++) {
        const struct tensor *param = call->in[i];
        const float *data = (const float *)param->data;
        for (size_t k = 0; k < (size_t)param->shape[0]; k++)
            *stored++ =
                (double)(param->rank > 1 ? data[k * n_channels + (size_t)channel] : data[k]);
    }
}

static const void *args_of(const struct op_call *call)
{
    return ((const struct pool_op_args *)call->args)->args;
}

// Channels that fill up the last vector repeat the last one.
static void fill(struct pool_values *values, const struct op_call *call)
{
    const struct pool_value_form *form = &values->form;
    for (size_t c = 0; c < values->stride; c++) {
        if (c < (size_t)call->in[0]->shape[3]) {
            read_stored(values, call, (int)c);
            if (form->value)
                form->value(args_of(call), form->n_stored, values->stored, values->value);
            else
                memcpy(values->value, values->stored, (size_t)form->n * sizeof(double));
        }
        for (int k = 0; k < form->n; k++)
            values->v[(size_t)k * values->stride + c] = (float)values->value[k];
    }
}

void pool_values_init(struct pool_values *values, const struct pool_value_form *form, int n_lanes,
                      const struct op_call *call, int64_t n_tasks, int n_threads, char **scratch)
{
    int n_channels = (int)call->in[0]->shape[3];
    size_t one = set_bytes(form, n_channels);
    int n_given = 0;
    for (int i = 1; i < call->n_in; i++) n_given += (int)call->in[i]->shape[0];
    assert(call->n_in == 1 || n_given == form->n_stored);
    assert(form->value || form->n == form->n_stored);
    values->form = *form;
    values->n_lanes = n_lanes;
    values->stride = stride_of(n_channels);
    values->v = (float *)scratch_cut(scratch, one);
    values->sums = (float *)scratch_cut(scratch, one * (size_t)n_tasks);
    values->unused = (float *)scratch_cut(scratch, one * (size_t)n_threads);
    values->stored = (double *)scratch_cut(
        scratch, (size_t)(3 * form->n_stored + form->n) * sizeof(double));
    values->dstored = values->stored + form->n_stored;
    values->total = values->dstored + form->n_stored;
    values->value = values->total + form->n_stored;
    memset(values->sums, 0, one * (size_t)n_tasks);
    memset(values->unused, 0, one * (size_t)n_threads);
    fill(values, call);
}

static void channel_gradient(const struct pool_values *values, const struct op_call *call,
                             int64_t n_tasks, int channel)
{
    const struct pool_value_form *form = &values->form;
    double *dvalue = values->value;
    size_t n = (size_t)form->n, n_lanes = (size_t)values->n_lanes, c = (size_t)channel;
    for (size_t k = 0; k < n; k++) {
        const float *sum = values->sums + (c / n_lanes * n + k) * n_lanes + c % n_lanes;
        dvalue[k] = 0.0;
        for (int64_t task = 0; task < n_tasks; task++)
            dvalue[k] += (double)sum[(size_t)task * n * values->stride];
    }
    if (form->gradient) {
        read_stored(values, call, channel);
        form->gradient(args_of(call), form->n_stored, values->stored, dvalue, values->dstored);
    } else {
        memcpy(values->dstored, dvalue, (size_t)form->n_stored * sizeof *dvalue);
    }
}

static void write_gradient(const struct op_backward_call *backward, int input, size_t at,
                           double value)
{
    float *grad = (float *)backward->forward->in[input]->grad + at;
    *grad = backward->beta[input] != 0.0f ? *grad + (float)value : (float)value;
}

// Writes what belongs to one channel, or to the layer where channel < 0.
static void write_gradients(const struct op_backward_call *backward, int channel,
                            const double *dstored)
{
    const struct op_call *call = backward->forward;
    for (int i = 1; i < call->n_in; i++) {
        const struct tensor *param = call->in[i];
        bool is_here = backward->want[i] && (param->rank > 1) == (channel >= 0);
        size_t stride = param->rank > 1 ? (size_t)param->shape[1] : 1;
        size_t first = channel >= 0 ? (size_t)channel : 0;
        for (size_t k = 0; k < (size_t)param->shape[0]; k++)
            if (is_here) write_gradient(backward, i, k * stride + first, dstored[k]);
        dstored += param->shape[0];
    }
}

void pool_values_finish(const struct pool_values *values, const struct op_backward_call *backward,
                        int64_t n_tasks)
{
    const struct op_call *call = backward->forward;
    int n_channels = (int)call->in[0]->shape[3], n_stored = values->form.n_stored;
    bool is_any = false;
    for (int i = 1; i < call->n_in; i++) is_any = is_any || backward->want[i];
    if (!is_any) return;
    memset(values->total, 0, (size_t)n_stored * sizeof(double));
    for (int c = 0; c < n_channels; c++) {
        channel_gradient(values, call, n_tasks, c);
        write_gradients(backward, c, values->dstored);
        for (int k = 0; k < n_stored; k++) values->total[k] += values->dstored[k];
    }
    write_gradients(backward, -1, values->total);
}
