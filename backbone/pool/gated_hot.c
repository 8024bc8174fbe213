#include "backbone/pool/gated.h"

#include "backbone/pool/dispatch.h"

POOL_DECLARE_KERNELS(gated);

static const struct pool_needs needs = {.values = gated_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(gated, &needs, gated_y, gated_dx)
