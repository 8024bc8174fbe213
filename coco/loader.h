// Batches for training and evaluation: sampling, decoding, augmentation and collation in
// threads, delivered in order through a bounded queue.
#ifndef TARN_COCO_LOADER_H
#define TARN_COCO_LOADER_H

#include "coco/dataset.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

// A collated batch in host memory. Rows of images (n): see comments for shapes.
struct batch {
    int n, height, width; // canvas: multiples of 32
    float *images;        // (n, height, width, 3) normalised, zero padded
    float *sizes;         // (n, 2) height, width of the resized, unpadded image
    int *original_sizes;  // (n, 2) height, width of the stored image
    int64_t *image_ids;   // (n)
    size_t *image_index;  // (n) into dataset->images
    int max_objects;      // G, at least 1
    float *boxes;         // (n, G, 4) x1 y1 x2 y2 in resized coordinates
    int32_t *labels;      // (n, G) category index + 1 (or raw category id: loader_config.raw_labels)
    int32_t *counts;      // (n)
    double load_seconds;  // decode + augment time of this batch, all threads
};

struct loader_config {
    const struct coco_dataset *dataset;
    const char *image_folder;
    int batch_size;
    bool is_training;    // shuffle, flip, drop crowds, wrap around for ever; else file order, once
    int n_min_sizes;     // training draws one, evaluation takes the last
    int min_sizes[32];
    int max_size;
    double flip_probability;
    bool group_by_aspect; // batches of landscape or portrait images only
    bool keep_empty;      // images without objects stay in as negatives
    bool raw_labels;      // labels are category ids (torchvision's COCO models) instead of 1..n
    enum exif_mode exif;
    uint64_t seed;
    int64_t first_iteration; // training: batches before this one are skipped (resume); free of charge
    int n_threads;           // decoding threads, >= 1
    int queue_length;        // batches ready ahead, >= 1
    bool skip_broken;        // evaluation: a broken image is reported and left out
};

struct loader;
enum status loader_create(const struct loader_config *config, struct loader **loader) MUST_USE;
void loader_destroy(struct loader *loader); // stops the threads

// The next batch; *batch = NULL after the last one (evaluation). The content of batch i of a
// training loader depends on the seed and i alone, not on threads or resumption.
enum status loader_next(struct loader *loader, struct batch **batch) MUST_USE;
void loader_release(struct loader *loader, struct batch *batch); // reuses its memory

size_t loader_n_broken(const struct loader *loader);  // images left out by skip_broken
size_t loader_n_images(const struct loader *loader);  // in one epoch

#ifdef __cplusplus
}
#endif
#endif
