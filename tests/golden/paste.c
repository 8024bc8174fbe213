// Pasted masks against torchvision, and against Detectron2's rule with PyTorch's grid_sample.
#include <criterion/criterion.h>

#include "base/mem.h"
#include "compare.h"
#include "detect/paste_mask.h"

enum { SIDE = 28 };

#define MUST(expression) cr_assert((expression) == OK, "%s", fail_message())

static void compare_method(const char *name, enum paste_method method)
{
    struct golden golden;
    size_t n_boxes, n_masks, n_bytes;
    golden_open("mask_paste", &golden);
    int height = (int)golden_number(&golden, "height");
    int width = (int)golden_number(&golden, "width");
    size_t pixels = (size_t)(height * width);
    float *boxes = golden_read(&golden, "boxes", &n_boxes);
    float *masks = golden_read(&golden, "masks", &n_masks);
    float *bits = golden_read(&golden, name, &n_bytes);
    size_t n = n_boxes / 4, row = n_bytes / n;
    cr_assert(n_masks == n * SIDE * SIDE && row == (pixels + 7) / 8);
    struct paste_options options = {.method = method, .threshold = 0.5f};
    struct rle rle = {0};
    uint8_t *got = mem_alloc(pixels, 1);
    for (size_t i = 0; i < n; i++) {
        MUST(paste_mask(masks + i * SIDE * SIDE, SIDE, boxes + 4 * i, &options, height, width,
                        &rle));
        MUST(rle_finish(&rle));
        rle_decode(&rle, got);
        size_t n_wrong = 0;
        for (size_t p = 0; p < pixels; p++) {
            bool want = (int)bits[i * row + p / 8] >> (7 - p % 8) & 1;
            n_wrong += (bool)got[p] != want;
        }
        cr_expect(n_wrong == 0, "%s, box %zu: %zu pixels differ", name, i, n_wrong);
    }
    rle_free(&rle);
    mem_free(got);
    mem_free(boxes);
    mem_free(masks);
    mem_free(bits);
    golden_close(&golden);
}

Test(golden_paste, integer)
{
    compare_method("integer", PASTE_INTEGER);
}

Test(golden_paste, grid)
{
    compare_method("grid", PASTE_GRID);
}
