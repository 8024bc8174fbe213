// JPEG and PNG files, EXIF included.
#include "coco/image.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image = {0, 0, NULL};
    int orientation = 0;
    if (image_decode(data, size, "input", EXIF_APPLY, &image, &orientation) == OK) {
        uint8_t sum = 0; // touches every pixel
        for (size_t i = 0; i < 3 * (size_t)image.width * (size_t)image.height; i++)
            sum ^= image.rgb[i];
        require(orientation >= 1 && orientation <= 8 && (!sum || image.width >= 1));
    } else {
        require(image.rgb == NULL);
    }
    image_free(&image);
    return 0;
}
