#include "detect/layer.h"

#include <math.h>
#include <stdio.h>

static enum status declare(struct params *params, const char *name, struct param_spec *weight,
                           int out, const struct layer_init *init, struct layer *layer)
{
    char full[sizeof((struct param *)NULL)->name];
    snprintf(full, sizeof full, "%s.weight", name);
    weight->name = full;
    weight->group = PARAM_WEIGHT;
    weight->init = init->weight;
    weight->init_a = init->weight_a;
    TRY(params_declare(params, weight, &layer->weight));
    snprintf(full, sizeof full, "%s.bias", name);
    struct param_spec bias = {
        .name = full,
        .rank = 1,
        .shape = {out},
        .group = PARAM_BIAS,
        .kind = PARAM_PLAIN,
        .init = init->bias,
        .init_a = init->bias_a,
    };
    return params_declare(params, &bias, &layer->bias);
}

enum status layer_declare_conv(struct params *params, const char *name, int out, int kernel, int in,
                               const struct layer_init *init, struct layer *layer)
{
    struct param_spec spec = {
        .rank = 4, .shape = {out, kernel, kernel, in}, .kind = PARAM_CONV};
    return declare(params, name, &spec, out, init, layer);
}

enum status layer_declare_conv_transpose(struct params *params, const char *name, int out, int in,
                                         const struct layer_init *init, struct layer *layer)
{
    struct param_spec spec = {.rank = 4, .shape = {2, 2, out, in}, .kind = PARAM_CONV_TRANSPOSE};
    return declare(params, name, &spec, out, init, layer);
}

enum status layer_declare_linear(struct params *params, const char *name, int out,
                                 const int chw[3], struct layer *layer)
{
    int64_t n_in = (int64_t)chw[0] * chw[1] * chw[2];
    double bound = 1.0 / sqrt((double)n_in);
    struct layer_init init = {INIT_UNIFORM, bound, INIT_UNIFORM, bound};
    struct param_spec spec = {.rank = 2, .shape = {out, n_in}, .kind = PARAM_PLAIN};
    if (chw[1] * chw[2] > 1) {
        spec.kind = PARAM_LINEAR_CHW;
        for (int i = 0; i < 3; i++) spec.chw[i] = chw[i];
    }
    return declare(params, name, &spec, out, &init, layer);
}

enum status layer_conv(const struct layer *layer, struct tape *tape, struct tensor *x, bool relu,
                       struct tensor **y)
{
    int kernel = (int)layer->weight->shape[1];
    struct conv2d_args args = {
        .stride = 1, .padding = kernel / 2, .relu = relu, .f32_output = !relu};
    return conv2d(tape, x, layer->weight, NULL, layer->bias, NULL, &args, y);
}
