// A convolution or linear layer with bias, declared with a name's ".weight" and ".bias".
#ifndef TARN_DETECT_LAYER_H
#define TARN_DETECT_LAYER_H

#include "nn/ops.h"
#include "nn/params.h"

#ifdef __cplusplus
extern "C" {
#endif

struct layer {
    struct tensor *weight, *bias;
};

struct layer_init {
    enum init_kind weight;
    double weight_a;
    enum init_kind bias;
    double bias_a;
};

// Weight (O,kernel,kernel,I).
enum status layer_declare_conv(struct params *params, const char *name, int out, int kernel, int in,
                               const struct layer_init *init, struct layer *layer) MUST_USE;

// Weight (2,2,O,I) of conv_transpose (nn/ops_rcnn.h).
enum status layer_declare_conv_transpose(struct params *params, const char *name, int out, int in,
                                         const struct layer_init *init,
                                         struct layer *layer) MUST_USE;

// Weight (O, C*H*W) for an input of chw channels, height and width; (O, C) with chw {C, 1, 1}.
// Weight and bias start as PyTorch's: uniform within 1 / sqrt(inputs).
enum status layer_declare_linear(struct params *params, const char *name, int out,
                                 const int chw[3], struct layer *layer) MUST_USE;

// A convolution with stride 1 that keeps the map's size; without relu its output is a prediction,
// f32 whatever x is.
enum status layer_conv(const struct layer *layer, struct tape *tape, struct tensor *x, bool relu,
                       struct tensor **y) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
