#include "backbone/pool/lp.h"

#include "backbone/pool/dispatch.h"

POOL_DECLARE_KERNELS(lp);

static const struct pool_needs needs = {.values = lp_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(lp, &needs, lp_y, lp_dx)
