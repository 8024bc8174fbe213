#include "coco/image.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "coco/image_codec.h"

void image_free(struct image *image)
{
    if (!image) return;
    mem_free(image->rgb);
    *image = (struct image){0, 0, NULL};
}

enum status image_allocate(const char *name, int64_t width, int64_t height, struct image *image)
{
    if (width < 1 || height < 1 || width > IMAGE_MAX_PIXELS / height)
        return fail(ERR_DATA, "%s: %lld x %lld pixels, at most 2^28 are read", name,
                    (long long)width, (long long)height);
    uint8_t *rgb = (uint8_t *)mem_alloc((size_t)(width * height), 3);
    if (!rgb) return fail_context(ERR_MEMORY, "%s: ", name);
    *image = (struct image){(int)width, (int)height, rgb};
    return OK;
}

static void warn_once_about_orientation(const char *name, int orientation)
{
    static atomic_flag is_warned = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&is_warned)) return;
    log_warn("%s: its EXIF orientation %d is not applied, pixels are used as stored (said once, "
             "whatever the number of such images)",
             name, orientation);
}

enum status image_measure(const void *bytes, size_t n_bytes, const char *name, enum exif_mode exif,
                          int *width, int *height)
{
    enum { FIRST_TURNED = 5 }; // tags from here on swap the sides
    const uint8_t *data = (const uint8_t *)bytes;
    int w, h;
    if (jpeg_is(data, n_bytes))
        TRY(jpeg_measure(data, n_bytes, name, &w, &h));
    else if (png_is(data, n_bytes))
        TRY(png_measure(data, n_bytes, name, &w, &h));
    else
        return fail(ERR_DATA, "%s: not a JPEG or PNG image", name);
    bool is_turned = exif == EXIF_APPLY && exif_orientation(data, n_bytes) >= FIRST_TURNED;
    *width = is_turned ? h : w;
    *height = is_turned ? w : h;
    return OK;
}

enum status image_decode(const void *bytes, size_t n_bytes, const char *name, enum exif_mode exif,
                         struct image *image, int *orientation)
{
    return image_decode_reduced(bytes, n_bytes, name, exif, 1, image, orientation);
}

enum status image_decode_reduced(const void *bytes, size_t n_bytes, const char *name,
                                 enum exif_mode exif, int reduction, struct image *image,
                                 int *orientation)
{
    const uint8_t *data = (const uint8_t *)bytes;
    struct image decoded = {0, 0, NULL};
    if (jpeg_is(data, n_bytes))
        TRY(jpeg_decode(data, n_bytes, name, reduction, &decoded));
    else if (png_is(data, n_bytes))
        TRY(png_decode(data, n_bytes, name, &decoded));
    else
        return fail(ERR_DATA, "%s: not a JPEG or PNG image", name);
    int tag = exif_orientation(data, n_bytes);
    if (tag != 1 && exif == EXIF_IGNORE) warn_once_about_orientation(name, tag);
    if (tag != 1 && exif == EXIF_APPLY && exif_apply(tag, &decoded) != OK) {
        image_free(&decoded);
        return fail_context(ERR_MEMORY, "%s: ", name);
    }
    *image = decoded;
    if (orientation) *orientation = tag;
    return OK;
}

enum image_colors image_colors_of(const void *bytes, size_t n_bytes)
{
    enum { PNG_COLOR_TYPE_AT = 25, PNG_GREY = 0, PNG_GREY_ALPHA = 4, PNG_RGB_ALPHA = 6 };
    const uint8_t *data = (const uint8_t *)bytes;
    if (jpeg_is(data, n_bytes)) return jpeg_colors(data, n_bytes);
    if (!png_is(data, n_bytes) || n_bytes <= PNG_COLOR_TYPE_AT) return IMAGE_RGB;
    switch (data[PNG_COLOR_TYPE_AT]) {
    case PNG_GREY: return IMAGE_GREY;
    case PNG_GREY_ALPHA:
    case PNG_RGB_ALPHA: return IMAGE_ALPHA;
    default: return IMAGE_RGB;
    }
}

enum status image_load(const char *path, enum exif_mode exif, struct image *image, int *orientation)
{
    struct file_map map;
    TRY(file_map_open(path, &map));
    enum status status = image_decode(map.bytes, map.n_bytes, path, exif, image, orientation);
    file_map_close(&map);
    return status;
}

void resize_target(int width, int height, int min_size, int max_size, int *new_width,
                   int *new_height)
{
    double short_side = width < height ? width : height,
           long_side = width < height ? height : width;
    double scale = fmin(min_size / short_side, max_size / long_side);
    *new_width = (int)fmax(1.0, trunc(width * scale));
    *new_height = (int)fmax(1.0, trunc(height * scale));
}
