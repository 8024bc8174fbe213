// An image of the set drawn twice: what is there, and what was found.
#ifndef TARN_EVAL_REPORT_PICTURE_H
#define TARN_EVAL_REPORT_PICTURE_H

#include "coco/image.h"
#include "eval/report/page.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PICTURE_SIDE = 640 }; // of the longer side

struct picture {
    struct image truth, found;
};

// Loads the file and draws objects, and detections that score at least page->score, in the colours
// of their kinds; masks too when masks are evaluated. Errors as image_load; ERR_DATA when the
// file's size is not the one that the annotations give.
enum status picture_make(const struct page *page, size_t image, const char *path,
                         struct picture *picture) MUST_USE;
void picture_free(struct picture *picture);

#ifdef __cplusplus
}
#endif
#endif
