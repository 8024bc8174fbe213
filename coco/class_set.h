// Images with one class each, as a data set like any other: an object an image, whose category's id
// is the class's channel 0, 1, 2, ... The loader takes it with raw_labels and loader_config.crop.
#ifndef TARN_COCO_CLASS_SET_H
#define TARN_COCO_CLASS_SET_H

#include "coco/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

enum class_format {
    CLASS_FILES,   // files[0 ...], whose classes are not known: labels are -1
    CLASS_FOLDERS, // IMAGES/CLASS/*.jpg or *.png: ImageNet's layout. Classes in the order of names
    CLASS_LIST,    // lines "PATH CLASS" of a text file, paths relative to IMAGES; # begins a
                   // comment. Classes in the order of names, or of numbers where all are
    CLASS_CROPS,   // the objects of a COCO annotation file, crowds left out: each box is an image.
                   // Classes in the order of category ids; ids of images are those of annotations
};

struct class_source {
    enum class_format format;
    const char *images; // the folder
    const char *const *files; // CLASS_FILES: paths that may be relative to `images`
    size_t n_files;
    const char *list;   // CLASS_LIST's text file, CLASS_CROPS' annotations
    double min_side;    // CLASS_CROPS: boxes with a shorter side, in pixels, are left out
    // The classes of a model, in the order of channels, where the set is to be measured with it;
    // an image of another class is ERR_DATA. NULL: the set's own.
    const char *const *names;
    size_t n_names;
};

// Errors name the file and the line or class: nothing found, a class without name, two annotations
// of one id. Free with coco_dataset_destroy.
enum status class_set_load(const struct class_source *source,
                           struct coco_dataset **dataset) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
