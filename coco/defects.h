// What can be wrong with a data set.
#ifndef TARN_COCO_DEFECTS_H
#define TARN_COCO_DEFECTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum defect_severity {
    DEFECT_NOTE,    // worth knowing
    DEFECT_DROPPED, // training leaves the entry out
    DEFECT_MASKS,   // training with masks refuses the file
    DEFECT_REFUSED, // any training refuses the file
};

// DEFECT(identifier, name, severity, explanation)
#define DEFECTS(DEFECT)                                                                            \
    DEFECT(MALFORMED, "malformed_entry", DEFECT_REFUSED, "entries that cannot be read")            \
    DEFECT(DUPLICATE_ID, "duplicate_id", DEFECT_REFUSED, "ids that occur twice")                   \
    DEFECT(UNKNOWN_IMAGE, "unknown_image", DEFECT_REFUSED,                                         \
           "annotations of images that are not listed")                                            \
    DEFECT(UNKNOWN_CATEGORY, "unknown_category", DEFECT_REFUSED,                                   \
           "annotations of categories that are not listed")                                        \
    DEFECT(MISSING_FILE, "missing_file", DEFECT_REFUSED, "image files that do not exist")          \
    DEFECT(BROKEN_IMAGE, "broken_image", DEFECT_REFUSED, "image files that cannot be read")        \
    DEFECT(SIZE_MISMATCH, "size_mismatch", DEFECT_REFUSED,                                         \
           "images of another size than the annotations say")                                      \
    DEFECT(BAD_MASK, "bad_mask", DEFECT_MASKS, "masks that cannot be decoded")                     \
    DEFECT(NO_MASK, "no_mask", DEFECT_MASKS, "objects without a mask, where others have one")      \
    DEFECT(NO_AREA, "box_without_area", DEFECT_DROPPED,                                            \
           "boxes whose width or height is not above 0")                                           \
    DEFECT(OUTSIDE, "box_outside", DEFECT_DROPPED, "boxes outside their image")                    \
    DEFECT(REPEATED_IMAGE, "repeated_image", DEFECT_DROPPED, "images listed twice, equally")       \
    DEFECT(REACHES_OUT, "box_reaches_out", DEFECT_NOTE,                                            \
           "boxes that reach beyond their image by more than a pixel; they are cut")               \
    DEFECT(DUPLICATE_BOX, "duplicate_box", DEFECT_NOTE,                                            \
           "objects of one class with the very same box")                                          \
    DEFECT(ODD_POLYGON, "odd_polygon", DEFECT_NOTE,                                                \
           "polygons of fewer than three points or an odd number of values")                       \
    DEFECT(EMPTY_MASK, "empty_mask", DEFECT_NOTE, "masks without a pixel")                         \
    DEFECT(AREA_DIFFERS, "area_differs", DEFECT_NOTE, "areas that are not those of the masks")     \
    DEFECT(BOX_DIFFERS, "box_differs", DEFECT_NOTE, "boxes that are not those of the masks")       \
    DEFECT(ROTATED, "exif_rotated", DEFECT_NOTE,                                                   \
           "images that their EXIF tag turns; data.exif decides whether that is done")             \
    DEFECT(GREY, "grey_image", DEFECT_NOTE, "grey images; they are read as RGB")                   \
    DEFECT(CMYK, "cmyk_image", DEFECT_NOTE, "CMYK images; they are converted")                     \
    DEFECT(ALPHA, "alpha_image", DEFECT_NOTE, "images with transparency, which is dropped")        \
    DEFECT(SHARED_FILE, "shared_file", DEFECT_NOTE, "image files that several entries name")       \
    DEFECT(UNUSED_FILE, "unused_file", DEFECT_NOTE, "files of the folder that no entry names")     \
    DEFECT(EMPTY_IMAGE, "empty_image", DEFECT_NOTE, "images without objects")                      \
    DEFECT(CROWD, "crowd", DEFECT_NOTE, "crowds; training leaves them out")                        \
    DEFECT(EMPTY_CATEGORY, "empty_category", DEFECT_NOTE, "categories without objects")

enum defect_kind {
#define DEFECT(identifier, name, severity, explanation) DEFECT_KIND_##identifier,
    DEFECTS(DEFECT)
#undef DEFECT
    N_DEFECTS
};

struct defect_info {
    const char *name, *explanation;
    enum defect_severity severity;
};
extern const struct defect_info defect_infos[N_DEFECTS];

struct defect {
    enum defect_kind kind;
    bool has_image, has_annotation;
    int64_t image_id, annotation_id;
    char *text;
};

// Grows from several threads at once.
struct defects {
    struct defect *list;
    size_t n, capacity;
    size_t counts[N_DEFECTS];
    pthread_mutex_t mutex;
};
void defects_init(struct defects *defects);
void defects_free(struct defects *defects);

// image_id, annotation_id: NULL where there is none.
enum status defects_add(struct defects *defects, enum defect_kind kind, const int64_t *image_id,
                        const int64_t *annotation_id, const char *format, ...) PRINTF_LIKE(5, 6)
    MUST_USE;

// By kind, image, annotation and text, so that the order tells nothing of threads.
void defects_sort(struct defects *defects);

size_t defects_count(const struct defects *defects, enum defect_severity severity);

#ifdef __cplusplus
}
#endif
#endif
