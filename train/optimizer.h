// One step over a model's flat buffers (the arithmetic of torch.optim.SGD and AdamW, see nn/ops.h).
#ifndef TARN_TRAIN_OPTIMIZER_H
#define TARN_TRAIN_OPTIMIZER_H

#include "nn/params.h"
#include "nn/tape.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

struct optimizer_args {
    double lr, momentum;
    double decay[N_PARAM_GROUPS];
    double clip_norm; // 0: off
    bool nesterov;
    bool first_step; // velocity holds nothing yet
    // NULL, or pinned memory that gets the norm's square with the next synchronize, unchecked.
    float *norm_squared_later;
    bool adamw;      // with params->second; momentum and nesterov are then unused
    double beta1, beta2, eps;
    int64_t step; // adamw: counts from 1
};

// The config's part of the arguments; lr, first_step and step are the caller's.
void optimizer_args_init(const struct config *config, struct optimizer_args *args);

// Updates values and velocity in place, after params_finish_grad. *grad_norm: of all trainable
// gradients, before clipping; ERR_NUMERIC, with nothing changed, when that is not finite. With
// norm_squared_later neither is looked at.
// The tape must not record; it is reset.
enum status optimizer_step(struct params *params, struct tape *tape,
                           const struct optimizer_args *args, double *grad_norm) MUST_USE;

// After a step: moves the average of all values, `iteration` counting from 0,
//   average = d average + (1 - d) values,  d = min(decay, (1 + iteration) / (10 + iteration)).
// Buffers (running statistics) are averaged too. params->average must be there.
enum status optimizer_average(struct params *params, struct tape *tape, double decay,
                              int64_t iteration) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
