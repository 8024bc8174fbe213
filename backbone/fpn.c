#include "backbone/fpn.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct conv_bias {
    struct tensor *weight, *bias;
};

struct fpn {
    struct fpn_config config;
    struct conv_bias inner[FPN_MAX_IN], layer[FPN_MAX_IN];
    struct conv_bias p6, p7;
    const struct pool_def *max_pool; // FPN_MAX_POOL
};

static enum status declare_conv(struct params *params, const char *prefix, const char *name,
                                int out, int kernel, int in, struct conv_bias *conv)
{
    char full[sizeof((struct param *)NULL)->name];
    int n = snprintf(full, sizeof full, "%s%s.weight", prefix, name);
    if (n < 0 || (size_t)n >= sizeof full)
        return fail(ERR_USAGE, "the parameter name %s%s.weight is too long", prefix, name);
    struct param_spec weight = {
        .name = full,
        .rank = 4,
        .shape = {out, kernel, kernel, in},
        .group = PARAM_WEIGHT,
        .kind = PARAM_CONV,
        .init = INIT_KAIMING_UNIFORM_A1,
    };
    TRY(params_declare(params, &weight, &conv->weight));
    snprintf(full, sizeof full, "%s%s.bias", prefix, name); // shorter than the name above
    struct param_spec bias = {
        .name = full,
        .rank = 1,
        .shape = {out},
        .group = PARAM_BIAS,
        .kind = PARAM_PLAIN,
        .init = INIT_ZERO,
    };
    return params_declare(params, &bias, &conv->bias);
}

static enum status declare_all(struct fpn *fpn, struct params *params, const char *prefix)
{
    const struct fpn_config *config = &fpn->config;
    char name[48];
    for (int i = 0; i < config->n_in; i++) {
        snprintf(name, sizeof name, "inner_blocks.%d.0", i);
        TRY(declare_conv(params, prefix, name, config->out_channels, 1, config->in_channels[i],
                         &fpn->inner[i]));
    }
    for (int i = 0; i < config->n_in; i++) {
        snprintf(name, sizeof name, "layer_blocks.%d.0", i);
        TRY(declare_conv(params, prefix, name, config->out_channels, 3, config->out_channels,
                         &fpn->layer[i]));
    }
    if (config->extra == FPN_P6_P7) {
        int p6_in =
            config->p6_from_input ? config->in_channels[config->n_in - 1] : config->out_channels;
        TRY(declare_conv(params, prefix, "extra_blocks.p6", config->out_channels, 3, p6_in,
                         &fpn->p6));
        return declare_conv(params, prefix, "extra_blocks.p7", config->out_channels, 3,
                            config->out_channels, &fpn->p7);
    }
    fpn->max_pool = pool_find("max");
    if (!fpn->max_pool) return fail(ERR_UNSUPPORTED, "the FPN's last level needs max pooling");
    return OK;
}

enum status fpn_create(const struct fpn_config *config, struct params *params, const char *prefix,
                       struct fpn **out)
{
    if (config->n_in < 1 || config->n_in > FPN_MAX_IN)
        return fail(ERR_USAGE, "an FPN on %d levels, expected 1 to %d", config->n_in, FPN_MAX_IN);
    struct fpn *fpn = mem_alloc(1, sizeof *fpn);
    if (!fpn) return ERR_MEMORY;
    fpn->config = *config;
    enum status status = declare_all(fpn, params, prefix);
    if (status != OK) {
        fpn_destroy(fpn);
        return status;
    }
    *out = fpn;
    return OK;
}

void fpn_destroy(struct fpn *fpn)
{
    mem_free(fpn);
}

int fpn_levels(const struct fpn *fpn)
{
    return fpn->config.n_in + (fpn->config.extra == FPN_P6_P7 ? 2 : 1);
}

static enum status run_conv(struct tape *tape, const struct conv_bias *conv, struct tensor *x,
                            int stride, int padding, struct tensor **y)
{
    struct conv2d_args args = {.stride = stride, .padding = padding};
    return conv2d(tape, x, conv->weight, NULL, conv->bias, NULL, &args, y);
}

static enum status run_extra(struct fpn *fpn, struct tape *tape, struct tensor *last_in,
                             struct tensor **p)
{
    int n = fpn->config.n_in;
    if (fpn->config.extra == FPN_MAX_POOL) {
        struct pool_op_args args = {.def = fpn->max_pool, .window = window_square(1, 2, 0)};
        return pool_op(tape, p[n - 1], 0, NULL, &args, &p[n]);
    }
    struct tensor *source = fpn->config.p6_from_input ? last_in : p[n - 1];
    TRY(run_conv(tape, &fpn->p6, source, 2, 1, &p[n]));
    struct tensor *positive = NULL;
    TRY(relu(tape, p[n], &positive));
    TRY(run_conv(tape, &fpn->p7, positive, 2, 1, &p[n + 1]));
    tape_drop(tape, positive);
    return OK;
}

enum status fpn_forward(struct fpn *fpn, struct tape *tape, struct tensor *const *c,
                        struct tensor **p)
{
    int n = fpn->config.n_in;
    struct tensor *merged = NULL; // of the level above
    for (int i = n - 1; i >= 0; i--) {
        struct tensor *lateral = NULL;
        TRY(run_conv(tape, &fpn->inner[i], c[i], 1, 0, &lateral));
        if (i < n - 1) {
            tape_drop(tape, c[i]);
            struct tensor *sum = NULL;
            TRY(upsample_add(tape, merged, lateral, &sum));
            tape_drop(tape, lateral);
            tape_drop(tape, merged);
            lateral = sum;
        }
        merged = lateral;
        TRY(run_conv(tape, &fpn->layer[i], merged, 1, 1, &p[i]));
    }
    tape_drop(tape, merged);
    TRY(run_extra(fpn, tape, c[n - 1], p));
    tape_drop(tape, c[n - 1]);
    return OK;
}
