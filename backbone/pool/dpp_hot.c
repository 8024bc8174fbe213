#include "backbone/pool/dpp.h"

#include "backbone/pool/dispatch.h"

POOL_DECLARE_KERNELS(dpp);

static const struct pool_needs needs = {
    .values = dpp_form, .window = dpp_see_reference, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(dpp, &needs, dpp_y, dpp_dx)
