// COCO detection metrics equal to pycocotools' to the last bit.
//
// Matching, per image, category, area range and IoU threshold: detections by descending score (ties
// in file order), each takes the best free object; crowds absorb any number; what matches an
// ignored object, or lies outside the area range unmatched, counts neither for nor against. AP:
// precision, made monotone, at 101 recalls, averaged over IoU 0.50:0.05:0.95 and categories.
#ifndef TARN_EVAL_COCO_EVAL_H
#define TARN_EVAL_COCO_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/status.h"
#include "coco/mask.h"

#ifdef __cplusplus
extern "C" {
#endif

enum eval_type { EVAL_BOXES, EVAL_MASKS };

struct eval_detection {
    int64_t image_id, category_id;
    double box[4]; // x, y, width, height
    double score;
    // The rest may be left zero where boxes are all there is.
    struct mask_text mask;
    double area; // which tells small from large; when not has_area: the box's or the mask's
    bool has_area;  // it is filled in, and so is box when lacks_box
    bool lacks_box; // the mask's box stands for it
};

enum { COCO_STATS = 12 };
extern const char *const coco_stat_names[COCO_STATS]; // "AP", "AP50", "AP75", "APs", ... "ARl"

struct eval_class {
    int64_t category_id;
    char *name;
    double stats[COCO_STATS];        // of this class alone; -1: no ground truth
    int64_t n_objects, n_detections; // objects without crowds
};

// One line of the summary.
struct eval_line {
    bool is_recall;
    double first_iou, last_iou; // of the thresholds
    bool is_range;              // false: one threshold
    char area[16];              // label
    int limit;                  // detections per image and category
    double value;               // -1: undefined
};
enum { EVAL_MAX_LINES = 32 };

struct eval_result {
    enum eval_type type;
    double stats[COCO_STATS];   // -1: undefined
    struct eval_class *classes; // ascending category id
    size_t n_classes;
    // pycocotools' 12 lines, or what stands for them with other thresholds, areas and limits.
    struct eval_line lines[EVAL_MAX_LINES];
    size_t n_lines;
    // Classes without objects are in no average: their detections count nowhere.
    size_t n_empty_classes;
    int64_t n_empty_detections;
};

enum eval_area_source { AREA_OF_FILE, AREA_OF_BOX, AREA_OF_MASK };

// How files are read (docs/evaluator.md tells what each is for). Zeros are the defaults.
struct eval_reading {
    enum eval_type type;
    enum eval_area_source area; // which tells small from large, of objects and of results
    bool result_area_of_box;    // of results that have a bbox, as pycocotools has it for masks
    bool derive_area;           // an object without area has that of its mask or box
    bool count_id0;             // an object with the id 0 can be found
    bool repeat_last;           // annotations of one id: the last in place of each
    bool any_category;          // there also of those whose category is unknown (pycocotools does
                                // so where categories do not count)
    bool skip_unknown_images;   // results for them are left out
    bool is_strict;             // what would be warned about is ERR_DATA
};

// Ground truth of the evaluator: its own reading of the annotation file (areas, crowds, order).
// Only what counts is kept; annotations of images or categories that the file does not list are
// left out, as pycocotools does, with a warning. Errors: ERR_PARSE with the byte; ERR_DATA with the
// entry, for a missing or non-finite number, a missing area (the id is named), duplicate annotation
// ids.
struct eval_truth;
enum status eval_truth_load(const char *path, struct eval_truth **truth) MUST_USE;
void eval_truth_destroy(struct eval_truth *truth);

// The same with masks, for EVAL_MASKS: segmentation is then needed in place of bbox. A mask that
// cannot be decoded, or whose runs do not fill it, is ERR_DATA; polygons of fewer than three points
// are empty, with a warning.
enum status eval_truth_open(const char *path, enum eval_type type,
                            struct eval_truth **truth) MUST_USE;
enum status eval_truth_open_as(const char *path, const struct eval_reading *reading,
                               struct eval_truth **truth) MUST_USE;

// Detections in memory, order = file order. n_threads 0: OpenMP's default; the bits do not depend
// on it. Detections of unknown categories are left out with a warning; unknown images are ERR_DATA.
enum status eval_boxes(const struct eval_truth *truth, const struct eval_detection *detections,
                       size_t n, int n_threads, struct eval_result *result) MUST_USE;

// The same for masks; truth from eval_truth_open. A detection without a mask stands for its box as
// a rectangle. Areas that decide between small, medium and large are those of the masks.
enum status eval_masks(const struct eval_truth *truth, const struct eval_detection *detections,
                       size_t n, int n_threads, struct eval_result *result) MUST_USE;

// A COCO results file: an array of {image_id, category_id, bbox, score}. All image ids must be
// known. Without bbox, the box of the segmentation is taken.
enum status eval_results_load(const char *path, const struct eval_truth *truth,
                              struct eval_detection **detections, size_t *n) MUST_USE;

// The same with masks: each result needs a segmentation (of any kind) or else a bbox. The file
// stays mapped, for masks are decoded when they are compared.
struct eval_results {
    struct eval_detection *detections;
    size_t n;
    struct file_map map;
};
enum status eval_results_open(const char *path, const struct eval_truth *truth, enum eval_type type,
                              struct eval_results *results) MUST_USE;
enum status eval_results_open_as(const char *path, const struct eval_truth *truth,
                                 const struct eval_reading *reading,
                                 struct eval_results *results) MUST_USE;
void eval_results_close(struct eval_results *results);

// Writes one of boxes, with "segmentation" where detections have masks as compressed run lengths
// (of other kinds: ERR_UNSUPPORTED); numbers with the digits that restore them exactly.
enum status eval_results_save(const char *path, const struct eval_detection *detections,
                              size_t n) MUST_USE;

// From two files to the numbers.
enum status eval_files(const char *truth_path, const char *results_path, enum eval_type type,
                       int n_threads, struct eval_result *result) MUST_USE;

void eval_result_free(struct eval_result *result);

// The lines to stdout, as pycocotools prints them; a table of the classes.
void eval_print(const struct eval_result *result);
void eval_print_classes(const struct eval_result *result);
// {"type": "bbox" or "segm", "stats": {...}, "summary": [the lines], "classes_without_objects":
// {...}, "per_class": [...]}, 17 significant digits.
enum status eval_save_json(const struct eval_result *result, const char *path) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
