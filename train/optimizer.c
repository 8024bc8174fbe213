#include "train/optimizer.h"

#include <math.h>

#include "nn/ops.h"

static double inherit(double decay, double weight_decay)
{
    return decay < 0 ? weight_decay : decay;
}

void optimizer_args_init(const struct config *config, struct optimizer_args *args)
{
    double decay = config->train.weight_decay;
    *args = (struct optimizer_args){
        .lr = config->train.lr,
        .momentum = config->train.momentum,
        .clip_norm = config->train.clip_norm,
        .nesterov = config->train.nesterov,
    };
    args->decay[PARAM_WEIGHT] = decay;
    args->decay[PARAM_NORM] = inherit(config->train.norm_decay, decay);
    args->decay[PARAM_BIAS] = inherit(config->train.bias_decay, decay);
    args->decay[PARAM_POOL] = config->train.pool_weight_decay;
}

static struct tensor range(float *memory, size_t begin, size_t end)
{
    int64_t shape[1] = {(int64_t)(end - begin)};
    return tensor_wrap(DTYPE_F32, 1, shape, memory + begin);
}

enum status optimizer_step(struct params *params, struct tape *tape,
                           const struct optimizer_args *args, double *grad_norm)
{
    // One range over all groups: they lie side by side.
    struct tensor all = range(params->grads, 0, params->group_begin[N_PARAM_GROUPS]);
    struct tensor *norm_squared = NULL;
    float sum = 0;
    tape_reset(tape);
    if (tensor_count(&all) == 0) return fail(ERR_USAGE, "nothing to train: all layers are frozen");
    TRY(sum_squares(tape, &all, &norm_squared));
    struct backend *backend = params->backend;
    if (args->norm_squared_later) {
        TRY(backend->download_later(backend, args->norm_squared_later, norm_squared->data,
                                    sizeof sum));
    } else {
        TRY(backend->download(backend, &sum, norm_squared->data, sizeof sum));
        if (!isfinite(sum)) return fail(ERR_NUMERIC, "the gradient is not finite");
        *grad_norm = sqrt((double)sum);
    }
    for (int group = 0; group < N_PARAM_GROUPS; group++) {
        size_t begin = params->group_begin[group], end = params->group_begin[group + 1];
        if (begin == end) continue;
        struct tensor values = range(params->values, begin, end);
        struct tensor grads = range(params->grads, begin, end);
        struct tensor velocity = range(params->velocity, begin, end);
        struct sgd_args sgd = {
            .lr = (float)args->lr,
            .momentum = (float)args->momentum,
            .weight_decay = (float)args->decay[group],
            .max_norm = (float)args->clip_norm,
            .nesterov = args->nesterov,
            .first_step = args->first_step,
        };
        TRY(sgd_step(tape, &values, &grads, &velocity,
                     args->clip_norm > 0 ? norm_squared : NULL, &sgd));
    }
    tape_reset(tape);
    TRY(params_limit(params));
    backend->params_changed(backend);
    return OK;
}
