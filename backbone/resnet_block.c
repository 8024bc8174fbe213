#include "backbone/resnet_block.h"

#include <stdio.h>

#include "backbone/site_pool.h"
#include "base/mem.h"

enum { EXPANSION = 4, NAME_BYTES = sizeof((struct param *)NULL)->name };

static enum status declare_conv(const struct block_spec *spec, const struct norm_config *norm,
                                const char *conv_suffix, const char *norm_suffix, int in, int out,
                                int kernel, int stride, struct params *params,
                                struct arena *memory, struct conv_norm *conv)
{
    char conv_name[NAME_BYTES], norm_name[NAME_BYTES];
    int n = snprintf(conv_name, sizeof conv_name, "%s%s", spec->prefix, conv_suffix);
    int m = snprintf(norm_name, sizeof norm_name, "%s%s", spec->prefix, norm_suffix);
    if (n < 0 || m < 0 || n >= NAME_BYTES || m >= NAME_BYTES)
        return fail(ERR_USAGE, "the parameter name %s%s is too long", spec->prefix, conv_suffix);
    struct conv_norm_spec layer = {
        .conv_name = conv_name,
        .norm_name = norm_name,
        .in = in,
        .out = out,
        .kernel = kernel,
        .stride = stride,
        .padding = kernel / 2,
        .frozen = spec->frozen,
    };
    return conv_norm_declare(&layer, norm, params, memory, conv);
}

static enum status declare_pools(const struct block_spec *spec, int branch_channels,
                                 struct params *params, struct block *block)
{
    char prefix[NAME_BYTES];
    snprintf(prefix, sizeof prefix, "%spool.", spec->prefix);
    TRY(site_pool_create(spec->pool, POOL_DOWNSAMPLE, spec->pool_index, params, prefix,
                          branch_channels, &block->pool));
    snprintf(prefix, sizeof prefix, "%sdownsample_pool.", spec->prefix);
    // With one index both draw the same rows and columns of their maps (S3Pool): the sum of branch
    // and shortcut is that of the same places.
    return site_pool_create(spec->pool, POOL_DOWNSAMPLE, spec->pool_index, params, prefix,
                             spec->in, &block->shortcut_pool);
}

static enum status declare_all(const struct block_spec *spec, const struct norm_config *norm,
                               struct params *params, struct arena *memory, struct block *block)
{
    int out = spec->is_bottleneck ? EXPANSION * spec->planes : spec->planes;
    bool pooled = spec->pool && spec->stride > 1;
    bool replaces = pooled && spec->pool->def->replaces_conv &&
                    spec->pool->def->replaces_conv(spec->pool);
    int stride = pooled ? 1 : spec->stride; // of the convolutions
    if (spec->is_bottleneck) {
        int stride1 = spec->stride_in_1x1 ? stride : 1, stride2 = spec->stride_in_1x1 ? 1 : stride;
        block->n_convs = 3;
        block->n_before_pool = replaces ? 1 : 2;
        TRY(declare_conv(spec, norm, "conv1", "bn1", spec->in, spec->planes, 1, stride1, params,
                         memory, &block->convs[0]));
        TRY(declare_conv(spec, norm, "conv2", "bn2", spec->planes, spec->planes,
                         replaces ? 1 : 3, stride2, params, memory, &block->convs[1]));
        TRY(declare_conv(spec, norm, "conv3", "bn3", spec->planes, out, 1, 1, params, memory,
                         &block->convs[2]));
    } else if (replaces) {
        return fail(ERR_USAGE, "pool %s cannot replace a convolution of %s: only bottlenecks (from "
                               "ResNet-50 on) have a 1x1 convolution to go with it",
                    spec->pool->def->name, spec->prefix);
    } else {
        block->n_convs = 2;
        block->n_before_pool = 1;
        TRY(declare_conv(spec, norm, "conv1", "bn1", spec->in, out, 3, stride, params, memory,
                         &block->convs[0]));
        TRY(declare_conv(spec, norm, "conv2", "bn2", out, out, 3, 1, params, memory,
                         &block->convs[1]));
    }
    block->has_downsample = spec->stride != 1 || spec->in != out;
    if (block->has_downsample)
        TRY(declare_conv(spec, norm, "downsample.0", "downsample.1", spec->in, out, 1, stride,
                         params, memory, &block->downsample));
    return pooled ? declare_pools(spec, spec->planes, params, block) : OK;
}

enum status block_declare(const struct block_spec *spec, const struct norm_config *norm,
                          struct params *params, struct arena *memory, struct block *block)
{
    *block = (struct block){0};
    enum status status = declare_all(spec, norm, params, memory, block);
    if (status != OK) block_free(block);
    return status;
}

void block_free(struct block *block)
{
    site_pool_destroy(block->pool);
    site_pool_destroy(block->shortcut_pool);
    block->pool = block->shortcut_pool = NULL;
}

enum status block_fold(struct block *block, const struct params *params)
{
    for (int i = 0; i < block->n_convs; i++) TRY(conv_norm_fold(&block->convs[i], params));
    return block->has_downsample ? conv_norm_fold(&block->downsample, params) : OK;
}

static enum status run_shortcut(struct block *block, struct tape *tape, struct tensor *x,
                                struct tensor **shortcut)
{
    struct tensor *pooled = NULL;
    if (block->shortcut_pool) TRY(site_pool_forward(block->shortcut_pool, tape, x, &pooled));
    TRY(conv_norm_forward(&block->downsample, tape, pooled ? pooled : x, NULL, false, shortcut));
    if (pooled) tape_drop(tape, pooled);
    return OK;
}

enum status block_forward(struct block *block, struct tape *tape, struct tensor *x, bool keep_x,
                          struct tensor **y)
{
    struct tensor *branch = x;
    for (int i = 0; i < block->n_convs - 1; i++) {
        struct tensor *next = NULL;
        TRY(conv_norm_forward(&block->convs[i], tape, branch, NULL, true, &next));
        if (branch != x) tape_drop(tape, branch);
        branch = next;
        if (block->pool && i + 1 == block->n_before_pool) {
            TRY(site_pool_forward(block->pool, tape, branch, &next));
            tape_drop(tape, branch);
            branch = next;
        }
    }
    // The shortcut comes late, so that at most one wide map is held beside the input.
    struct tensor *shortcut = x;
    if (block->has_downsample) {
        TRY(run_shortcut(block, tape, x, &shortcut));
        if (!keep_x) tape_drop(tape, x);
    }
    TRY(conv_norm_forward(&block->convs[block->n_convs - 1], tape, branch, shortcut, true, y));
    tape_drop(tape, branch);
    if (shortcut != x)
        tape_drop(tape, shortcut);
    else if (!keep_x)
        tape_drop(tape, x);
    return OK;
}
