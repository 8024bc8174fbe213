// Batches for training and evaluation: sampling, decoding, augmentation and collation in
// threads, delivered in order, at most queue_length batches ahead.
#ifndef TARN_COCO_LOADER_H
#define TARN_COCO_LOADER_H

#include "base/arena.h"
#include "coco/augment.h"
#include "coco/crop.h"
#include "coco/dataset.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

// A collated batch in host memory. Its canvas is the largest resized height and width of its
// images, each rounded up to a multiple of 32.
// Boxes: crowds are left out. Each edge is multiplied, per axis, by float(new size) / float(old
// size); flipped boxes are (width - x2, width - x1) before that. What has no area left in float is
// left out as well. With large-scale jitter an image is the square of lsj_size, whatever part of it
// is padding, and boxes are clipped to the part that is not.
struct batch {
    int n, height, width; // canvas
    float *images;        // (n, height, width, 3) normalised, zero padded; or NULL, and
    // with loader_config.keeps_pixels what they are made of (base/resize.h):
    uint8_t *pixels;      // (pixel_bytes) of all images
    size_t pixel_bytes;
    int32_t *places;      // (n, N_PLACE)
    float *sizes;         // (n, 2) height, width of the resized, unpadded image
    int *original_sizes;  // (n, 2) height, width of the image before resizing
    int64_t *image_ids;   // (n)
    size_t *image_index;  // (n) into dataset->images
    int max_objects;      // G, at least 1
    float *boxes;         // (n, G, 4) x1 y1 x2 y2 in resized coordinates
    int32_t *labels;     // (n, G) category index + 1 (or raw category id: loader_config.raw_labels)
    int32_t *counts;     // (n)
    // With loader_config.masks: of every object the part of its mask inside a frame, 0 or 1,
    // row-major, in resized pixels; outside the frame the mask is 0. NULL without.
    uint8_t *masks;        // (mask_bytes) all objects, one after another
    size_t mask_bytes;
    int32_t *mask_frames;  // (n, G, 4) x y width height
    int64_t *mask_starts;  // (n, G) first byte in masks
    double load_seconds; // decode + augment time of this batch, all threads
};

struct loader_config {
    const struct coco_dataset *dataset; // borrowed
    const char *image_folder;           // borrowed
    int batch_size;
    bool is_training; // shuffle, flip, wrap around for ever; else by image id, once
    int n_min_sizes;  // training draws one per image, evaluation takes the last
    int min_sizes[32];
    int max_size;
    double flip_probability; // training only
    bool group_by_aspect;    // batches of landscape or portrait images only (training)
    bool keep_empty;         // training: images without objects stay in as negatives
    bool masks;              // objects need masks: polygons or run lengths (ERR_DATA without)
    struct augment augment;  // training only
    // Classification (crop.size > 0): an image is a square part of a file's, and its canvas is that
    // square; it has one object, whose label counts and whose box only says where it is cut from.
    struct crop_config crop;
    bool raw_labels;         // labels are category ids (torchvision's COCO models) instead of 1..n
    enum exif_mode exif;
    uint64_t seed;
    int64_t first_iteration; // training: batches before this one are skipped (resume) unread
    int n_threads;           // decoding threads, >= 1
    int queue_length;        // batches ready ahead, >= 1
    // Where images and masks of batches are kept, e.g. memory that a device copies from; NULL: the
    // heap. Its functions are called from the loader's threads.
    const struct arena_source *memory;
    // Whoever takes the batches resizes images himself. Without effect with copy_paste, which puts
    // pixels onto resized images.
    bool keeps_pixels;
    bool skip_broken;        // a broken image is reported and left out; a batch of none is skipped
};

struct loader;
// ERR_DATA when there is nothing to train on; training also checks at once that all image files
// exist (ERR_IO naming the first that does not).
enum status loader_create(const struct loader_config *config, struct loader **loader) MUST_USE;
void loader_destroy(struct loader *loader); // stops the threads

// The next batch, owned by the loader until loader_release; *batch = NULL after the last one
// (evaluation). One batch may be held at a time: a held one is released by the next call. The
// content of batch i of a training loader depends on the seed and i alone, not on threads or
// resumption. Errors name the image file: missing, broken, or of another size than its annotation
// says (boxes would not fit; EXIF_APPLY decides which size that is). After an error the loader can
// only be destroyed. Calls must come from one thread at a time.
enum status loader_next(struct loader *loader, struct batch **batch) MUST_USE;
void loader_release(struct loader *loader, struct batch *batch); // reuses its memory

size_t loader_n_broken(const struct loader *loader); // images left out by skip_broken so far
size_t loader_n_images(const struct loader *loader); // in one epoch

#ifdef __cplusplus
}
#endif
#endif
