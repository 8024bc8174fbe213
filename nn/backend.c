#include "nn/backend.h"

const char *const op_names[N_OPS] = {
#define OP(name)         #name,
#define OP_NO_GRAD(name) #name,
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD
};

const bool op_has_gradient[N_OPS] = {
#define OP(name)         true,
#define OP_NO_GRAD(name) false,
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD
};
