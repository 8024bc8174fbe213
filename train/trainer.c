#define _POSIX_C_SOURCE 200809L
#include "train/trainer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "nn/tape.h"
#include "train/evaluate.h"
#include "train/interval.h"
#include "train/live_line.h"
#include "train/loader_config.h"
#include "train/metrics.h"
#include "train/pool_values.h"
#include "train/run_folder.h"
#include "train/schedule.h"

struct trainer {
    struct session *session;
    const struct trainer_options *options;
    const struct config *config; // the session's
    struct run_folder folder;
    struct progress progress;
    struct metrics *metrics;
    struct loader *loader;
    struct live_line line;
    bool prints_lines; // one of stdout and stderr is no terminal
    struct interval interval;
    int64_t saved; // iteration of the last save
    struct step_log *log;    // NULL: each step's losses are read at once
    struct step_result last; // the last step that was read
};

enum status trainer_check_output(const struct trainer_options *options, bool *continues)
{
    struct run_folder folder;
    TRY(run_folder_init(&folder, options->output));
    *continues = options->resume && file_exists(folder.state);
    if (options->resume || !run_folder_is_used(&folder)) return OK;
    return fail(ERR_USAGE, "%s: holds another run; continue it with --resume or choose another "
                           "folder", options->output);
}

static bool is_stopped(const struct trainer *t)
{
    return t->options->stop && *t->options->stop;
}

static struct checkpoint checkpoint_of(const struct trainer *t)
{
    return (struct checkpoint){t->config, &t->session->classes,
                               detector_params(t->session->detector), &t->progress};
}

// What steps since the last call had to tell. Before anything is written: a loss that is not finite
// ends the training here.
static enum status collect(struct trainer *t)
{
    const struct step_result *results = NULL;
    int n = 0;
    if (!t->log) return OK;
    TRY(step_log_read(t->log, &results, &n));
    for (int i = 0; i < n; i++) interval_add(&t->interval, &results[i]);
    if (n > 0) t->last = results[n - 1];
    return OK;
}

static enum status save(struct trainer *t)
{
    int64_t keep_every = t->config->train.keep_every;
    TRY(collect(t));
    struct checkpoint checkpoint = checkpoint_of(t);
    t->progress.log_bytes = metrics_log_bytes(t->metrics);
    bool keep = keep_every > 0 && t->progress.iteration % keep_every == 0;
    TRY(run_folder_save(&t->folder, &checkpoint, keep));
    t->saved = t->progress.iteration;
    if (metrics_draw(t->metrics) != OK) log_warn("chart not drawn: %s", fail_message());
    return OK;
}

static bool evaluation_is_due(const struct trainer *t)
{
    int64_t i = t->progress.iteration, every = t->config->train.eval_every;
    if (!t->session->val || i == 0 || t->progress.evaluated >= i) return false;
    return i == t->config->train.iterations || (every > 0 && i % every == 0);
}

static bool has_live_line(const struct trainer *t)
{
    return !t->options->is_quiet || t->options->whole;
}

static void start_line(struct trainer *t)
{
    const struct trainer_whole *whole = t->options->whole;
    live_line_start(&t->line, whole ? whole->label : "train", t->progress.iteration);
    if (!whole) return;
    t->line.first = whole->found;
    t->line.start = whole->start;
}

static bool show_evaluation(void *context, size_t done, size_t total)
{
    struct trainer *t = (struct trainer *)context;
    const struct trainer_whole *whole = t->options->whole;
    if (has_live_line(t))
        live_line_update(&t->line, (int64_t)done, (int64_t)total, whole ? whole->label : NULL);
    return is_stopped(t);
}

// An evaluation that fails or is interrupted, or an image that cannot be read, must not cost what
// was trained.
static enum status save_and_fail(struct trainer *t, enum status status)
{
    char message[2048];
    if (t->saved == t->progress.iteration) return status;
    snprintf(message, sizeof message, "%s", fail_message());
    TRY(save(t));
    return fail(status, "%s", message);
}

static void print_evaluation(const struct trainer *t, const struct evaluate_stats *stats,
                             double seconds)
{
    printf("iteration %" PRId64 ": validation ", t->progress.iteration);
    if (stats->is_classification)
        printf("top-1 %.4f, top-5 %.4f, loss %.4f", stats->top1, stats->top5, stats->loss);
    else
        printf("AP %.4f, AP50 %.4f, AP75 %.4f", stats->boxes[0], stats->boxes[1],
               stats->boxes[2]);
    if (stats->has_masks)
        printf("; masks AP %.4f, AP50 %.4f, AP75 %.4f", stats->masks[0], stats->masks[1],
               stats->masks[2]);
    printf(" (%.1f s)\n", seconds);
    fflush(stdout);
}

// Measures and saves.
static enum status evaluate(struct trainer *t)
{
    struct evaluate_stats stats;
    double start = clock_seconds();
    struct evaluate_options how = {show_evaluation, t, t->folder.confusion};
    TRY(collect(t));
    live_line_clear(&t->line);
    live_line_start(&t->line, "evaluate", 0);
    enum status status = session_use_average(t->session, true);
    if (status == OK) status = evaluate_validation(t->session, &how, &stats);
    if (status == OK) status = session_use_average(t->session, false);
    live_line_clear(&t->line);
    start_line(t);
    if (status != OK) return save_and_fail(t, status);
    double seconds = clock_seconds() - start;
    t->interval.start += seconds; // not the training's time
    if (!t->options->is_quiet) print_evaluation(t, &stats, seconds);
    TRY(metrics_log_eval(t->metrics, t->progress.iteration, seconds, &stats));
    t->progress.evaluated = t->progress.iteration;
    const char *name;
    double ap = evaluate_best(t->config, &stats, &name);
    if (ap > t->progress.best_ap) {
        t->progress.best_ap = ap;
        t->progress.best_iteration = t->progress.iteration;
        struct checkpoint checkpoint = checkpoint_of(t);
        TRY(checkpoint_save_model(t->folder.best, &checkpoint));
    }
    return save(t);
}

static enum status log_interval(struct trainer *t, double lr)
{
    struct metrics_step step;
    int64_t n_images = t->config->train.batch_size * t->config->train.accumulate;
    interval_step(&t->interval, t->progress.iteration, lr, n_images, &t->last, &step);
    if (t->prints_lines)
        interval_print(&t->interval, &step, t->config->train.iterations);
    interval_start(&t->interval);
    char *pools = NULL;
    TRY(pool_values_json(detector_params(t->session->detector), &pools));
    step.pools = pools;
    enum status status = metrics_log_step(t->metrics, &step);
    mem_free(pools);
    return status;
}

// Of each name the first word, and of that five letters: the line must fit a terminal.
static void show_step(struct trainer *t)
{
    const struct step_result *result = &t->last;
    char text[160];
    int n = snprintf(text, sizeof text, "loss %.3f", result->loss);
    for (int i = 0; i < result->n_losses && n > 0 && n < (int)sizeof text; i++) {
        int letters = (int)strcspn(result->names[i], "_");
        n += snprintf(text + n, sizeof text - (size_t)n, " %.*s %.3f", letters < 5 ? letters : 5,
                      result->names[i], result->losses[i]);
    }
    const struct trainer_whole *whole = t->options->whole;
    live_line_update(&t->line, t->progress.iteration + (whole ? whole->before : 0),
                     whole ? whole->total : t->config->train.iterations, text);
}

static enum status one_iteration(struct trainer *t)
{
    double lr = schedule_lr(t->config, t->progress.iteration);
    struct step_result result;
    if (t->log && step_log_is_full(t->log, t->config->train.accumulate)) TRY(collect(t));
    enum status status =
        train_step(t->session, t->loader, t->log, t->progress.iteration, lr, &result);
    if (status == ERR_IO || status == ERR_PARSE || status == ERR_DATA)
        return save_and_fail(t, status);
    TRY(status);
    t->progress.iteration++;
    if (!t->log) {
        interval_add(&t->interval, &result);
        t->last = result;
    }
    bool is_last = t->progress.iteration == t->config->train.iterations;
    bool is_logged = t->progress.iteration % t->config->train.log_every == 0 || is_last;
    if (is_logged) TRY(collect(t));
    if (has_live_line(t)) show_step(t);
    return is_logged ? log_interval(t, lr) : OK;
}

static enum status stop(struct trainer *t)
{
    live_line_clear(&t->line);
    TRY(save(t));
    return fail(ERR_INTERRUPTED, "interrupted; iteration %" PRId64 " is saved in %s, continue with "
                                 "--resume", t->progress.iteration, t->options->output);
}

static enum status loop(struct trainer *t)
{
    const struct config *config = t->config;
    interval_start(&t->interval);
    start_line(t);
    t->saved = t->progress.iteration;
    t->prints_lines = !t->options->is_quiet && !(t->line.is_shown && isatty(STDOUT_FILENO));
    if (evaluation_is_due(t)) TRY(evaluate(t)); // the kill came before it was finished
    while (t->progress.iteration < config->train.iterations) {
        TRY(one_iteration(t));
        if (is_stopped(t)) return stop(t);
        int64_t i = t->progress.iteration;
        if (evaluation_is_due(t))
            TRY(evaluate(t));
        else if (i == config->train.iterations || i % config->train.checkpoint_every == 0)
            TRY(save(t));
    }
    return OK;
}

static void print_start(const struct trainer *t)
{
    const struct session *s = t->session;
    const struct params *params = detector_params(s->detector);
    char backend[256];
    s->backend->describe(s->backend, backend, sizeof backend);
    log_info("%s", backend);
    log_info("training: %zu images of %zu class%s; validation: %zu images", s->train->n_images,
             s->classes.n, s->classes.n == 1 ? "" : "es", s->val ? s->val->n_images : 0);
    log_info("%.2f million parameters, %.2f million trained; %" PRId64 " iterations of %" PRId64
             " images",
             (double)params_count(params, false) * 1e-6, (double)params_count(params, true) * 1e-6,
             t->config->train.iterations,
             t->config->train.batch_size * t->config->train.accumulate);
}

static void print_end(const struct trainer *t)
{
    printf("finished: %s\n", t->folder.last);
    if (!t->progress.best_iteration) return;
    const struct evaluate_stats kind = {.has_masks = config_has_masks(t->config),
                                        .is_classification = config_is_classifier(t->config)};
    const char *name;
    (void)evaluate_best(t->config, &kind, &name);
    printf("best validation %s %.4f at iteration %" PRId64 ": %s\n", name, t->progress.best_ap,
           t->progress.best_iteration, t->folder.best);
}

static enum status open_loader(struct trainer *t)
{
    const struct config *config = t->config;
    struct loader_config loader;
    loader_config_training(config, t->session->train,
                           t->progress.iteration * config->train.accumulate, &loader);
    if (t->session->backend->is_async) {
        loader.memory = &t->session->backend->pinned;
        loader.keeps_pixels = true;
    }
    return loader_create(&loader, &t->loader);
}

static enum status resume(struct trainer *t)
{
    bool continues = false;
    t->progress.best_ap = -1;
    TRY(trainer_check_output(t->options, &continues));
    if (!continues) {
        if (t->options->resume)
            log_info("%s: no checkpoint yet, training starts at the beginning", t->options->output);
        return OK;
    }
    TRY(run_folder_compare_config(&t->folder, t->config));
    TRY(checkpoint_load_state(t->folder.state, detector_params(t->session->detector),
                              &t->progress));
    TRY(detector_refresh(t->session->detector));
    if (t->options->whole) t->options->whole->found += t->progress.iteration;
    log_info("%s: continuing at iteration %" PRId64 " of %" PRId64, t->options->output,
             t->progress.iteration, t->config->train.iterations);
    return OK;
}

enum status trainer_run(struct session *session, const struct trainer_options *options)
{
    struct trainer *t = (struct trainer *)mem_alloc(1, sizeof *t);
    if (!t) return ERR_MEMORY;
    t->session = session;
    t->options = options;
    t->config = &session->config;
    enum status status = OK;
    GUARD(run_folder_init(&t->folder, options->output));
    GUARD(resume(t));
    GUARD(run_folder_prepare(&t->folder));
    GUARD(run_folder_save_config(&t->folder, t->config));
    GUARD(metrics_open(options->output, t->progress.log_bytes, &t->metrics));
    if (session->backend->is_async && t->config->train.accumulate <= STEP_LOG_MAX_BATCHES)
        GUARD(step_log_create(session->backend, &t->log));
    GUARD(open_loader(t));
    if (!options->is_quiet) print_start(t);
    GUARD(loop(t));
    live_line_clear(&t->line);
    if (!options->is_quiet) print_end(t);
done:
    live_line_clear(&t->line);
    loader_destroy(t->loader);
    step_log_destroy(t->log);
    metrics_close(t->metrics);
    mem_free(t);
    return status;
}
