#include "backbone/resnet.h"

#include <stdio.h>
#include <string.h>

#include "backbone/site_pool.h"
#include "backbone/resnet_block.h"
#include "base/mem.h"

enum { N_STAGES = 4, MAX_BLOCKS = 36, STEM_CHANNELS = 64 };

static const struct depth {
    int depth, n_blocks[N_STAGES];
    bool is_bottleneck;
} depths[] = {
    {18, {2, 2, 2, 2}, false},  {34, {3, 4, 6, 3}, false},  {50, {3, 4, 6, 3}, true},
    {101, {3, 4, 23, 3}, true}, {152, {3, 8, 36, 3}, true},
};

struct resnet {
    struct resnet_config config;
    const struct depth *depth;
    struct params *params; // borrowed
    struct arena memory;   // device: folded norms
    bool is_calm;          // fresh branches were scaled
    struct conv_norm stem;
    struct pool *stem_pool;
    struct block blocks[N_STAGES][MAX_BLOCKS];
    int channels[N_STAGES];
};

static enum status declare_stem(struct resnet *resnet, const char *prefix)
{
    char conv[sizeof((struct param *)NULL)->name], norm[sizeof conv], pool[sizeof conv];
    int n = snprintf(conv, sizeof conv, "%sconv1", prefix);
    snprintf(norm, sizeof norm, "%sbn1", prefix);
    snprintf(pool, sizeof pool, "%spool.", prefix);
    if (n < 0 || (size_t)n >= sizeof conv)
        return fail(ERR_USAGE, "the parameter prefix %s is too long", prefix);
    struct conv_norm_spec spec = {
        .conv_name = conv,
        .norm_name = norm,
        .in = 3,
        .out = STEM_CHANNELS,
        .kernel = 7,
        .stride = 2,
        .padding = 3,
        .frozen = resnet->config.trainable_layers < N_STAGES + 1,
    };
    struct norm_config norm_config = {resnet->config.norm, resnet->config.norm_eps,
                                      resnet->config.gn_groups};
    TRY(conv_norm_declare(&spec, &norm_config, resnet->params, &resnet->memory, &resnet->stem));

    struct pool original = {.def = pool_find("max"), .window = window_square(3, 2, 1)};
    const struct pool *chosen = &resnet->config.pools[POOL_STEM];
    if (!chosen->def) chosen = &original;
    if (!chosen->def) return fail(ERR_UNSUPPORTED, "a ResNet's stem needs max pooling");
    return site_pool_create(chosen, POOL_STEM, 0, resnet->params, pool, STEM_CHANNELS,
                             &resnet->stem_pool);
}

static enum status declare_stages(struct resnet *resnet, const char *prefix)
{
    const struct resnet_config *config = &resnet->config;
    struct norm_config norm = {config->norm, config->norm_eps, config->gn_groups};
    const struct pool *pool =
        config->pools[POOL_DOWNSAMPLE].def ? &config->pools[POOL_DOWNSAMPLE] : NULL;
    int in = STEM_CHANNELS, pool_index = 1;
    for (int stage = 0; stage < N_STAGES; stage++) {
        int planes = STEM_CHANNELS << stage;
        resnet->channels[stage] = resnet->depth->is_bottleneck ? 4 * planes : planes;
        for (int i = 0; i < resnet->depth->n_blocks[stage]; i++) {
            char name[sizeof((struct param *)NULL)->name];
            int n = snprintf(name, sizeof name, "%slayer%d.%d.", prefix, stage + 1, i);
            if (n < 0 || (size_t)n >= sizeof name)
                return fail(ERR_USAGE, "the parameter prefix %s is too long", prefix);
            struct block_spec spec = {
                .prefix = name,
                .is_bottleneck = resnet->depth->is_bottleneck,
                .stride_in_1x1 = config->stride_in_1x1,
                .in = in,
                .planes = planes,
                .stride = stage > 0 && i == 0 ? 2 : 1,
                .frozen = config->trainable_layers < N_STAGES - stage,
                .pool = pool,
                .pool_index = pool_index,
            };
            TRY(block_declare(&spec, &norm, resnet->params, &resnet->memory,
                              &resnet->blocks[stage][i]));
            if (pool && spec.stride > 1) pool_index++;
            in = resnet->channels[stage];
        }
    }
    return OK;
}

static enum status check_config(const struct resnet_config *config, const struct depth **depth)
{
    *depth = NULL;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        if (depths[i].depth == config->depth) *depth = &depths[i];
    if (!*depth)
        return fail(ERR_USAGE, "there is no ResNet-%d: choose 18, 34, 50, 101 or 152",
                    config->depth);
    if (config->trainable_layers < 0 || config->trainable_layers > N_STAGES + 1)
        return fail(ERR_USAGE, "trainable_layers is %d, expected 0 to %d",
                    config->trainable_layers, N_STAGES + 1);
    if (!(config->norm_eps >= 0)) return fail(ERR_USAGE, "the norm's epsilon is negative");
    if (config->stride_in_1x1 && !(*depth)->is_bottleneck)
        return fail(ERR_USAGE, "stride_in_1x1: ResNet-%d has no 1x1 convolutions in its blocks",
                    config->depth);
    const struct pool *pool = &config->pools[POOL_DOWNSAMPLE];
    if (pool->def && (pool->window.stride_h != 2 || pool->window.stride_w != 2))
        return fail(ERR_USAGE, "a downsample pool needs stride 2, not %dx%d",
                    pool->window.stride_h, pool->window.stride_w);
    return OK;
}

enum status resnet_create(const struct resnet_config *config, struct params *params,
                          const char *prefix, struct resnet **out)
{
    const struct depth *depth = NULL;
    TRY(check_config(config, &depth));
    struct resnet *resnet = mem_alloc(1, sizeof *resnet);
    if (!resnet) return ERR_MEMORY;
    resnet->config = *config;
    resnet->depth = depth;
    resnet->params = params;
    arena_init(&resnet->memory, &params->backend->memory);
    enum status status = declare_stem(resnet, prefix);
    if (status == OK) status = declare_stages(resnet, prefix);
    if (status != OK) {
        resnet_destroy(resnet);
        return status;
    }
    *out = resnet;
    return OK;
}

void resnet_destroy(struct resnet *resnet)
{
    if (!resnet) return;
    for (int stage = 0; stage < N_STAGES; stage++)
        for (int i = 0; i < resnet->depth->n_blocks[stage]; i++)
            block_free(&resnet->blocks[stage][i]);
    site_pool_destroy(resnet->stem_pool);
    arena_free(&resnet->memory);
    mem_free(resnet);
}

enum status resnet_refresh(struct resnet *resnet)
{
    TRY(conv_norm_fold(&resnet->stem, resnet->params));
    for (int stage = 0; stage < N_STAGES; stage++)
        for (int i = 0; i < resnet->depth->n_blocks[stage]; i++)
            TRY(block_fold(&resnet->blocks[stage][i], resnet->params));
    return OK;
}

static bool is_loaded(const struct params *params, const struct conv_norm *conv)
{
    const struct param *param = params_find(params, conv->weight->name);
    return param && param->loaded;
}

static enum status scale_weight(struct params *params, const struct conv_norm *conv, float factor)
{
    struct param *param = params_find(params, conv->weight->name);
    size_t n = tensor_count(conv->weight);
    float *values = mem_alloc(n, sizeof *values);
    if (!values) return ERR_MEMORY;
    enum status status = params_get(params, param, values);
    for (size_t i = 0; status == OK && i < n; i++) values[i] *= factor;
    if (status == OK) status = params_set(params, param, values);
    mem_free(values);
    return status;
}

enum status resnet_calm_fresh_branches(struct resnet *resnet, float factor, int *n_scaled)
{
    *n_scaled = 0;
    if (resnet->config.norm != NORM_FROZEN_BN || resnet->is_calm ||
        !is_loaded(resnet->params, &resnet->stem))
        return OK;
    resnet->is_calm = true;
    for (int stage = 0; stage < N_STAGES; stage++) {
        for (int i = 0; i < resnet->depth->n_blocks[stage]; i++) {
            const struct block *block = &resnet->blocks[stage][i];
            int last = block->n_convs - 1;
            while (last >= 0 && is_loaded(resnet->params, &block->convs[last])) last--;
            if (last < 0) continue;
            TRY(scale_weight(resnet->params, &block->convs[last], factor));
            ++*n_scaled;
        }
    }
    return OK;
}

int resnet_channels(const struct resnet *resnet, int stage)
{
    return resnet->channels[stage];
}

enum status resnet_forward(struct resnet *resnet, struct tape *tape, struct tensor *x,
                           const bool want[4], struct tensor *c[4])
{
    struct tensor *y = NULL, *next = NULL;
    TRY(conv_norm_forward(&resnet->stem, tape, x, NULL, true, &y));
    TRY(site_pool_forward(resnet->stem_pool, tape, y, &next));
    tape_drop(tape, y);
    y = next;

    int last = N_STAGES - 1;
    while (last >= 0 && !want[last]) last--;
    for (int stage = 0; stage < N_STAGES; stage++) c[stage] = NULL;
    for (int stage = 0; stage <= last; stage++) {
        for (int i = 0; i < resnet->depth->n_blocks[stage]; i++) {
            bool keep = i == 0 && stage > 0 && want[stage - 1];
            TRY(block_forward(&resnet->blocks[stage][i], tape, y, keep, &next));
            y = next;
        }
        if (want[stage]) c[stage] = y;
    }
    return OK;
}
