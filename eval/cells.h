// Objects and detections brought together by image and category.
#ifndef TARN_EVAL_CELLS_H
#define TARN_EVAL_CELLS_H

#include "eval/params.h"
#include "eval/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

// What is evaluated together: one image and one category (or all of them).
struct cell {
    uint32_t image, category;             // indices; category 0 when categories are not used
    size_t first_object, n_objects;       // in truth->objects
    size_t first_detection, n_detections; // in cells.detections; at most the largest limit
};

struct cell_detection {
    double box[4]; // x, y, width, height
    double score;
    double area;   // of the box or the mask, by params->type
    size_t source; // index in the caller's array
};

struct cells {
    struct cell *cells; // by image, then category
    size_t n_cells;
    struct cell_detection *detections; // by cell, descending score, ties in file order
    size_t n_detections;
    size_t n_categories;   // 1 when categories are not used
    size_t *by_category;   // (n_cells) indices of cells by category, then image
    size_t *category_ends; // (n_categories) in by_category
    int64_t *n_given;      // (truth's n_categories) detections of each before any limit
    size_t largest_objects, largest_detections, largest_product; // over all cells
};

// ERR_DATA for an unknown image or a mask that cannot be decoded, ERR_NUMERIC for a number that is
// not finite. Detections of unknown categories are left out with a warning.
enum status cells_build(const struct eval_truth *truth, const struct eval_detection *detections,
                        size_t n, const struct eval_params *params, struct cells *cells) MUST_USE;
void cells_free(struct cells *cells);

#ifdef __cplusplus
}
#endif
#endif
