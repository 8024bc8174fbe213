#include "train/evaluate_classes.h"

#include <stdio.h>

#include "base/mem.h"

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

struct job {
    struct session *session;
    const struct coco_dataset *dataset;
    float *logits; // grown as batches need it
    size_t capacity;
    struct class_results *results;
};

static enum status run_batch(void *context, const struct batch *batch)
{
    struct job *job = (struct job *)context;
    struct class_results *results = job->results;
    TRY(mem_reserve(&job->logits, &job->capacity, (size_t)batch->n * results->n_classes,
                    sizeof *job->logits));
    TRY(detector_classify(job->session->detector, job->session->tape, batch, job->logits));
    for (int i = 0; i < batch->n; i++) {
        const struct coco_image *image = &job->dataset->images[batch->image_index[i]];
        TRY(class_results_add(results, image->id, image->file_name, batch->labels[i],
                              job->logits + (size_t)i * results->n_classes));
    }
    return OK;
}

enum status evaluate_classes(struct session *session, const struct coco_dataset *dataset,
                             const char *image_folder, const struct evaluate_options *options,
                             struct class_results *results, size_t *n_broken)
{
    struct job job = {.session = session, .dataset = dataset, .results = results};
    if (results->n_classes == 0) TRY(evaluate_classes_names(session, results));
    enum status status =
        evaluate_batches(session, dataset, image_folder, options, run_batch, &job, n_broken);
    mem_free(job.logits);
    return status;
}
