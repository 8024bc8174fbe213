// A small data set on disk for the tests of the loader.
#ifndef TARN_TESTS_COCO_LOADER_SET_H
#define TARN_TESTS_COCO_LOADER_SET_H

#include <criterion/criterion.h>

#include "coco/loader.h"
#include "tests/scratch.h"

// N images of different sizes with ids from 100, in one folder with their annotations. Image 4 is
// empty, image 5 has a crowd only; the others have i % 3 + 1 boxes.
enum { LOADER_SET_N = 11, LOADER_SET_BATCH = 3 };

struct loader_set {
    char folder[PATH_BYTES];
    struct coco_dataset *dataset;
    struct loader_config config;
};

void loader_set_up(struct loader_set *set, bool is_training);
void loader_set_size(int i, int *width, int *height); // of image i
struct loader *loader_set_start(const struct loader_set *set);
struct batch *loader_set_next(struct loader *loader); // asserts success

// The pixels of a batch are those of the image, resized and flipped; the boxes go with them.
void loader_set_expect_image(const struct loader_set *set, const struct batch *batch, int slot,
                             bool flip);

#endif
