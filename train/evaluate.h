// Runs a model over a data set and collects its detections in COCO's form.
#ifndef TARN_TRAIN_EVALUATE_H
#define TARN_TRAIN_EVALUATE_H

#include "base/arena.h"
#include "eval/coco_eval.h"
#include "train/evaluate_batches.h"

#ifdef __cplusplus
extern "C" {
#endif

// Detections in the order of images; of a model with masks each has one, as compressed run lengths
// of its image's size.
struct evaluate_output {
    struct eval_detection *detections;
    size_t n, capacity;
    size_t n_broken;    // images that could not be read: as if nothing was found there
    struct arena texts; // of the masks
};
void evaluate_output_init(struct evaluate_output *output);
void evaluate_output_free(struct evaluate_output *output);
void evaluate_output_clear(struct evaluate_output *output); // keeps the memory

// Appends what was found in one image of a batch; labels without a category are left out.
enum status evaluate_append(const struct session *session, const struct detections *found,
                            const struct batch *batch, int image,
                            struct evaluate_output *output) MUST_USE;

// The mask of one slot (image * capacity + i) in an image of this size, pasted as the config says.
// found->masks must be there.
enum status evaluate_mask(const struct session *session, const struct detections *found,
                          size_t slot, int height, int width, struct rle *rle) MUST_USE;

// Appends to an output. An image that cannot be read is warned about and counted.
enum status evaluate_detections(struct session *session, const struct coco_dataset *dataset,
                                const char *image_folder, const struct evaluate_options *options,
                                struct evaluate_output *output) MUST_USE;

struct evaluate_stats {
    double boxes[COCO_STATS], masks[COCO_STATS];
    bool has_masks;
    // Of a classifier these alone: shares of images, mean cross-entropy.
    bool is_classification;
    double top1, top5, loss;
};

// The session's validation set, from inference to the 12 numbers, and those of masks where the
// model finds them.
enum status evaluate_validation(struct session *session, const struct evaluate_options *options,
                                struct evaluate_stats *stats) MUST_USE;

// The number that tells which model is best (eval.best_by), and its name: "AP", "mask AP" or
// "top-1".
double evaluate_best(const struct config *config, const struct evaluate_stats *stats,
                     const char **name);

#ifdef __cplusplus
}
#endif
#endif
