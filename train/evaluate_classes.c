#include "train/evaluate_classes.h"

#include <stdio.h>

#include "base/mem.h"
#include "nn/tape.h"

enum { NAME_BYTES = 32 };

enum status evaluate_classes_names(const struct session *session, struct class_results *results)
{
    size_t n = (size_t)session->config.model.n_classes;
    const char **names = (const char **)mem_alloc(n, sizeof *names);
    char(*made)[NAME_BYTES] = (char(*)[NAME_BYTES])mem_alloc(n, sizeof *made);
    enum status status = names && made ? OK : ERR_MEMORY;
    for (size_t i = 0; status == OK && i < n; i++) {
        const struct class_entry *entry = classes_find(&session->classes, (int)i);
        snprintf(made[i], sizeof made[i], "class %zu", i);
        names[i] = entry ? entry->name : made[i];
    }
    if (status == OK) status = class_results_set_classes(results, n, names);
    mem_free(names);
    mem_free(made);
    return status;
}

static enum status run_batch(struct session *session, const struct coco_dataset *dataset,
                             const struct batch *batch, float *logits,
                             struct class_results *results)
{
    session->tape->recording = session->tape->training = false;
    tape_reset(session->tape);
    TRY(detector_classify(session->detector, session->tape, batch, logits));
    for (int i = 0; i < batch->n; i++) {
        const struct coco_image *image = &dataset->images[batch->image_index[i]];
        TRY(class_results_add(results, image->id, image->file_name, batch->labels[i],
                              logits + (size_t)i * results->n_classes));
    }
    return OK;
}

enum status evaluate_classes(struct session *session, const struct coco_dataset *dataset,
                             const char *image_folder, const struct evaluate_options *options,
                             struct class_results *results, size_t *n_broken)
{
    struct loader_config config;
    struct loader *loader = NULL;
    float *logits = NULL;
    size_t done = 0;
    enum status status = OK;
    session_eval_loader(session, dataset, image_folder, &config);
    config.skip_broken = true;
    if (results->n_classes == 0) GUARD(evaluate_classes_names(session, results));
    logits = (float *)mem_alloc((size_t)config.batch_size, results->n_classes * sizeof *logits);
    if (!logits) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(loader_create(&config, &loader));
    for (;;) {
        struct batch *batch = NULL;
        GUARD(loader_next(loader, &batch));
        if (!batch) break;
        done += (size_t)batch->n;
        status = run_batch(session, dataset, batch, logits, results);
        loader_release(loader, batch);
        if (status != OK) goto done;
        if (options->progress && options->progress(options->context, done, dataset->n_images)) {
            status = fail(ERR_INTERRUPTED,
                          "interrupted during the evaluation; --resume starts it again");
            goto done;
        }
    }
    *n_broken += loader_n_broken(loader);
done:
    loader_destroy(loader);
    mem_free(logits);
    return status;
}
