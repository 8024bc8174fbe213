// What a pool's NAME.cu consists of, where its maths is a function of one window:
//
//     #include "backbone/pool/lp.h"
//     #include "cuda/pool/define.h"
//
//     POOL_CUDA_WINDOW(lp, 8, 1, 1, false, lp_form, NULL, lp_value_of, lp_value_gradient)
//
// turns lp_y and lp_dx into the kernels `cuda_pool_lp`.
#ifndef TARN_CUDA_POOL_DEFINE_H
#define TARN_CUDA_POOL_DEFINE_H

#include "cuda/pool/backward.h"
#include "cuda/pool/registry.h"

#define POOL_CUDA(name_, forward_, backward_)                                                      \
    const struct cuda_pool cuda_pool_##name_ = {#name_, forward_, backward_};

// bytes: of a thread's channels of one element, 16 or, for long maths, 8. slots_2, slots_3: how
// many values of 2x2 and 3x3 windows have gradients, the first ones; form, see, value, gradient:
// see cuda/pool/values.h and map.h; form is NULL for a pool without values. overlaps: whether 2x2
// windows that overlap have kernels of their own.
#define POOL_CUDA_WINDOW(name_, bytes, slots_2, slots_3, overlaps, form, see, value, gradient)     \
    static enum status name_##_cuda_forward(const struct op_call *call)                            \
    {                                                                                              \
        struct pool_map map;                                                                       \
        TRY(pool_map_of(call, see, &map));                                                         \
        return pool_window_forward<bytes, name_##_y, value>(call, &map, form);                     \
    }                                                                                              \
    static enum status name_##_cuda_backward(const struct op_backward_call *backward)              \
    {                                                                                              \
        struct pool_map map;                                                                       \
        TRY(pool_map_of(backward->forward, see, &map));                                            \
        return pool_window_backward<bytes, slots_2, slots_3, overlaps, name_##_dx, value,          \
                                    gradient>(backward, &map, form);                               \
    }                                                                                              \
    POOL_CUDA(name_, name_##_cuda_forward, name_##_cuda_backward)

#endif
