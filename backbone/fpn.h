// Feature pyramid network (Lin et al., CVPR 2017) as torchvision builds it: 1x1 laterals, nearest
// upsampling to the lateral's size, a 3x3 convolution on every merged level; biases, no norms.
#ifndef TARN_BACKBONE_FPN_H
#define TARN_BACKBONE_FPN_H

#include "nn/ops.h"
#include "nn/params.h"
#include "nn/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fpn_extra {
    FPN_P6_P7,    // p6: 3x3/2 of the last output or input, p7: 3x3/2 of relu(p6) (RetinaNet)
    FPN_MAX_POOL, // one level more: every second pixel of the last output (Mask R-CNN)
};

enum { FPN_MAX_IN = 4, FPN_MAX_OUT = FPN_MAX_IN + 2 };

struct fpn_config {
    int n_in;                    // 1..4
    int in_channels[FPN_MAX_IN]; // fine to coarse
    int out_channels;            // 256
    enum fpn_extra extra;
    bool p6_from_input; // FPN_P6_P7: of the last input (C5) instead of the last output (P5)
};

struct fpn;
// Declares <prefix>inner_blocks.{i}.0, layer_blocks.{i}.0 and extra_blocks.p6, .p7;
// prefix "backbone.fpn.".
enum status fpn_create(const struct fpn_config *config, struct params *params, const char *prefix,
                       struct fpn **fpn) MUST_USE;
void fpn_destroy(struct fpn *fpn);

int fpn_levels(const struct fpn *fpn); // n_in + 2 or n_in + 1

// c: n_in maps, fine to coarse; p: fpn_levels maps. Drops c (tape_drop): not usable afterwards
// unless the tape records.
enum status fpn_forward(struct fpn *fpn, struct tape *tape, struct tensor *const *c,
                        struct tensor **p) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
