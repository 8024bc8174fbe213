// One SGD step over a model's flat buffers (torch.optim.SGD's arithmetic, see nn/ops.h).
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
};

// The config's part of the arguments; lr and first_step are the caller's.
void optimizer_args_init(const struct config *config, struct optimizer_args *args);

// Updates values and velocity in place, after params_finish_grad. *grad_norm: of all trainable
// gradients, before clipping; ERR_NUMERIC, with nothing changed, when that is not finite. With
// norm_squared_later neither is looked at.
// The tape must not record; it is reset.
enum status optimizer_step(struct params *params, struct tape *tape,
                           const struct optimizer_args *args, double *grad_norm) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
