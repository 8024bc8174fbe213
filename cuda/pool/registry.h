// The CUDA kernels of the pooling layers, found by the layer's name: backbone/ knows none of them.
#ifndef TARN_CUDA_POOL_REGISTRY_H
#define TARN_CUDA_POOL_REGISTRY_H

#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cuda_pool {
    const char *name; // pool_def.name
    op_forward forward;
    op_backward backward;
};

#define POOL(name) extern const struct cuda_pool cuda_pool_##name;
#include "backbone/pool/pools.def"
extern const struct cuda_pool cuda_pool_soft_nd; // of backbone/pool/soft_nd.h

// ERR_UNSUPPORTED: there is none.
enum status cuda_pool_find(const struct pool_def *def, const struct cuda_pool **pool) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
