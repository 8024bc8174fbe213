#include "backbone/pool/ordinal.h"

#include "backbone/pool/dispatch.h"

POOL_DECLARE_KERNELS(ordinal);

static const struct pool_needs needs = {.values = ordinal_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(ordinal, &needs, ordinal_y, ordinal_dx)
