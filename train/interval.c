#include "train/interval.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "train/live_line.h"

void interval_start(struct interval *interval)
{
    *interval = (struct interval){.start = clock_seconds()};
}

void interval_add(struct interval *interval, const struct step_result *result)
{
    interval->n++;
    interval->wait += result->wait;
    interval->loss += result->loss;
    interval->grad_norm += result->grad_norm;
    for (int i = 0; i < result->n_losses; i++) interval->losses[i] += result->losses[i];
}

void interval_step(const struct interval *interval, int64_t iteration, double lr, int64_t n_images,
                   const struct step_result *last, struct metrics_step *step)
{
    double n = (double)interval->n, seconds = clock_seconds() - interval->start;
    *step = (struct metrics_step){
        .iteration = iteration,
        .lr = lr,
        .loss = interval->loss / n,
        .grad_norm = interval->grad_norm / n,
        .images_per_second = seconds > 0 ? n * (double)n_images / seconds : 0,
        .data_wait = seconds > 0 ? interval->wait / seconds : 0,
        .seconds = seconds,
        .n_losses = last->n_losses,
        .names = last->names,
    };
    for (int i = 0; i < last->n_losses; i++) step->losses[i] = interval->losses[i] / n;
}

void interval_print(const struct interval *interval, const struct metrics_step *step,
                    int64_t iterations)
{
    char left[24];
    double seconds_left =
        (double)(iterations - step->iteration) * step->seconds / (double)interval->n;
    printf("iteration %" PRId64 "/%" PRId64 "  loss %.4f", step->iteration, iterations, step->loss);
    for (int i = 0; i < step->n_losses; i++) printf("  %s %.4f", step->names[i], step->losses[i]);
    printf("  grad %.3g  lr %.3g  %.2f images/s  wait %.0f%%  left %s\n", step->grad_norm, step->lr,
           step->images_per_second, 100 * step->data_wait, live_line_time(seconds_left, left));
    fflush(stdout);
}
