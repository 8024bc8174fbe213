#include "train/schedule.h"

#include <criterion/criterion.h>
#include <math.h>

#include "helper.h"

static struct config config;

static void is_lr(int64_t iteration, double expected)
{
    double lr = schedule_lr(&config, iteration);
    cr_assert(fabs(lr - expected) <= 1e-8 * expected, "%lld: %.12g, expected %.12g",
              (long long)iteration, lr, expected);
}

// Numbers of torch 2's LinearLR(0.001, 10) with MultiStepLR([5, 20], 0.1).
Test(schedule, warm_up_and_steps_as_torch)
{
    static const double expected[][2] = {{0, 2e-05},      {1, 0.002018}, {4, 0.008012},
                                         {5, 0.001001},   {9, 0.0018002}, {10, 0.002},
                                         {19, 0.002},     {20, 0.0002},  {24, 0.0002}};
    config_defaults(&config);
    helper_set(&config, "train.lr=0.02");
    helper_set(&config, "train.warmup_iterations=10");
    helper_set(&config, "train.steps=5,20");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        is_lr((int64_t)expected[i][0], expected[i][1]);
}

Test(schedule, fractions_of_the_run)
{
    config_defaults(&config);
    helper_set(&config, "train.warmup_iterations=0");
    helper_set(&config, "train.iterations=90000");
    helper_set(&config, "train.lr=1");
    is_lr(60002, 1);
    is_lr(60003, 0.1);
    is_lr(80001, 0.01);
    helper_set(&config, "train.steps=");
    is_lr(89999, 1);
}

// Numbers of torch 2's CosineAnnealingLR(T_max=90, eta_min=0.001) from 0.02.
Test(schedule, cosine_as_torch)
{
    static const double expected[][2] = {
        {0, 0.02}, {1, 0.0199942129}, {45, 0.0105}, {89, 0.00100578714}, {90, 0.001}};
    config_defaults(&config);
    helper_set(&config, "train.schedule=cosine");
    helper_set(&config, "train.lr=0.02");
    helper_set(&config, "train.lr_end=0.001");
    helper_set(&config, "train.iterations=100");
    helper_set(&config, "train.warmup_iterations=10");
    helper_set(&config, "train.warmup_factor=0.5");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        is_lr(10 + (int64_t)expected[i][0], expected[i][1]);
    is_lr(0, 0.01);
    is_lr(5, 0.015);
    is_lr(1000, 0.001);
}
