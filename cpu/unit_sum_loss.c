#include "cpu/kernels.h"
#include "nn/ops_map.h"

// Sum over the rows of one column, less 1.
static double excess(const float *w, int64_t n_rows, int64_t n_columns, int64_t column)
{
    double sum = -1.0;
    for (int64_t i = 0; i < n_rows; i++) sum += (double)w[i * n_columns + column];
    return sum;
}

enum status cpu_unit_sum_loss_forward(const struct op_call *call)
{
    const struct unit_sum_loss_args *args = call->args;
    const struct tensor *w = call->in[0];
    double sum = 0.0;
    for (int64_t c = 0; c < w->shape[1]; c++) {
        double e = excess(w->data, w->shape[0], w->shape[1], c);
        sum += e * e;
    }
    *(float *)call->out[0]->data = (float)((double)args->factor * sum);
    return OK;
}

enum status cpu_unit_sum_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct unit_sum_loss_args *args = call->args;
    const struct tensor *w = call->in[0];
    const float *upstream = call->out[0]->grad;
    if (!backward->want[0] || !upstream) return OK;
    int64_t n_rows = w->shape[0], n_columns = w->shape[1];
    float *gradient = w->grad;
    double scale = 2.0 * (double)args->factor * (double)*upstream;
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < n_columns; c++) {
        float slope = (float)(scale * excess(w->data, n_rows, n_columns, c));
        for (int64_t i = 0; i < n_rows; i++) {
            float *g = &gradient[i * n_columns + c];
            *g = (backward->beta[0] == 0.0f ? 0.0f : *g) + slope;
        }
    }
    return OK;
}
