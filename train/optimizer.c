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
        .adamw = config->train.optimizer == OPTIMIZER_ADAMW,
        .beta1 = config->train.beta1,
        .beta2 = config->train.beta2,
        .eps = config->train.adam_eps,
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

static enum status step_group(struct params *params, struct tape *tape,
                              const struct optimizer_args *args, int group,
                              struct tensor *norm_squared)
{
    size_t begin = params->group_begin[group], end = params->group_begin[group + 1];
    struct tensor values = range(params->values, begin, end);
    struct tensor grads = range(params->grads, begin, end);
    struct tensor velocity = range(params->velocity, begin, end);
    if (args->adamw) {
        struct tensor second = range(params->second, begin, end);
        struct adamw_args adamw = {
            .lr = (float)args->lr,
            .beta1 = (float)args->beta1,
            .beta2 = (float)args->beta2,
            .eps = (float)args->eps,
            .weight_decay = (float)args->decay[group],
            .max_norm = (float)args->clip_norm,
            .step = args->step,
        };
        return adamw_step(tape, &values, &grads, &velocity, &second, norm_squared, &adamw);
    }
    struct sgd_args sgd = {
        .lr = (float)args->lr,
        .momentum = (float)args->momentum,
        .weight_decay = (float)args->decay[group],
        .max_norm = (float)args->clip_norm,
        .nesterov = args->nesterov,
        .first_step = args->first_step,
    };
    return sgd_step(tape, &values, &grads, &velocity, norm_squared, &sgd);
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
    if (args->clip_norm <= 0) norm_squared = NULL;
    for (int group = 0; group < N_PARAM_GROUPS; group++)
        if (params->group_begin[group] < params->group_begin[group + 1])
            TRY(step_group(params, tape, args, group, norm_squared));
    TRY(params_limit(params, tape));
    tape_reset(tape);
    backend->params_changed(backend);
    return OK;
}

// SGD whose gradient is values - average and whose rate is negative.
enum status optimizer_average(struct params *params, struct tape *tape, double decay,
                              int64_t iteration)
{
    struct tensor average = range(params->average, 0, params->n_values);
    struct tensor values = range(params->values, 0, params->n_values);
    struct tensor *difference = NULL;
    double i = (double)iteration, d = fmin(decay, (1 + i) / (10 + i));
    struct sgd_args args = {.lr = (float)(d - 1), .weight_decay = -1.0f, .first_step = true};
    tape_reset(tape);
    TRY(tape_tensor(tape, DTYPE_F32, 1, values.shape, &difference));
    TRY(sgd_step(tape, &average, &values, difference, NULL, &args));
    tape_reset(tape);
    return OK;
}
