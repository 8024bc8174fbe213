#include "train/evaluate.h"

#include <string.h>

#include "base/mem.h"
#include "nn/tape.h"

enum status evaluate_append(const struct session *session, const struct detections *found,
                            int image, int64_t image_id, struct eval_detection **list, size_t *n,
                            size_t *capacity)
{
    size_t first = (size_t)image * (size_t)found->capacity;
    for (int i = 0; i < found->counts[image]; i++) {
        size_t slot = first + (size_t)i;
        const float *box = found->boxes + 4 * slot;
        int64_t category_id;
        if (!session_category(session, found->labels[slot], &category_id)) continue;
        TRY(mem_reserve(list, capacity, *n + 1, sizeof **list));
        // Width and height in float, as torchvision's own evaluation takes them.
        float width = box[2] - box[0], height = box[3] - box[1];
        (*list)[(*n)++] = (struct eval_detection){
            .image_id = image_id,
            .category_id = category_id,
            .box = {(double)box[0], (double)box[1], (double)width, (double)height},
            .score = (double)found->scores[slot],
        };
    }
    return OK;
}

struct collected {
    struct eval_detection *list;
    size_t n, capacity;
};

static enum status run_batch(struct session *session, const struct batch *batch,
                             struct collected *out)
{
    struct detections found;
    session->tape->recording = session->tape->training = false;
    tape_reset(session->tape);
    TRY(detector_detect(session->detector, session->tape, batch, &found));
    enum status status = OK;
    for (int i = 0; i < batch->n && status == OK; i++)
        status = evaluate_append(session, &found, i, batch->image_ids[i], &out->list, &out->n,
                                 &out->capacity);
    detections_free(&found);
    return status;
}

enum status evaluate_detections(struct session *session, const struct coco_dataset *dataset,
                                const char *image_folder, const struct evaluate_options *options,
                                struct evaluate_output *output)
{
    struct loader_config config;
    struct loader *loader = NULL;
    struct collected out = {NULL, 0, 0};
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
        status = run_batch(session, batch, &out);
        loader_release(loader, batch);
        if (status != OK) goto done;
        if (options->progress && options->progress(options->context, done, dataset->n_images)) {
            status = fail(ERR_INTERRUPTED,
                          "interrupted during the evaluation; --resume starts it again");
            goto done;
        }
    }
    *output = (struct evaluate_output){out.list, out.n, loader_n_broken(loader)};
    out.list = NULL;
done:
    mem_free(out.list);
    loader_destroy(loader);
    return status;
}

enum status evaluate_validation(struct session *session, const struct evaluate_options *options,
                                double stats[COCO_STATS])
{
    const struct config *config = &session->config;
    struct evaluate_output output = {.detections = NULL};
    struct eval_truth *truth = NULL;
    struct eval_result result = {.classes = NULL};
    enum status status = OK;
    GUARD(evaluate_detections(session, session->val, config->data.val_images, options, &output));
    GUARD(eval_truth_load(config->data.val_annotations, &truth));
    GUARD(eval_boxes(truth, output.detections, output.n, (int)config->train.threads, &result));
    memcpy(stats, result.stats, sizeof result.stats);
    eval_result_free(&result);
done:
    eval_truth_destroy(truth);
    mem_free(output.detections);
    return status;
}
