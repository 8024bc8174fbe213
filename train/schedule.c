#include "train/schedule.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static double decay(const struct config *config, int64_t iteration)
{
    double factor = 1;
    for (int i = 0; i < config->train.steps.n; i++) {
        double at = config->train.steps.v[i];
        if (at < 1) at = floor(at * (double)config->train.iterations + 0.5);
        if (at <= (double)iteration) factor *= config->train.gamma;
    }
    return factor;
}

double schedule_lr(const struct config *config, int64_t iteration)
{
    double lr = config->train.lr, warmup = (double)config->train.warmup_iterations;
    double i = (double)iteration, factor = config->train.warmup_factor;
    if (config->train.schedule == SCHEDULE_COSINE && i >= warmup) {
        double length = (double)config->train.iterations - warmup;
        double t = length > 0 ? fmin((i - warmup) / length, 1) : 1;
        return config->train.lr_end + (lr - config->train.lr_end) * (1 + cos(pi * t)) / 2;
    }
    if (config->train.schedule == SCHEDULE_STEP) lr *= decay(config, iteration);
    return i < warmup ? lr * (factor + (1 - factor) * i / warmup) : lr;
}
