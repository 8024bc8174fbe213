#include "backbone/pool/mixed.h"

#include "backbone/pool/dispatch.h"

POOL_DECLARE_KERNELS(mixed);

static const struct pool_needs needs = {.values = mixed_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(mixed, &needs, mixed_y, mixed_dx)
