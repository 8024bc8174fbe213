// A convolution without bias followed by a normalisation layer, with torchvision's names.
#ifndef TARN_BACKBONE_NORM_H
#define TARN_BACKBONE_NORM_H

#include "base/arena.h"
#include "nn/ops.h"
#include "nn/params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum norm_type { NORM_FROZEN_BN, NORM_BN, NORM_GN };

struct norm_config {
    enum norm_type type;
    double eps;
    int groups; // NORM_GN
};

// NORM_FROZEN_BN: weight, bias, running_mean and running_var are buffers; the convolution's
// epilogue applies scale = weight / sqrt(running_var + eps), bias' = bias - running_mean * scale.
// NORM_BN: the same four tensors, weight and bias trainable. NORM_GN: weight and bias.
struct conv_norm {
    struct tensor *weight; // (O,kh,kw,I)
    struct norm_config norm;
    struct conv2d_args conv; // relu unused
    struct tensor *gamma, *beta, *mean, *var; // (O); mean and var NULL for NORM_GN
    struct tensor scale, bias;                // (O), NORM_FROZEN_BN: folded, in the owner's arena
};

struct conv_norm_spec {
    const char *conv_name, *norm_name; // "backbone.body.layer1.0.conv1", "...bn1"
    int in, out, kernel, stride, padding;
    bool frozen;
};

// Declares the parameters; `memory` (device memory, the owner's) holds the folded tensors.
// ERR_USAGE: groups that do not divide the channels, a name that is too long.
enum status conv_norm_declare(const struct conv_norm_spec *spec, const struct norm_config *norm,
                              struct params *params, struct arena *memory,
                              struct conv_norm *layer) MUST_USE;

// Computes scale and bias from the four buffers (nothing to do for other norms).
// ERR_DATA: a value that is not finite, e.g. a variance of 0 with eps 0.
enum status conv_norm_fold(struct conv_norm *layer, const struct params *params) MUST_USE;

// y = relu?( norm(x * weight) + residual ); residual may be NULL.
enum status conv_norm_forward(struct conv_norm *layer, struct tape *tape, struct tensor *x,
                              struct tensor *residual, bool relu, struct tensor **y) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
