#include "nn/ops.h"
#include "nn/params.h"

enum status params_limit(struct params *params, struct tape *tape)
{
    for (size_t i = 0; i < params->n; i++) {
        struct param *param = params->items[i];
        if (!param->trainable || param->limit.kind == PARAM_FREE) continue;
        struct limit_args args = {
            .low = (float)param->limit.low,
            .high = (float)param->limit.high,
            .simplex = param->limit.kind == PARAM_SIMPLEX,
        };
        TRY(limit_values(tape, &param->tensor, &args));
    }
    return OK;
}
