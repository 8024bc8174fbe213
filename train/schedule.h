// The learning rate of each step.
#ifndef TARN_TRAIN_SCHEDULE_H
#define TARN_TRAIN_SCHEDULE_H

#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// iteration counts from 0. After torch's LinearLR and MultiStepLR or CosineAnnealingLR:
//   warm-up, i < W:  lr * (f + (1 - f) * i / W)   with f = warmup_factor
//   step:            lr * gamma^(number of steps <= i)
//   cosine:          lr_end + (lr - lr_end) * (1 + cos(pi * (i - W) / (iterations - W))) / 2
// Warm-up and steps multiply where they overlap.
double schedule_lr(const struct config *config, int64_t iteration);

#ifdef __cplusplus
}
#endif
#endif
