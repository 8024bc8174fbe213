// One residual block: BasicBlock (two 3x3) or Bottleneck (1x1, 3x3, 1x1), torchvision's names.
#ifndef TARN_BACKBONE_RESNET_BLOCK_H
#define TARN_BACKBONE_RESNET_BLOCK_H

#include "backbone/norm.h"
#include "nn/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct block_spec {
    const char *prefix; // "backbone.body.layer1.0."
    bool is_bottleneck;
    bool stride_in_1x1; // of a bottleneck: the stride stands in its first convolution
    int in, planes;     // output channels: planes, of a bottleneck 4 * planes
    int stride;
    bool frozen;
    // NULL: strides as they are. Else, if stride > 1, the block's convolutions run at stride 1,
    // this pool follows its strided 3x3 (or stands before a 1x1 in its place, see
    // pool_def.replaces_conv) and another one precedes the shortcut's 1x1.
    const struct pool *pool;
    int pool_index; // of both: what they draw, they draw alike
};

struct block {
    struct conv_norm convs[3];
    int n_convs, n_before_pool; // the pool follows convs[n_before_pool - 1]
    bool has_downsample;
    struct conv_norm downsample;
    struct pool *pool, *shortcut_pool; // owned; NULL: none
};

enum status block_declare(const struct block_spec *spec, const struct norm_config *norm,
                          struct params *params, struct arena *memory,
                          struct block *block) MUST_USE;
void block_free(struct block *block);
enum status block_fold(struct block *block, const struct params *params) MUST_USE;

// Drops x unless keep_x.
enum status block_forward(struct block *block, struct tape *tape, struct tensor *x, bool keep_x,
                          struct tensor **y) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
