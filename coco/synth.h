// Synthetic data sets, in COCO layout or as a folder for each class, for demonstrations and tests
// without any download.
#ifndef TARN_COCO_SYNTH_H
#define TARN_COCO_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SYNTH_MAX_CLASSES = 8 };
// disc, square, triangle, star, cross, crescent, arrow, heart
extern const char *const synth_class_names[SYNTH_MAX_CLASSES];

struct synth_config {
    const char *output;
    int n_images;      // in all, 1 .. 10^6
    int n_val;         // of these, for validation; 0 .. n_images - 1
    int width, height; // 32 .. 4096
    int n_classes;     // the first of synth_class_names
    double smallest;   // diameter of the smallest shapes as a share of the short side, 0.05 .. 0.5
    double tinted;     // share of shapes whose hue follows their class, 0 .. 1
    uint64_t seed;
    bool classification; // a folder for each class instead of annotations
};

// Writes OUTPUT/images/000001.jpg ..., OUTPUT/annotations/train.json and val.json (when n_val > 0),
// and OUTPUT/synth.json, which tells the settings.
//
// An image shows one to eight shapes, turned and scaled at will, with textures, and colours unless
// `tinted`, that tell nothing of the class, over an uneven, nearly grey background with strokes and
// blobs of no class; then light falls off to one side and noise is added. Later shapes cover
// earlier ones. What the annotations mean: "segmentation" is one polygon, the outline of the whole
// shape as far as it lies inside the image, parts hidden by other shapes included; exactly this
// polygon (its two decimals included) was drawn. "bbox" are its bounds, "area" is its area. At
// least 55% of a shape's area lies within the image, and at least 60% of that is not hidden.
//
// With `classification`: OUTPUT/train/CLASS/000001.jpg ... and OUTPUT/val/CLASS/..., one shape an
// image, classes in turn, and OUTPUT/synth.json.
//
// The same settings give the same pictures. OUTPUT must not exist, or be empty, or hold a set of
// the same settings: a complete one is left as it is, an unfinished one is written anew.
// Anything else: ERR_USAGE.
enum status synth_write(const struct synth_config *config) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
