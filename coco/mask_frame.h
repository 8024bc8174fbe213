// Masks as training needs them: resized with the image and cut to the part that holds anything.
#ifndef TARN_COCO_MASK_FRAME_H
#define TARN_COCO_MASK_FRAME_H

#include "coco/image_window.h"
#include "coco/rle.h"

#ifdef __cplusplus
extern "C" {
#endif

// Which pixel of an image each pixel of a window (coco/image_window.h) comes from, for all masks of
// the image. Resizing takes the nearest neighbour: floor(i * (float(old) / float(new))) in float,
// as torch has it.
struct mask_view {
    int width, height; // of the window
    int *columns;      // (width) source x: ascending, or descending when mirrored
    int *rows;         // (height) source y, ascending
    int image_width, image_height;
    bool flip;
};

enum status mask_view_init(int image_width, int image_height, const struct image_window *window,
                           struct mask_view *view) MUST_USE;
void mask_view_free(struct mask_view *view);

// Bytes of several masks, one after another.
struct mask_bytes {
    uint8_t *bytes; // 0 or 1
    size_t n, capacity;
};

// Appends the view of a mask of the image's size, cut to a frame (x, y, width, height in the
// window) that holds all of its foreground; zeros when there is none. ERR_DATA beyond
// MASK_BYTES_MAX in all.
#define MASK_BYTES_MAX ((size_t)1 << 30)
enum status mask_frame_append(const struct rle *rle, const struct mask_view *view,
                              struct mask_bytes *out, int32_t frame[4]) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
