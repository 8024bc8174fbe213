#include <string.h>

#include "base/mem.h"
#include "coco/image_codec.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

static unsigned read_16(const uint8_t *p, bool is_little)
{
    return is_little ? p[0] | (unsigned)p[1] << 8 : p[1] | (unsigned)p[0] << 8;
}

static uint32_t read_32(const uint8_t *p, bool is_little)
{
    uint32_t first = read_16(p, is_little), second = read_16(p + 2, is_little);
    return is_little ? first | second << 16 : second | first << 16;
}

// The orientation in a TIFF block: header, then a directory of 12-byte entries.
static int tiff_orientation(const uint8_t *tiff, size_t n)
{
    if (n < 8) return 1;
    bool is_little = tiff[0] == 'I';
    if (memcmp(tiff, is_little ? "II" : "MM", 2) != 0 || read_16(tiff + 2, is_little) != 42)
        return 1;
    size_t at = read_32(tiff + 4, is_little);
    if (at > n - 2) return 1;
    unsigned n_entries = read_16(tiff + at, is_little);
    at += 2;
    for (unsigned i = 0; i < n_entries && n - at >= 12; i++, at += 12) {
        if (read_16(tiff + at, is_little) != TAG_ORIENTATION) continue;
        if (read_16(tiff + at + 2, is_little) != TYPE_SHORT) return 1;
        unsigned value = read_16(tiff + at + 8, is_little);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

// Walks the marker segments up to the first scan; the tag is in the APP1 segment of EXIF.
static int jpeg_orientation(const uint8_t *bytes, size_t n)
{
    size_t at = 2;
    while (n - at >= 4 && bytes[at] == 0xFF) {
        unsigned marker = bytes[at + 1];
        if (marker == 0xFF) { // fill byte
            at++;
            continue;
        }
        if (marker == 0xDA || marker == 0xD9) return 1;
        size_t length = read_16(bytes + at + 2, false); // itself included
        if (length < 2 || length > n - at - 2) return 1;
        const uint8_t *body = bytes + at + 4;
        if (marker == 0xE1 && length >= 8 && memcmp(body, "Exif\0\0", 6) == 0)
            return tiff_orientation(body + 6, length - 8);
        at += 2 + length;
    }
    return 1;
}

// Walks the chunks; EXIF stands in eXIf as a bare TIFF block.
static int png_orientation(const uint8_t *bytes, size_t n)
{
    size_t at = 8;
    while (n - at >= 12) {
        size_t length = read_32(bytes + at, false);
        if (length > n - at - 12) return 1;
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0) return tiff_orientation(bytes + at + 8, length);
        at += 12 + length;
    }
    return 1;
}

int exif_orientation(const uint8_t *bytes, size_t n_bytes)
{
    if (jpeg_is(bytes, n_bytes)) return jpeg_orientation(bytes, n_bytes);
    if (png_is(bytes, n_bytes)) return png_orientation(bytes, n_bytes);
    return 1;
}

enum status exif_apply(int orientation, struct image *image)
{
    if (orientation < 2 || orientation > 8) return OK;
    int width = image->width, height = image->height;
    bool is_swapped = orientation >= 5;
    int new_width = is_swapped ? height : width, new_height = is_swapped ? width : height;
    uint8_t *rgb = (uint8_t *)mem_alloc((size_t)width * (size_t)height, 3);
    if (!rgb) return ERR_MEMORY;
    for (int y = 0; y < new_height; y++) {
        for (int x = 0; x < new_width; x++) {
            // Where the pixel shown at (x, y) is stored.
            int u = is_swapped ? y : x, v = is_swapped ? x : y;
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
                u = width - 1 - u;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
                v = height - 1 - v;
            memcpy(rgb + 3 * ((size_t)y * (size_t)new_width + (size_t)x),
                   image->rgb + 3 * ((size_t)v * (size_t)width + (size_t)u), 3);
        }
    }
    mem_free(image->rgb);
    *image = (struct image){new_width, new_height, rgb};
    return OK;
}
