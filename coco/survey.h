// A data set as it is, whatever is wrong with it: what coco_dataset_load and a training would
// stumble over is collected instead.
#ifndef TARN_COCO_SURVEY_H
#define TARN_COCO_SURVEY_H

#include "base/arena.h"
#include "coco/dataset.h"
#include "coco/defects.h"

#ifdef __cplusplus
extern "C" {
#endif

struct survey_image {
    struct coco_image entry;  // `first` counts objects of the survey, all that name the image
    int width, height;        // of the file; 0: not read
    size_t n_valid, n_crowds; // objects that training sees; crowds
};

struct survey_object {
    struct coco_object object; // box as the file says it, not clamped; category -1: unknown
    size_t image;              // index; SIZE_MAX: unknown
    bool is_valid;             // training sees it: no crowd, a known image and category, area
    uint32_t mask_pixels;
    bool has_mask; // decoded
};

struct survey {
    char *path;
    struct coco_category *categories; // ascending id; n_objects: valid ones
    size_t n_categories;
    size_t *category_images;     // (n_categories) with such objects
    struct survey_image *images; // ascending id
    size_t n_images;
    struct survey_object *objects; // grouped by image, unknown ones last
    size_t n_objects, n_known;     // n_known: of listed images
    size_t n_masks;                // with a segmentation
    struct defects defects;
    struct arena names;
};

struct survey_options {
    const char *image_folder;
    int n_threads; // at least 1
    // Called now and then by the calling thread. May be NULL.
    void (*progress)(void *context, const char *what, size_t done, size_t total);
    void *context;
};

// Reads file and images. Errors: a file that cannot be opened, is no JSON, or lacks "images";
// memory. Everything else is a defect.
enum status survey_run(const char *path, const struct survey_options *options,
                       struct survey **survey) MUST_USE;
void survey_destroy(struct survey *survey); // NULL-safe

#ifdef __cplusplus
}
#endif
#endif
