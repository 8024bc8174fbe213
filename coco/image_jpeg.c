#include <string.h>
#include <turbojpeg.h>

#include "base/file.h"
#include "base/mem.h"
#include "coco/image_codec.h"

bool jpeg_is(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0;
}

// Irregularities that leave all pixels intact; found in the wild, and every decoder accepts them.
static bool is_harmless(const char *warning)
{
    static const char *const known[] = {"extraneous bytes before marker", "JFIF revision",
                                        "Adobe color transform", "Invalid SOS parameters"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(warning, known[i])) return true;
    return false;
}

// libjpeg fills what is missing of a file with grey and only warns.
static enum status check(tjhandle handle, int result, const char *name)
{
    if (result == 0) return OK;
    const char *message = tjGetErrorStr2(handle);
    if (tjGetErrorCode(handle) == TJERR_WARNING && is_harmless(message)) return OK;
    if (strstr(message, "Memory allocation")) return fail(ERR_MEMORY, "%s: out of memory", name);
    return fail(ERR_DATA, "%s: broken JPEG: %s", name, message);
}

static uint8_t multiply(unsigned a, unsigned b)
{
    return (uint8_t)((a * b + 127) / 255);
}

// Values are stored inverted (255: no ink), so that ink k over c is their product.
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t n_pixels)
{
    for (size_t i = 0; i < n_pixels; i++)
        for (size_t c = 0; c < 3; c++) rgb[3 * i + c] = multiply(cmyk[4 * i + c], cmyk[4 * i + 3]);
}

enum image_colors jpeg_colors(const uint8_t *bytes, size_t n_bytes)
{
    int width, height, subsampling, colorspace = TJCS_RGB;
    tjhandle handle = tjInitDecompress();
    if (!handle) return IMAGE_RGB;
    if (tjDecompressHeader3(handle, bytes, (unsigned long)n_bytes, &width, &height, &subsampling,
                            &colorspace) != 0)
        colorspace = TJCS_RGB;
    tjDestroy(handle);
    if (colorspace == TJCS_GRAY) return IMAGE_GREY;
    return colorspace == TJCS_CMYK || colorspace == TJCS_YCCK ? IMAGE_CMYK : IMAGE_RGB;
}

enum status jpeg_measure(const uint8_t *bytes, size_t n_bytes, const char *name, int *width,
                         int *height)
{
    int subsampling, colorspace;
    tjhandle handle = tjInitDecompress();
    if (!handle) return fail(ERR_MEMORY, "%s: out of memory", name);
    int result = tjDecompressHeader3(handle, bytes, (unsigned long)n_bytes, width, height,
                                     &subsampling, &colorspace);
    enum status status = check(handle, result, name);
    tjDestroy(handle);
    return status;
}

enum status jpeg_decode(const uint8_t *bytes, size_t n_bytes, const char *name, int reduction,
                        struct image *image)
{
    int width, height, subsampling, colorspace;
    const tjscalingfactor scale = {1, reduction};
    struct image decoded = {0, 0, NULL};
    uint8_t *cmyk = NULL;
    enum status status = OK;
    tjhandle handle = tjInitDecompress();
    if (!handle) return fail(ERR_MEMORY, "%s: out of memory", name);
    int result = tjDecompressHeader3(handle, bytes, (unsigned long)n_bytes, &width, &height,
                                     &subsampling, &colorspace);
    GUARD(check(handle, result, name));
    width = TJSCALED(width, scale);
    height = TJSCALED(height, scale);
    GUARD(image_allocate(name, width, height, &decoded));
    bool is_cmyk = colorspace == TJCS_CMYK || colorspace == TJCS_YCCK;
    size_t n_pixels = (size_t)width * (size_t)height;
    if (is_cmyk) {
        cmyk = (uint8_t *)mem_alloc(n_pixels, 4);
        if (!cmyk) {
            status = fail_context(ERR_MEMORY, "%s: ", name);
            goto done;
        }
    }
    result = tjDecompress2(handle, bytes, (unsigned long)n_bytes, is_cmyk ? cmyk : decoded.rgb,
                           width, 0, height, is_cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_LIMITSCANS);
    GUARD(check(handle, result, name));
    if (is_cmyk) cmyk_to_rgb(cmyk, decoded.rgb, n_pixels);
    *image = decoded;
    decoded.rgb = NULL;
done:
    mem_free(cmyk);
    image_free(&decoded);
    tjDestroy(handle);
    return status;
}

enum status image_encode_jpeg(const struct image *image, int quality, uint8_t **out,
                              size_t *n_out)
{
    unsigned char *bytes = NULL;
    unsigned long n_bytes = 0;
    tjhandle handle = tjInitCompress();
    if (!handle) return fail(ERR_MEMORY, "out of memory");
    int subsampling = quality >= 90 ? TJSAMP_444 : TJSAMP_420;
    enum status status = OK;
    if (tjCompress2(handle, image->rgb, image->width, 0, image->height, TJPF_RGB, &bytes, &n_bytes,
                    subsampling, quality, 0) == 0) {
        uint8_t *copy = mem_alloc(n_bytes, 1);
        if (copy) {
            memcpy(copy, bytes, n_bytes);
            *out = copy;
            *n_out = n_bytes;
        } else
            status = ERR_MEMORY;
    } else
        status = fail(ERR_DATA, "cannot encode: %s", tjGetErrorStr2(handle));
    tjFree(bytes);
    tjDestroy(handle);
    return status;
}

enum status image_save_jpeg(const char *path, const struct image *image, int quality)
{
    uint8_t *bytes;
    size_t n_bytes;
    enum status status = image_encode_jpeg(image, quality, &bytes, &n_bytes);
    if (status != OK) return fail_context(status, "%s: ", path);
    status = file_write(path, bytes, n_bytes);
    mem_free(bytes);
    return status;
}
