// Channels are independent: blocks of them are shared out to threads.
#include <math.h>

#include "cpu/kernels.h"
#include "nn/flex_tap.h"
#include "nn/ops_map.h"

enum { BLOCK = 64 };

struct shape {
    int side, height, width; // grid, map
    int64_t n_channels;
};

static struct shape shape_of(const struct op_call *call)
{
    const struct flex_weights_args *args = call->args;
    struct shape s = {0, args->height, args->width, call->in[0]->shape[1]};
    while (s.side * s.side < call->in[0]->shape[0]) s.side++;
    return s;
}

// The four values that a place of the map is made of, as rows of the grid.
static void place_taps(const struct shape *s, int y, int x, int64_t row[4], float weight[4])
{
    struct flex_tap v = flex_tap_at(y, s->side, s->height), h = flex_tap_at(x, s->side, s->width);
    for (int i = 0; i < 4; i++) {
        row[i] = (i < 2 ? v.first : v.second) * s->side + (i % 2 ? h.second : h.first);
        weight[i] = (i < 2 ? 1.0f - v.weight : v.weight) * (i % 2 ? h.weight : 1.0f - h.weight);
    }
}

static void resample(const struct shape *s, const float *theta, float scale, int64_t c, int64_t n,
                     float *out)
{
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            int64_t row[4];
            float weight[4], *to = out + ((int64_t)y * s->width + x) * s->n_channels + c;
            place_taps(s, y, x, row, weight);
            for (int64_t k = 0; k < n; k++) {
                const float *from = theta + c + k;
                to[k] = scale * (weight[0] * from[row[0] * s->n_channels] +
                                 weight[1] * from[row[1] * s->n_channels] +
                                 weight[2] * from[row[2] * s->n_channels] +
                                 weight[3] * from[row[3] * s->n_channels]);
            }
        }
}

static void softmax(const struct shape *s, int64_t c, int64_t n, float *p)
{
    int64_t n_places = (int64_t)s->height * s->width;
    float largest[BLOCK];
    double sum[BLOCK];
    p += c;
    for (int64_t k = 0; k < n; k++) largest[k] = p[k];
    for (int64_t i = 1; i < n_places; i++)
        for (int64_t k = 0; k < n; k++) largest[k] = fmaxf(largest[k], p[i * s->n_channels + k]);
    for (int64_t k = 0; k < n; k++) sum[k] = 0.0;
    for (int64_t i = 0; i < n_places; i++)
        for (int64_t k = 0; k < n; k++) {
            float e = expf(p[i * s->n_channels + k] - largest[k]);
            p[i * s->n_channels + k] = e;
            sum[k] += (double)e;
        }
    for (int64_t i = 0; i < n_places; i++)
        for (int64_t k = 0; k < n; k++)
            p[i * s->n_channels + k] = (float)((double)p[i * s->n_channels + k] / sum[k]);
}

enum status cpu_flex_weights_forward(const struct op_call *call)
{
    const struct flex_weights_args *args = call->args;
    struct shape s = shape_of(call);
    float scale = (float)(s.side * s.side) / (float)(s.height * s.width);
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < s.n_channels; c += BLOCK) {
        int64_t n = s.n_channels - c < BLOCK ? s.n_channels - c : BLOCK;
        resample(&s, call->in[0]->data, args->softmax ? 1.0f : scale, c, n, call->out[0]->data);
        if (args->softmax) softmax(&s, c, n, call->out[0]->data);
    }
    return OK;
}

// Sum over the map of p dp, for each channel of the block.
static void mean_slope(const struct shape *s, const float *p, const float *dp, int64_t c, int64_t n,
                       double mean[BLOCK])
{
    for (int64_t k = 0; k < n; k++) mean[k] = 0.0;
    for (int64_t i = 0; i < (int64_t)s->height * s->width; i++)
        for (int64_t k = 0; k < n; k++) {
            int64_t at = i * s->n_channels + c + k;
            mean[k] += (double)p[at] * (double)dp[at];
        }
}

enum status cpu_flex_weights_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct flex_weights_args *args = call->args;
    const float *p = call->out[0]->data, *dp = call->out[0]->grad;
    if (!backward->want[0] || !dp) return OK;
    struct shape s = shape_of(call);
    float *dtheta = call->in[0]->grad;
    float scale = (float)(s.side * s.side) / (float)(s.height * s.width);
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < s.n_channels; c += BLOCK) {
        int64_t n = s.n_channels - c < BLOCK ? s.n_channels - c : BLOCK;
        double mean[BLOCK];
        if (args->softmax) mean_slope(&s, p, dp, c, n, mean);
        for (int64_t i = 0; backward->beta[0] == 0.0f && i < (int64_t)s.side * s.side; i++)
            for (int64_t k = 0; k < n; k++) dtheta[i * s.n_channels + c + k] = 0.0f;
        for (int y = 0; y < s.height; y++)
            for (int x = 0; x < s.width; x++) {
                int64_t row[4], at = ((int64_t)y * s.width + x) * s.n_channels + c;
                float weight[4];
                place_taps(&s, y, x, row, weight);
                for (int64_t k = 0; k < n; k++) {
                    float g = scale * dp[at + k];
                    if (args->softmax)
                        g = (float)((double)p[at + k] * ((double)dp[at + k] - mean[k]));
                    for (int i = 0; i < 4; i++)
                        dtheta[row[i] * s.n_channels + c + k] += weight[i] * g;
                }
            }
    }
    return OK;
}
