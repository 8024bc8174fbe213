#include "train/experiment_run.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "eval/accuracy.h"
#include "train/class_source.h"
#include "train/evaluate_classes.h"
#include "train/live_line.h"
#include "train/run_folder.h"
#include "train/trainer.h"

enum { LABEL_BYTES = 64 };

// The state of the whole.
struct work {
    const struct experiment *experiment;
    const char *folder;
    const volatile sig_atomic_t *stop;
    struct trainer_whole whole;
    size_t index; // of the current run
    char label[LABEL_BYTES];
    struct live_line line; // of the measurement
};

enum status experiment_results_path(const char *folder, const struct experiment_run *run,
                                    char path[PATH_BYTES])
{
    char run_folder[PATH_BYTES];
    TRY(path_join(run_folder, folder, run->name));
    return path_join(path, run_folder, "results.json");
}

static bool is_trained(const struct work *work, const struct experiment_run *run)
{
    return experiment_source(work->experiment, run) == run;
}

static int64_t iterations_of(const struct work *work, const struct experiment_run *run)
{
    return is_trained(work, run) ? run->config.train.iterations : 0;
}

static bool is_stopped(const struct work *work)
{
    return work->stop && *work->stop;
}

static enum status interrupted(const struct work *work)
{
    const struct experiment *e = work->experiment;
    return fail(ERR_INTERRUPTED, "interrupted in run %zu of %zu, %s; the same command continues",
                work->index + 1, e->n_runs, e->runs[work->index].name);
}

static enum status train(struct work *work, const struct experiment_run *run, const char *folder)
{
    struct trainer_options options = {
        .output = folder, .stop = work->stop, .is_quiet = true, .whole = &work->whole};
    struct run_folder files;
    struct session *session = NULL;
    bool continues = false;
    enum status status = OK;
    GUARD(run_folder_init(&files, folder));
    options.resume = run_folder_is_used(&files);
    GUARD(trainer_check_output(&options, &continues));
    GUARD(session_open_training(&run->config, "auto", !continues, &session));
    GUARD(trainer_run(session, &options));
done:
    session_close(session);
    return status;
}

static bool show(void *context, size_t done, size_t total)
{
    struct work *work = (struct work *)context;
    live_line_update(&work->line, (int64_t)done, (int64_t)total, "measure");
    return is_stopped(work);
}

static enum status measure_boxes(struct session *session, const struct experiment_run *run,
                                 const struct evaluate_options *how, const char *results)
{
    struct coco_dataset *dataset = NULL;
    struct evaluate_output found;
    enum status status = OK;
    evaluate_output_init(&found);
    GUARD(coco_dataset_load(run->config.data.val_annotations, &dataset));
    GUARD(evaluate_detections(session, dataset, run->config.data.val_images, how, &found));
    GUARD(eval_results_save(results, found.detections, found.n));
done:
    evaluate_output_free(&found);
    coco_dataset_destroy(dataset);
    return status;
}

static enum status measure_classes(struct session *session, const struct experiment_run *run,
                                   const struct evaluate_options *how, const char *results)
{
    struct coco_dataset *dataset = NULL;
    struct class_results found;
    size_t n_broken = 0;
    enum status status = OK;
    class_results_init(&found);
    GUARD(class_source_load(&run->config, false, &session->classes, &dataset));
    GUARD(evaluate_classes(session, dataset, run->config.data.val_images, how, &found, &n_broken));
    GUARD(class_results_save(&found, results));
done:
    class_results_free(&found);
    coco_dataset_destroy(dataset);
    return status;
}

// The checkpoint that is measured, and how it is opened.
static enum status open_measured(const struct work *work, const struct experiment_run *run,
                                 struct session **session)
{
    const struct experiment *e = work->experiment;
    const struct experiment_run *source = experiment_source(e, run);
    const struct experiment_exchange *exchange = &e->exchanges[run->pooling];
    char threads[64], folder[PATH_BYTES];
    const char *overrides[1 + EXCHANGE_MAX] = {threads};
    struct run_folder files;
    int n = 1;
    snprintf(threads, sizeof threads, "train.threads=%" PRId64, run->config.train.threads);
    for (int i = 0; i < exchange->n; i++) overrides[n++] = exchange->texts[i];
    TRY(path_join(folder, work->folder, source->name));
    TRY(run_folder_init(&files, folder));
    bool is_best = e->settings.checkpoint == CHECKPOINT_BEST;
    return session_open_checkpoint(is_best ? files.best : files.last, NULL, "auto", n, overrides,
                                   session);
}

// From the file, not from what training left in memory: the table is that of the checkpoint.
static enum status measure(struct work *work, const struct experiment_run *run,
                           const char *results)
{
    struct evaluate_options how = {show, work, NULL};
    struct session *session = NULL;
    TRY(open_measured(work, run, &session));
    live_line_start(&work->line, work->label, 0);
    enum status status = work->experiment->is_classification
                             ? measure_classes(session, run, &how, results)
                             : measure_boxes(session, run, &how, results);
    live_line_clear(&work->line);
    session_close(session);
    return status;
}

enum { NUMBERS_BYTES = 80 };

static enum status tell_boxes(const struct work *work, const struct experiment_run *run,
                              const char *results, char text[NUMBERS_BYTES])
{
    struct eval_result result;
    TRY(eval_files(run->config.data.val_annotations, results,
                   (enum eval_type)work->experiment->settings.type, (int)run->config.train.threads,
                   &result));
    snprintf(text, NUMBERS_BYTES, "AP %.4f, AP50 %.4f, AP75 %.4f", result.stats[0],
             result.stats[1], result.stats[2]);
    eval_result_free(&result);
    return OK;
}

static enum status tell_classes(const char *results, char text[NUMBERS_BYTES])
{
    struct class_results found;
    struct accuracy accuracy;
    class_results_init(&found);
    enum status status = class_results_load(results, &found);
    if (status == OK) status = accuracy_measure(&found, &accuracy);
    if (status == OK) {
        snprintf(text, NUMBERS_BYTES, "top-1 %.4f, top-5 %.4f", accuracy.top1, accuracy.top5);
        accuracy_free(&accuracy);
    }
    class_results_free(&found);
    return status;
}

// "run 2/12 r18-soft-seed1: AP 0.5762, AP50 0.8871, AP75 0.6412; 5:12, 52:10 left"
static enum status report(const struct work *work, const struct experiment_run *run,
                          const char *results, double start)
{
    char taken[24], left[24], numbers[NUMBERS_BYTES];
    const struct trainer_whole *whole = &work->whole;
    double now = clock_seconds();
    int64_t done = whole->before + iterations_of(work, run), own = done - whole->found;
    double each = own > 0 ? (now - whole->start) / (double)own : 0;
    TRY(work->experiment->is_classification ? tell_classes(results, numbers)
                                            : tell_boxes(work, run, results, numbers));
    printf("%s %s: %s; %s, about %s left\n", work->label, run->name, numbers,
           live_line_time(now - start, taken),
           live_line_time(each * (double)(whole->total - done), left));
    fflush(stdout);
    return OK;
}

static enum status one_run(struct work *work, const struct experiment_run *run)
{
    char folder[PATH_BYTES], results[PATH_BYTES];
    double start = clock_seconds();
    TRY(path_join(folder, work->folder, run->name));
    TRY(experiment_results_path(work->folder, run, results));
    if (file_exists(results)) {
        printf("%s %s: finished before\n", work->label, run->name);
        work->whole.found += iterations_of(work, run);
        return OK;
    }
    if (is_stopped(work)) return interrupted(work);
    enum status status =
        is_trained(work, run) ? train(work, run, folder) : folder_create(folder);
    if (status == OK) status = measure(work, run, results);
    if (status == ERR_INTERRUPTED) return interrupted(work);
    if (status != OK) return fail_context(status, "run %s: ", run->name);
    log_set_quiet(true); // what the weights lack is the same in the next run: told once
    return report(work, run, results, start);
}

enum status experiment_run_all(const struct experiment *experiment, const char *folder,
                               const volatile sig_atomic_t *stop)
{
    struct work work = {.experiment = experiment, .folder = folder, .stop = stop};
    enum status status = OK;
    work.whole = (struct trainer_whole){.label = work.label, .start = clock_seconds()};
    for (size_t i = 0; i < experiment->n_runs; i++)
        work.whole.total += iterations_of(&work, &experiment->runs[i]);
    for (; work.index < experiment->n_runs && status == OK; work.index++) {
        const struct experiment_run *run = &experiment->runs[work.index];
        snprintf(work.label, sizeof work.label, "run %zu/%zu", work.index + 1, experiment->n_runs);
        status = one_run(&work, run);
        work.whole.before += iterations_of(&work, run);
    }
    log_set_quiet(false);
    return status;
}
