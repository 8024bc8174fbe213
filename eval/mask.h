// Reading and decoding of struct eval_mask.
#ifndef TARN_EVAL_MASK_H
#define TARN_EVAL_MASK_H

#include "coco/polygon.h"
#include "coco/rle.h"
#include "eval/coco_eval.h"
#include "eval/json_array.h"

#ifdef __cplusplus
extern "C" {
#endif

// Working memory that calls share; start from a zeroed struct.
struct mask_scratch {
    char *text;
    size_t text_capacity;
    double *points;
    size_t points_capacity;
    struct polygon_scratch polygon;
    struct rle ring, joined, whole;
};
void mask_scratch_free(struct mask_scratch *scratch);

// What was odd about a mask that could be read all the same.
enum { MASK_ODD_RINGS = 1 }; // rings of fewer than three points, or of an odd number of values

// Reads a "segmentation" value at the cursor without decoding it: an object with "size" and
// "counts", or an array of rings.
bool mask_scan(struct json_cursor *cursor, struct eval_mask *mask, struct element_error *error);

// Decodes into rle. Polygons need the image's size (ERR_DATA when it is 0 x 0): rings are united,
// those of fewer than three points are empty, an odd last value is left out. *oddities: bits as
// above.
enum status mask_decode(const struct eval_mask *mask, int image_height, int image_width,
                        struct mask_scratch *scratch, struct rle *rle, unsigned *oddities) MUST_USE;

// Foreground pixels and box without storing runs, where the kind permits.
enum status mask_measure(const struct eval_mask *mask, int image_height, int image_width,
                         struct mask_scratch *scratch, uint32_t *area, double box[4],
                         unsigned *oddities) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
