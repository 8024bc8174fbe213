#include "backbone/norm.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"

// PyTorch's default weight of a new batch in the running statistics.
static const float BN_MOMENTUM = 0.1f;

static enum status declare_vector(struct params *params, const char *prefix, const char *suffix,
                                  int channels, bool frozen, bool is_buffer, enum init_kind init,
                                  struct tensor **tensor)
{
    char name[sizeof((struct param *)NULL)->name];
    int n = snprintf(name, sizeof name, "%s.%s", prefix, suffix);
    if (n < 0 || (size_t)n >= sizeof name)
        return fail(ERR_USAGE, "the parameter name %s.%s is too long", prefix, suffix);
    struct param_spec spec = {
        .name = name,
        .rank = 1,
        .shape = {channels},
        .group = PARAM_NORM,
        .kind = PARAM_PLAIN,
        .init = init,
        .frozen = frozen || is_buffer,
        .is_buffer = is_buffer,
    };
    return params_declare(params, &spec, tensor);
}

static enum status declare_norm(const struct conv_norm_spec *spec, struct params *params,
                                struct conv_norm *layer)
{
    bool is_frozen_bn = layer->norm.type == NORM_FROZEN_BN;
    TRY(declare_vector(params, spec->norm_name, "weight", spec->out, spec->frozen, is_frozen_bn,
                       INIT_ONE, &layer->gamma));
    TRY(declare_vector(params, spec->norm_name, "bias", spec->out, spec->frozen, is_frozen_bn,
                       INIT_ZERO, &layer->beta));
    if (layer->norm.type == NORM_GN) return OK;
    TRY(declare_vector(params, spec->norm_name, "running_mean", spec->out, true, true, INIT_ZERO,
                       &layer->mean));
    return declare_vector(params, spec->norm_name, "running_var", spec->out, true, true, INIT_ONE,
                          &layer->var);
}

static enum status allocate_folded(struct arena *memory, int64_t channels, struct tensor *tensor)
{
    void *data = arena_alloc(memory, (size_t)channels * sizeof(float));
    if (!data) return ERR_MEMORY;
    *tensor = tensor_wrap(DTYPE_F32, 1, &channels, data);
    return OK;
}

enum status conv_norm_declare(const struct conv_norm_spec *spec, const struct norm_config *norm,
                              struct params *params, struct arena *memory,
                              struct conv_norm *layer)
{
    *layer = (struct conv_norm){
        .norm = *norm, .conv = {.stride = spec->stride, .padding = spec->padding}};
    if (norm->type == NORM_GN && (norm->groups < 1 || spec->out % norm->groups != 0))
        return fail(ERR_USAGE, "%s: %d channels cannot be divided into %d groups", spec->norm_name,
                    spec->out, norm->groups);

    char name[sizeof((struct param *)NULL)->name];
    int n = snprintf(name, sizeof name, "%s.weight", spec->conv_name);
    if (n < 0 || (size_t)n >= sizeof name)
        return fail(ERR_USAGE, "the parameter name %s.weight is too long", spec->conv_name);
    struct param_spec weight = {
        .name = name,
        .rank = 4,
        .shape = {spec->out, spec->kernel, spec->kernel, spec->in},
        .group = PARAM_WEIGHT,
        .kind = PARAM_CONV,
        .init = INIT_KAIMING_NORMAL_FAN_OUT,
        .frozen = spec->frozen,
    };
    TRY(params_declare(params, &weight, &layer->weight));
    TRY(declare_norm(spec, params, layer));
    if (norm->type != NORM_FROZEN_BN) return OK;
    TRY(allocate_folded(memory, spec->out, &layer->scale));
    return allocate_folded(memory, spec->out, &layer->bias);
}

enum status conv_norm_fold(struct conv_norm *layer, const struct params *params)
{
    if (layer->norm.type != NORM_FROZEN_BN) return OK;
    struct backend *backend = params->backend;
    size_t channels = tensor_count(layer->gamma);
    float *host = mem_alloc(6 * channels, sizeof *host);
    if (!host) return ERR_MEMORY;
    enum status status = OK;

    float *gamma = host, *beta = host + channels, *mean = host + 2 * channels;
    float *var = host + 3 * channels, *scale = host + 4 * channels, *bias = host + 5 * channels;
    size_t bytes = channels * sizeof *host;
    GUARD(backend->download(backend, gamma, layer->gamma->data, bytes));
    GUARD(backend->download(backend, beta, layer->beta->data, bytes));
    GUARD(backend->download(backend, mean, layer->mean->data, bytes));
    GUARD(backend->download(backend, var, layer->var->data, bytes));
    for (size_t i = 0; i < channels; i++) {
        scale[i] = gamma[i] / sqrtf(var[i] + (float)layer->norm.eps);
        bias[i] = beta[i] - mean[i] * scale[i];
        if (!isfinite(scale[i]) || !isfinite(bias[i])) {
            status = fail(ERR_DATA,
                          "%s[%zu]: variance %g with epsilon %g gives no finite scale and bias",
                          layer->var->name, i, (double)var[i], layer->norm.eps);
            goto done;
        }
    }
    GUARD(backend->upload(backend, layer->scale.data, scale, bytes));
    GUARD(backend->upload(backend, layer->bias.data, bias, bytes));
    // The host copies die with this call.
    GUARD(backend->synchronize(backend));
done:
    mem_free(host);
    return status;
}

enum status conv_norm_forward(struct conv_norm *layer, struct tape *tape, struct tensor *x,
                              struct tensor *residual, bool relu, struct tensor **y)
{
    struct conv2d_args conv = layer->conv;
    if (layer->norm.type == NORM_FROZEN_BN) {
        conv.relu = relu;
        return conv2d(tape, x, layer->weight, &layer->scale, &layer->bias, residual, &conv, y);
    }

    struct tensor *z = NULL;
    TRY(conv2d(tape, x, layer->weight, NULL, NULL, NULL, &conv, &z));
    if (layer->norm.type == NORM_BN) {
        struct batch_norm_args args = {
            .eps = (float)layer->norm.eps, .momentum = BN_MOMENTUM, .relu = relu};
        TRY(batch_norm(tape, z, layer->gamma, layer->beta, layer->mean, layer->var, residual,
                       &args, y));
    } else {
        struct group_norm_args args = {
            .groups = layer->norm.groups, .eps = (float)layer->norm.eps, .relu = relu};
        TRY(group_norm(tape, z, layer->gamma, layer->beta, residual, &args, y));
    }
    tape_drop(tape, z);
    return OK;
}
