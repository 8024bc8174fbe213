// What soft_nd.c hands to the kernels of soft_nd_hot.c.
#ifndef TARN_BACKBONE_POOL_SOFT_ND_HOT_H
#define TARN_BACKBONE_POOL_SOFT_ND_HOT_H

#include "cpu/isa.h"
#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOFT_ND_NAME "soft, one or three axes" // of its pool_def

struct soft_nd_args {
    struct pool_op_args op; // first: what the operation `pool` looks at
    int n, c;
    int in[3], out[3], kernel[3], stride[3], padding[3]; // depth, height, width
    double beta;
    bool is_detached;
};

ISA_DECLARE(enum status, soft_nd_forward, (const struct op_call *call));
ISA_DECLARE(enum status, soft_nd_backward, (const struct op_backward_call *call));

#ifdef __cplusplus
}
#endif
#endif
