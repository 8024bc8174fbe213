// Run-length encoded masks, as COCO's tools have them.
//
// Pixels are counted column by column: pixel (x, y) is number x * height + y. counts are lengths of
// runs, alternately background and foreground, background first (its first run may be 0).
// As text, counts are written in groups of 5 bits, least significant first, each as the character
// 48 + group, 32 added while more follow; from the fourth count on, the difference to the count two
// before it stands instead of the count.
#ifndef TARN_COCO_RLE_H
#define TARN_COCO_RLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RLE_MAX_PIXELS = 0x7FFFFFFF };

// Functions that fill one reuse its memory; start from a zeroed struct, end with rle_free.
struct rle {
    int height, width;
    size_t n; // runs; their sum is height * width
    uint32_t *counts;
    size_t capacity;
};

void rle_free(struct rle *rle);

// ERR_DATA for negative sides and for more than RLE_MAX_PIXELS. Sides may come from a file.
enum status rle_check_size(int64_t height, int64_t width) MUST_USE;

// Empties it for an image of this size (checked); then its runs are appended one by one.
enum status rle_begin(struct rle *rle, int64_t height, int64_t width) MUST_USE;
enum status rle_append(struct rle *rle, uint32_t count) MUST_USE;
enum status
rle_finish(const struct rle *rle) MUST_USE; // ERR_DATA: the sum is not that of the image

// Compressed counts. ERR_DATA for a character that does not belong there, an unfinished or too long
// group, a negative count, and when the runs do not fill the image exactly.
enum status rle_from_text(const char *text, size_t n_bytes, int64_t height, int64_t width,
                          struct rle *rle) MUST_USE;

// The same checks and sums without storing runs: pixels of the foreground and its box (rle_box).
enum status rle_measure_text(const char *text, size_t n_bytes, int64_t height, int64_t width,
                             uint32_t *area, double box[4]) MUST_USE;

// *text: mem_alloc, terminated; *n_bytes without the terminator (may be NULL).
enum status rle_to_text(const struct rle *rle, char **text, size_t *n_bytes) MUST_USE;

// Masks of height x width bytes, rows from the top; not 0: foreground.
enum status rle_encode(const uint8_t *mask, int64_t height, int64_t width,
                       struct rle *rle) MUST_USE;
void rle_decode(const struct rle *rle, uint8_t *mask); // 0 and 1

// Pixel (x, y) is bit n % 32 of bits[n / 32], n = x * height + y.
enum status rle_from_bits(const uint32_t *bits, int64_t height, int64_t width,
                          struct rle *rle) MUST_USE;

uint32_t rle_area(const struct rle *rle);

// x, y, width, height of the foreground; zeros when there is none. A run that goes on in the next
// column takes the full height.
void rle_box(const struct rle *rle, double box[4]);

// Union or intersection of two masks of one size (ERR_DATA otherwise). out is neither of them.
enum status rle_merge(const struct rle *a, const struct rle *b, bool is_intersection,
                      struct rle *out) MUST_USE;

// Intersection over union; over the detection's area when the object is a crowd. 0 when the boxes
// (rle_box of each) do not meet, -1 when they do but the sizes differ.
double rle_iou(const struct rle *detection, const double detection_box[4], const struct rle *object,
               const double object_box[4], bool is_crowd);

#ifdef __cplusplus
}
#endif
#endif
