#include "cli/eval_classes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/eval_progress.h"
#include "eval/accuracy.h"
#include "train/checkpoint.h"
#include "train/class_source.h"
#include "train/evaluate_classes.h"

enum { OWN = 4, ASSIGNMENT_BYTES = FIELD_STRING_BYTES + 32, MAX_TABLE = 50 };

enum status eval_classes_apply(const struct eval_options *options, bool *apply)
{
    struct classes classes = {.n = 0};
    struct config *config = (struct config *)mem_alloc(1, sizeof *config);
    if (!config) return ERR_MEMORY;
    config_defaults(config);
    enum status status = options->config[0]
                             ? config_load(options->config, config)
                             : checkpoint_read_config(options->checkpoint, config, &classes);
    if (status == OK) *apply = config_is_classifier(config);
    classes_free(&classes);
    mem_free(config);
    return status;
}

static bool has_use(const char *name)
{
    static const char *const names[] = {"annotations", "checkpoint", "config", "images", "charts",
                                        "save-results", "per-class", "json", "device"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

// What means nothing here must not be ignored without a word.
static enum status check_options(const struct eval_options *options)
{
    struct eval_options defaults;
    fields_defaults(eval_option_fields, &defaults);
    for (const struct field *f = eval_option_fields; f->name; f++) {
        cJSON *given = NULL, *initial = NULL;
        enum status status = OK;
        if (has_use(f->name)) continue;
        GUARD(field_to_json(f, options, &given));
        GUARD(field_to_json(f, &defaults, &initial));
        if (!cJSON_Compare(given, initial, true))
            status = fail(ERR_USAGE, "--%s: %s is a classifier, which has no use for it", f->name,
                          options->checkpoint);
    done:
        cJSON_Delete(given);
        cJSON_Delete(initial);
        TRY(status);
    }
    if (options->annotations[0] && !options->images[0])
        return fail(ERR_USAGE, "--annotations: needs --images, the folder of what it lists");
    return OK;
}

// The images of the command line stand in for those of the config; the user's own assignments,
// e.g. of data.format, come after.
static enum status open_model(const struct eval_options *options,
                              const struct arguments *arguments, struct session **session)
{
    char(*own)[ASSIGNMENT_BYTES] = (char(*)[ASSIGNMENT_BYTES])mem_alloc(OWN, sizeof *own);
    size_t n = 0, n_all = (size_t)arguments->n_assignments + OWN;
    const char **all = (const char **)mem_alloc(n_all, sizeof *all);
    enum status status = ERR_MEMORY;
    if (!own || !all) goto done;
    if (options->images[0]) {
        snprintf(own[0], sizeof *own, "data.train_images=");
        snprintf(own[1], sizeof *own, "data.train_annotations=");
        snprintf(own[2], sizeof *own, "data.val_images=%s", options->images);
        snprintf(own[3], sizeof *own, "data.val_annotations=%s", options->annotations);
        for (; n < OWN; n++) all[n] = own[n];
    }
    for (int i = 0; i < arguments->n_assignments; i++) all[n++] = arguments->assignments[i];
    status = session_open_checkpoint(options->checkpoint,
                                     options->config[0] ? options->config : NULL, options->device,
                                     (int)n, all, session);
done:
    mem_free(all);
    mem_free(own);
    return status;
}

// A checkpoint of another program does not know the names of its classes: the images' folders must
// be all of them, in its order.
static enum status load_images(struct session *session, struct coco_dataset **dataset)
{
    const struct config *config = &session->config;
    const struct classes *known = session->classes.n ? &session->classes : NULL;
    if (!config_has_validation_data(config))
        return fail(ERR_USAGE, "the checkpoint's config names no validation images: give --images, "
                               "and --annotations unless data.format=folder");
    TRY(class_source_load(config, false, known, dataset));
    enum status status = OK;
    if (!known && (int64_t)(*dataset)->n_categories != config->model.n_classes)
        status = fail(ERR_DATA, "%s: %zu classes, but the model has %lld and does not tell their "
                                "names",
                      (*dataset)->path, (*dataset)->n_categories,
                      (long long)config->model.n_classes);
    if (status == OK && !known) status = session_know_classes(session, *dataset);
    if (status == OK) return OK;
    coco_dataset_destroy(*dataset);
    *dataset = NULL;
    return status;
}

static enum status run_model(struct session *session, const struct coco_dataset *dataset,
                             struct class_results *results, size_t *n_broken)
{
    struct eval_progress progress;
    eval_progress_start(&progress, "evaluate");
    enum status status = evaluate_classes(session, dataset, session->config.data.val_images,
                                          &progress.options, results, n_broken);
    eval_progress_end(&progress);
    if (status == OK) eval_progress_log(&progress, results->n, "");
    return status;
}

static enum status draw(const struct accuracy *accuracy, const char *folder)
{
    char path[PATH_BYTES];
    TRY(folder_create(folder));
    TRY(path_join(path, folder, "confusion.png"));
    TRY(accuracy_draw(accuracy, path));
    TRY(path_join(path, folder, "classes.png"));
    return accuracy_draw_classes(accuracy, path);
}

static enum status report(const struct eval_options *options, const struct class_results *results)
{
    struct accuracy accuracy;
    enum status status = OK;
    TRY(accuracy_measure(results, &accuracy));
    if (options->per_class || accuracy.n_classes <= MAX_TABLE)
        accuracy_print_classes(&accuracy, stdout);
    accuracy_print(&accuracy, stdout);
    if (options->save_results[0]) GUARD(class_results_save(results, options->save_results));
    if (options->json[0]) GUARD(accuracy_save_json(&accuracy, options->json));
    if (options->charts[0]) GUARD(draw(&accuracy, options->charts));
done:
    accuracy_free(&accuracy);
    return status;
}

enum status eval_classes(const struct eval_options *options, const struct arguments *arguments)
{
    struct session *session = NULL;
    struct coco_dataset *dataset = NULL;
    struct class_results results;
    size_t n_broken = 0;
    enum status status = OK;
    class_results_init(&results);
    GUARD(check_options(options));
    GUARD(open_model(options, arguments, &session));
    GUARD(load_images(session, &dataset));
    GUARD(run_model(session, dataset, &results, &n_broken));
    GUARD(report(options, &results));
    if (n_broken)
        status = fail(ERR_DATA, "%zu of %zu images could not be read; they do not count", n_broken,
                      dataset->n_images);
done:
    class_results_free(&results);
    coco_dataset_destroy(dataset);
    session_close(session);
    return status;
}
