#include "train/evaluate.h"

#include <string.h>

#include "base/mem.h"
#include "detect/paste_mask.h"
#include "eval/accuracy.h"
#include "train/evaluate_classes.h"

void evaluate_output_init(struct evaluate_output *output)
{
    *output = (struct evaluate_output){.n = 0};
    arena_init(&output->texts, &arena_host_source);
}

void evaluate_output_free(struct evaluate_output *output)
{
    mem_free(output->detections);
    arena_free(&output->texts);
    evaluate_output_init(output);
}

void evaluate_output_clear(struct evaluate_output *output)
{
    output->n = output->n_broken = 0;
    arena_reset(&output->texts);
}

enum status evaluate_mask(const struct session *session, const struct detections *found,
                          size_t slot, int height, int width, struct rle *rle)
{
    const struct paste_options *options = &detector_get_config(session->detector)->mask.paste;
    if (found->bits)
        return rle_from_bits(found->bits + found->first_words[slot], height, width, rle);
    size_t n = (size_t)found->mask_side * (size_t)found->mask_side;
    return paste_mask(found->masks + slot * n, found->mask_side, found->boxes + 4 * slot, options,
                      height, width, rle);
}

static enum status keep_mask(const struct rle *rle, struct arena *texts, struct mask_text *mask)
{
    char *text;
    size_t n;
    TRY(rle_to_text(rle, &text, &n));
    char *kept = n <= UINT32_MAX ? (char *)arena_alloc(texts, n + 1) : NULL;
    if (kept) memcpy(kept, text, n + 1);
    mem_free(text);
    if (!kept) return fail(ERR_MEMORY, "a mask of %zu runs", rle->n);
    *mask = (struct mask_text){kept, (uint32_t)n, rle->height, rle->width, MASK_TEXT};
    return OK;
}

enum status evaluate_append(const struct session *session, const struct detections *found,
                            const struct batch *batch, int image, struct evaluate_output *output)
{
    size_t first = (size_t)image * (size_t)found->capacity;
    const int *size = batch->original_sizes + 2 * image;
    struct rle rle = {0};
    enum status status = OK;
    for (int i = 0; i < found->counts[image]; i++) {
        size_t slot = first + (size_t)i;
        const float *box = found->boxes + 4 * slot;
        int64_t category_id;
        if (!session_category(session, found->labels[slot], &category_id)) continue;
        GUARD(mem_reserve(&output->detections, &output->capacity, output->n + 1,
                          sizeof *output->detections));
        // Width and height in float, as torchvision's own evaluation takes them.
        float width = box[2] - box[0], height = box[3] - box[1];
        struct eval_detection *detection = &output->detections[output->n];
        *detection = (struct eval_detection){
            .image_id = batch->image_ids[image],
            .category_id = category_id,
            .box = {(double)box[0], (double)box[1], (double)width, (double)height},
            .score = (double)found->scores[slot],
        };
        if (found->masks) {
            GUARD(evaluate_mask(session, found, slot, size[0], size[1], &rle));
            GUARD(keep_mask(&rle, &output->texts, &detection->mask));
        }
        output->n++;
    }
done:
    rle_free(&rle);
    return status;
}

struct job {
    struct session *session;
    struct evaluate_output *output;
};

static enum status run_batch(void *context, const struct batch *batch)
{
    const struct job *job = (const struct job *)context;
    struct detections found;
    TRY(detector_detect(job->session->detector, job->session->tape, batch, &found));
    enum status status = OK;
    for (int i = 0; i < batch->n && status == OK; i++)
        status = evaluate_append(job->session, &found, batch, i, job->output);
    detections_free(&found);
    return status;
}

enum status evaluate_detections(struct session *session, const struct coco_dataset *dataset,
                                const char *image_folder, const struct evaluate_options *options,
                                struct evaluate_output *output)
{
    struct job job = {session, output};
    return evaluate_batches(session, dataset, image_folder, options, run_batch, &job,
                            &output->n_broken);
}

static enum status measure(const struct config *config, enum eval_type type,
                           const struct evaluate_output *output, double stats[COCO_STATS])
{
    int n_threads = (int)config->train.threads;
    struct eval_truth *truth = NULL;
    struct eval_result result = {.classes = NULL};
    enum status status = OK;
    GUARD(eval_truth_open(config->data.val_annotations, type, &truth));
    status = type == EVAL_MASKS
                 ? eval_masks(truth, output->detections, output->n, n_threads, &result)
                 : eval_boxes(truth, output->detections, output->n, n_threads, &result);
    if (status != OK) goto done;
    memcpy(stats, result.stats, sizeof result.stats);
    eval_result_free(&result);
done:
    eval_truth_destroy(truth);
    return status;
}

static enum status validate_classes(struct session *session, const struct evaluate_options *options,
                                    struct evaluate_stats *stats)
{
    struct class_results results;
    struct accuracy accuracy = {.n = 0};
    size_t n_broken = 0;
    enum status status = OK;
    class_results_init(&results);
    GUARD(evaluate_classes(session, session->val, session->config.data.val_images, options,
                           &results, &n_broken));
    GUARD(accuracy_measure(&results, &accuracy));
    if (options->confusion) GUARD(accuracy_draw(&accuracy, options->confusion));
    *stats = (struct evaluate_stats){.is_classification = true, .top1 = accuracy.top1,
                                     .top5 = accuracy.top5, .loss = accuracy.loss};
done:
    accuracy_free(&accuracy);
    class_results_free(&results);
    return status;
}

enum status evaluate_validation(struct session *session, const struct evaluate_options *options,
                                struct evaluate_stats *stats)
{
    const struct config *config = &session->config;
    struct evaluate_output output;
    struct evaluate_stats measured = {.has_masks = config_has_masks(config)};
    enum status status = OK;
    if (config_is_classifier(config)) return validate_classes(session, options, stats);
    evaluate_output_init(&output);
    GUARD(evaluate_detections(session, session->val, config->data.val_images, options, &output));
    GUARD(measure(config, EVAL_BOXES, &output, measured.boxes));
    if (measured.has_masks) GUARD(measure(config, EVAL_MASKS, &output, measured.masks));
    *stats = measured;
done:
    evaluate_output_free(&output);
    return status;
}

double evaluate_best(const struct config *config, const struct evaluate_stats *stats,
                     const char **name)
{
    if (stats->is_classification) {
        *name = "top-1";
        return stats->top1;
    }
    bool is_mask = stats->has_masks && config->eval.best_by != BEST_BY_BBOX;
    *name = is_mask ? "mask AP" : "AP";
    return is_mask ? stats->masks[0] : stats->boxes[0];
}
