// Masks as files and detectors give them: text, decoded when it is needed.
#ifndef TARN_COCO_MASK_H
#define TARN_COCO_MASK_H

#include "base/json_scan.h"
#include "coco/polygon.h"
#include "coco/rle.h"

#ifdef __cplusplus
extern "C" {
#endif

enum mask_kind {
    MASK_NONE,
    MASK_TEXT,     // compressed counts (coco/rle.h)
    MASK_ESCAPED,  // the same inside a JSON string that holds escapes
    MASK_COUNTS,   // a JSON array of run lengths
    MASK_POLYGONS, // a JSON array of rings, each [x, y, x, y ...]
};

struct mask_text {
    const char *bytes; // borrowed; without quotes for text
    uint32_t n_bytes;
    int32_t height, width; // of run lengths; polygons take the image's
    enum mask_kind kind;
};

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
// "counts", or an array of rings. False: *error tells what is wrong, or, with `what` NULL, the
// cursor which syntax is broken. Static texts.
struct mask_error {
    const char *member, *what; // "size", "is negative ..."
};
bool mask_scan(struct json_cursor *cursor, struct mask_text *mask, struct mask_error *error);

// Decodes into rle. Polygons need the image's size (ERR_DATA when it is 0 x 0): rings are united,
// those of fewer than three points are empty, an odd last value is left out. *oddities: bits as
// above.
enum status mask_decode(const struct mask_text *mask, int image_height, int image_width,
                        struct mask_scratch *scratch, struct rle *rle, unsigned *oddities) MUST_USE;

// Foreground pixels and box without storing runs, where the kind permits.
enum status mask_measure(const struct mask_text *mask, int image_height, int image_width,
                         struct mask_scratch *scratch, uint32_t *area, double box[4],
                         unsigned *oddities) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
