#include "backbone/pool/dpp.h"

#include "cuda/pool/define.h"

// With a larger reference a 2x2 window is one of 3x3, whose learned weights come after the values.
enum { DPP_SLOTS_3 = DPP_WEIGHT + 9 };
POOL_CUDA_WINDOW(dpp, 8, DPP_N_VALUES, DPP_SLOTS_3, true, dpp_form, dpp_see_reference, dpp_value_of,
                 dpp_value_gradient)
