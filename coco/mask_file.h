// The masks of an annotation file, read one by one from their places in the file.
#ifndef TARN_COCO_MASK_FILE_H
#define TARN_COCO_MASK_FILE_H

#include "coco/dataset.h"
#include "coco/mask.h"

#ifdef __cplusplus
extern "C" {
#endif

// Open for reading; several threads may use one at a time.
struct mask_file {
    char *path;
    int descriptor;
};
enum status mask_file_open(const char *path, struct mask_file *file) MUST_USE;
void mask_file_close(struct mask_file *file); // harmless on one that was never opened, but zeroed

// One thread's working memory; start from a zeroed struct.
struct mask_reader {
    struct mask_scratch scratch;
    char *text;
    size_t text_capacity;
};
void mask_reader_free(struct mask_reader *reader);

// The object's mask at the image's size, equal to pycocotools' decode (coco/mask.h). ERR_DATA, with
// file and annotation id: there is none, it is malformed, or its run lengths are for an image of
// another size. oddities: as mask_decode's; may be NULL.
enum status mask_file_read(const struct mask_file *file, const struct coco_object *object,
                           int height, int width, struct mask_reader *reader, struct rle *rle,
                           unsigned *oddities) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
