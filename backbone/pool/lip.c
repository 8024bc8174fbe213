// Local importance-based pooling (Gao, Wang, Wu, ICCV 2019): the weights of a window are the
// softmax of logits that a small network computes from the map. With the map as its own logits it
// is SoftPool.
//
// In their ResNets' stages the authors compute one trunk of logit=bottleneck from the block's input
// for both the branch and the shortcut; here each of the two pools has its own, on its own input.
#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "nn/ops_map.h"

enum logit_kind { LOGIT_IDENTITY, LOGIT_CONV1X1, LOGIT_CONV3X3, LOGIT_BOTTLENECK };

struct own_args {
    double coeff;
    int logit; // enum logit_kind
    int64_t width;
    bool replaces_conv;
};

static const struct field fields[] = {
    {.name = "logit",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct own_args, logit),
     .initial = "conv3x3",
     .choices = "identity|conv1x1|conv3x3|bottleneck",
     .help = "what computes the logits: the map itself (SoftPool); a convolution, instance norm "
             "and coeff * sigmoid (the authors' stem has conv3x3); or conv1x1, conv3x3 and conv1x1 "
             "of these (the authors' stages)"},
    {.name = "coeff",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct own_args, coeff),
     .initial = "12",
     .min = 0.01,
     .max = 80.0,
     .help = "largest logit: the weights of a window differ by at most exp(coeff)"},
    {.name = "width",
     .type = FIELD_INT,
     .offset = offsetof(struct own_args, width),
     .initial = "128",
     .min = 1,
     .max = 4096,
     .help = "channels inside logit=bottleneck"},
    {.name = "replace_conv",
     .type = FIELD_BOOL,
     .offset = offsetof(struct own_args, replaces_conv),
     .initial = "false",
     .help = "downsample in bottlenecks: stand in place of the strided 3x3 convolution, with a 1x1 "
             "behind it, as in the authors' LIP-ResNets (there with kernel 3 and "
             "logit=bottleneck)"},
    {0},
};

// A convolution without bias and an instance norm: three of pool->params.
enum { PER_LAYER = 3 };

static enum status declare_one(struct pool *pool, struct params *params, const char *prefix,
                               const char *name, const struct param_spec *spec)
{
    assert(pool->n_params < POOL_MAX_PARAMS);
    char full[sizeof((struct param *)NULL)->name];
    struct param_spec own = *spec;
    int length = snprintf(full, sizeof full, "%slogit.%s", prefix, name);
    if (length < 0 || (size_t)length >= sizeof full)
        return fail(ERR_USAGE, "the parameter name %slogit.%s is too long", prefix, name);
    own.name = full;
    own.group = PARAM_POOL;
    TRY(params_declare(params, &own, &pool->params[pool->n_params]));
    pool->n_params++;
    return OK;
}

// `index`: the convolution's place in the authors' sequence of modules; the norm's is the next.
static enum status declare_layer(struct pool *pool, struct params *params, const char *prefix,
                                 int index, int in, int out, int kernel, enum init_kind init)
{
    char name[32];
    struct param_spec conv = {
        .rank = 4, .shape = {out, kernel, kernel, in}, .kind = PARAM_CONV, .init = init};
    struct param_spec gamma = {.rank = 1, .shape = {out}, .init = INIT_ONE};
    struct param_spec beta = {.rank = 1, .shape = {out}, .init = INIT_ZERO};
    snprintf(name, sizeof name, "%d.weight", index);
    TRY(declare_one(pool, params, prefix, name, &conv));
    snprintf(name, sizeof name, "%d.weight", index + 1);
    TRY(declare_one(pool, params, prefix, name, &gamma));
    snprintf(name, sizeof name, "%d.bias", index + 1);
    return declare_one(pool, params, prefix, name, &beta);
}

// The last convolution starts at zero: all logits are equal then, and the pool is an average.
static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    int width = (int)args->width, kernel = args->logit == LOGIT_CONV3X3 ? 3 : 1;
    if (args->logit == LOGIT_IDENTITY) return OK;
    if (args->logit != LOGIT_BOTTLENECK)
        return declare_layer(pool, params, prefix, 0, n_channels, n_channels, kernel, INIT_ZERO);
    enum init_kind init = INIT_KAIMING_NORMAL_FAN_OUT;
    TRY(declare_layer(pool, params, prefix, 0, n_channels, width, 1, init));
    TRY(declare_layer(pool, params, prefix, 3, width, width, 3, init));
    return declare_layer(pool, params, prefix, 6, width, n_channels, 1, INIT_ZERO);
}

static bool replaces_conv(const struct pool *pool)
{
    return ((const struct own_args *)(const void *)pool->args)->replaces_conv;
}

// Instance norm is group norm with a group for each channel.
static enum status run_layer(struct tape *tape, struct tensor *const params[PER_LAYER],
                             struct tensor *x, bool relu, struct tensor **y)
{
    struct conv2d_args conv = {.stride = 1, .padding = (int)params[0]->shape[1] / 2};
    struct group_norm_args norm = {.groups = (int)params[0]->shape[0], .eps = 1e-5f, .relu = relu};
    struct tensor *z = NULL;
    TRY(conv2d(tape, x, params[0], NULL, NULL, NULL, &conv, &z));
    TRY(group_norm(tape, z, params[1], params[2], NULL, &norm, y));
    tape_drop(tape, z);
    return OK;
}

static enum status build(struct tape *tape, const struct pool *pool, struct tensor *x,
                         struct tensor **y)
{
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    struct weighted_pool_args own = {pool->window};
    struct logistic_args gate = {.slope = 1.0f, .scale = (float)args->coeff, .shift = 0.0f};
    struct tensor *now = x, *next = NULL;
    for (int i = 0; i < pool->n_params; i += PER_LAYER) {
        bool is_last = i + PER_LAYER == pool->n_params;
        TRY(run_layer(tape, pool->params + i, now, !is_last, &next));
        if (now != x) tape_drop(tape, now);
        now = next;
    }
    if (now != x) {
        TRY(logistic(tape, now, &gate, &next));
        tape_drop(tape, now);
        now = next;
    }
    TRY(weighted_pool(tape, x, now, &own, y));
    if (now != x) tape_drop(tape, now);
    return OK;
}

const struct pool_def pool_lip = {
    .name = "lip",
    .summary = "average weighted by exp of logits that a small network computes (LIP)",
    .formula = "y = sum_i exp(l_i) a_i / sum_i exp(l_i)\n"
               "l = coeff * sigmoid(instance_norm(conv3x3(a)))",
    .cost = "a 3x3 convolution at the map's full size and three maps more in memory",
    .paper = "Gao, Wang, Wu, ICCV 2019, arXiv 1908.04156",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 3,
    .default_stride = 2,
    .default_padding = 1,
    .fields = fields,
    .args_bytes = sizeof(struct own_args),
    .declare = declare,
    .replaces_conv = replaces_conv,
    .build = build,
};
