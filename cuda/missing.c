#include "cuda/kernels.h"

static inline enum status refuse(const char *name)
{
    return fail(ERR_UNSUPPORTED, "the CUDA backend has no kernel for %s yet: use --device cpu",
                name);
}

#define MISSING_NO_GRAD(name)                                                                      \
    enum status cuda_##name##_forward(const struct op_call *call)                                  \
    {                                                                                              \
        (void)call;                                                                                \
        return refuse(#name);                                                                      \
    }
#define MISSING(name)                                                                              \
    MISSING_NO_GRAD(name)                                                                          \
    enum status cuda_##name##_backward(const struct op_backward_call *backward)                    \
    {                                                                                              \
        (void)backward;                                                                            \
        return refuse(#name);                                                                      \
    }
#include "cuda/missing.def"
#undef MISSING
#undef MISSING_NO_GRAD

bool cuda_lacks(enum op op)
{
    switch (op) {
#define MISSING(name)         case OP_##name:
#define MISSING_NO_GRAD(name) case OP_##name:
#include "cuda/missing.def"
#undef MISSING
#undef MISSING_NO_GRAD
    case N_OPS:
        return true;
    default:
        return false;
    }
}
