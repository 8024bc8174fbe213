#include "train/evaluate_batches.h"

#include "nn/tape.h"

enum status evaluate_batches(struct session *session, const struct coco_dataset *dataset,
                             const char *image_folder, const struct evaluate_options *options,
                             enum status (*handle)(void *job, const struct batch *batch), void *job,
                             size_t *n_broken)
{
    struct loader_config config;
    struct loader *loader = NULL;
    size_t done = 0;
    enum status status = OK;
    session_eval_loader(session, dataset, image_folder, &config);
    config.skip_broken = true;
    GUARD(loader_create(&config, &loader));
    for (;;) {
        struct batch *batch = NULL;
        GUARD(loader_next(loader, &batch));
        if (!batch) break;
        done += (size_t)batch->n;
        session->tape->recording = session->tape->training = false;
        tape_reset(session->tape);
        status = handle(job, batch);
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
    return status;
}
