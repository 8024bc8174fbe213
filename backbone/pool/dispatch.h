// In a pool's <name>.c: POOL_KERNELS(name) declares the kernels of <name>_hot.c,
// pool_<name>_forward and pool_<name>_backward, and defines `forward` and `backward`, which call
// those for this machine's instruction set.
#ifndef TARN_BACKBONE_POOL_DISPATCH_H
#define TARN_BACKBONE_POOL_DISPATCH_H

#include <stddef.h>

#include "cpu/isa.h"
#include "nn/pool.h"

#define POOL_DECLARE_KERNELS(name)                                                                 \
    ISA_DECLARE(enum status, pool_##name##_forward, (const struct op_call *call));                 \
    ISA_DECLARE(enum status, pool_##name##_backward, (const struct op_backward_call *call))

#define POOL_KERNELS(name)                                                                         \
    POOL_DECLARE_KERNELS(name);                                                                    \
    static enum status forward(const struct op_call *call)                                         \
    {                                                                                              \
        return ISA_PICK(pool_##name##_forward)(call);                                              \
    }                                                                                              \
    static enum status backward(const struct op_backward_call *call)                               \
    {                                                                                              \
        return ISA_PICK(pool_##name##_backward)(call);                                             \
    }

#endif
