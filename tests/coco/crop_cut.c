// Crops of a fixed number of pixels.
#include <criterion/criterion.h>

#include "coco/crop.h"

Test(crop_cut, squares_of_one_size_anywhere)
{
    const struct crop_config config = {.size = 8, .ratio = 1.5, .cut = 5};
    const struct crop from = {10, 20, 9, 7};
    bool seen_left[5] = {false}, seen_top[3] = {false};
    struct rng rng;
    rng_start(&rng, 3, RNG_AUGMENT, 0);
    for (int i = 0; i < 200; i++) {
        struct crop crop;
        crop_draw(&config, &from, &rng, &crop);
        cr_assert(crop.width == 5 && crop.height == 5);
        cr_assert(crop.left >= 10 && crop.left <= 14 && crop.top >= 20 && crop.top <= 22);
        seen_left[crop.left - 10] = seen_top[crop.top - 20] = true;
    }
    for (int i = 0; i < 5; i++) cr_expect(seen_left[i], "left %d", i);
    for (int i = 0; i < 3; i++) cr_expect(seen_top[i], "top %d", i);
}

Test(crop_cut, a_smaller_image_gives_its_largest_square)
{
    const struct crop_config config = {.size = 8, .ratio = 1.5, .cut = 294};
    const struct crop from = {0, 0, 40, 100};
    struct crop crop;
    struct rng rng;
    rng_start(&rng, 3, RNG_AUGMENT, 0);
    crop_draw(&config, &from, &rng, &crop);
    cr_expect(crop.width == 40 && crop.height == 40 && crop.left == 0 && crop.top <= 60);
}
