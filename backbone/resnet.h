// ResNet-18/34/50/101/152 (He et al. 2016) as torchvision builds it, with selectable pools.
#ifndef TARN_BACKBONE_RESNET_H
#define TARN_BACKBONE_RESNET_H

#include "backbone/norm.h"
#include "nn/ops.h"
#include "nn/params.h"
#include "nn/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct resnet_config {
    int depth; // 18, 34, 50, 101, 152
    enum norm_type norm;
    double norm_eps;        // 1e-5; 0 for torchvision's COCO_V1 weights
    int gn_groups;          // 32
    bool stride_in_1x1;     // stride in a bottleneck's first 1x1 instead of its 3x3
    int trainable_layers;   // 0..5, counted from layer4 back; 5 includes the stem
    // Pools by site, def NULL: the original network (max 3x3/2 in the stem, strides in the
    // stages, average at the end). Only the fields def, window and args are read.
    struct pool pools[N_POOL_SITES];
};

struct resnet;
// Declares parameters under prefix ("backbone.body.", or "" for a classifier).
enum status resnet_create(const struct resnet_config *config, struct params *params,
                          const char *prefix, struct resnet **resnet) MUST_USE;
void resnet_destroy(struct resnet *resnet);

// After params changed by other means than the optimiser: folds frozen batch norms.
enum status resnet_refresh(struct resnet *resnet) MUST_USE;

// For weights that were loaded in part (struct param.loaded). A freshly initialised convolution
// expects batch norm to set its scale, but a frozen batch norm without statistics is an identity:
// every residual branch with a fresh convolution would add twice its input's second moment. Scales
// the last fresh convolution of each such branch by `factor`, so that the block starts close to
// its shortcut. Call it after loading; the second call does nothing, as do calls for other norms
// and for a network whose first convolution was not loaded. *n_scaled: branches touched.
enum status resnet_calm_fresh_branches(struct resnet *resnet, float factor, int *n_scaled) MUST_USE;

int resnet_channels(const struct resnet *resnet, int stage); // of C2..C5: stage 0..3

// x (N,H,W,3). c[i]: output of stage i (C2..C5), NULL where want[i] is false. Stages after the
// last wanted one are not computed. x itself is not dropped.
enum status resnet_forward(struct resnet *resnet, struct tape *tape, struct tensor *x,
                           const bool want[4], struct tensor *c[4]) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
