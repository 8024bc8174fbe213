#include "backbone/pool/ada.h"

#include "backbone/pool/dispatch.h"

POOL_DECLARE_KERNELS(ada);

static const struct pool_needs needs = {.values = ada_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(ada, &needs, ada_y, ada_dx)
