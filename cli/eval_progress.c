#include "cli/eval_progress.h"

#include "base/log.h"

static bool show(void *context, size_t done, size_t total)
{
    live_line_update((struct live_line *)context, (int64_t)done, (int64_t)total, NULL);
    return false;
}

void eval_progress_start(struct eval_progress *progress, const char *label)
{
    progress->options = (struct evaluate_options){.progress = show, .context = &progress->line};
    live_line_start(&progress->line, label, 0);
    progress->start = clock_seconds();
}

void eval_progress_end(struct eval_progress *progress)
{
    progress->seconds = clock_seconds() - progress->start;
    live_line_clear(&progress->line);
}

void eval_progress_log(const struct eval_progress *progress, size_t n_images, const char *more)
{
    double seconds = progress->seconds;
    log_info("%zu images in %.2f s, %.1f images/s%s", n_images, seconds,
             seconds > 0 ? (double)n_images / seconds : 0, more);
}
