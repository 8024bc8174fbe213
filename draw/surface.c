#include "draw/surface.h"

#include "base/mem.h"

enum { MAX_SIDE = 32767 };

static enum status cairo_fail(cairo_status_t code)
{
    return fail(code == CAIRO_STATUS_NO_MEMORY ? ERR_MEMORY : ERR_UNSUPPORTED, "drawing: %s",
                cairo_status_to_string(code));
}

enum status surface_create(int width, int height, struct surface *surface)
{
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return fail(ERR_UNSUPPORTED, "drawing: a canvas of %d x %d pixels; sides may be 1 to %d",
                    width, height, MAX_SIDE);
    struct surface made = {.pixels = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height)};
    made.cr = cairo_create(made.pixels);
    cairo_status_t code = cairo_status(made.cr);
    if (code != CAIRO_STATUS_SUCCESS) {
        surface_free(&made);
        return cairo_fail(code);
    }
    *surface = made;
    return OK;
}

enum status surface_from_image(const struct image *image, struct surface *surface)
{
    TRY(surface_create(image->width, image->height, surface));
    cairo_surface_flush(surface->pixels);
    unsigned char *base = cairo_image_surface_get_data(surface->pixels);
    size_t stride = (size_t)cairo_image_surface_get_stride(surface->pixels);
    size_t width = (size_t)image->width;
    for (size_t y = 0; y < (size_t)image->height; y++) {
        const uint8_t *from = image->rgb + y * width * 3;
        uint32_t *to = (uint32_t *)(void *)(base + y * stride);
        for (size_t x = 0; x < width; x++, from += 3)
            to[x] = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
    }
    cairo_surface_mark_dirty(surface->pixels);
    return OK;
}

enum status surface_to_image(const struct surface *surface, struct image *image)
{
    cairo_status_t code = cairo_status(surface->cr);
    if (code != CAIRO_STATUS_SUCCESS) return cairo_fail(code);
    cairo_surface_flush(surface->pixels);
    int width = cairo_image_surface_get_width(surface->pixels);
    int height = cairo_image_surface_get_height(surface->pixels);
    const unsigned char *base = cairo_image_surface_get_data(surface->pixels);
    size_t stride = (size_t)cairo_image_surface_get_stride(surface->pixels);
    uint8_t *rgb = mem_alloc((size_t)width * (size_t)height, 3);
    if (!rgb) return ERR_MEMORY;
    uint8_t *to = rgb;
    for (size_t y = 0; y < (size_t)height; y++) {
        const uint32_t *from = (const uint32_t *)(const void *)(base + y * stride);
        for (size_t x = 0; x < (size_t)width; x++, to += 3) {
            to[0] = (uint8_t)(from[x] >> 16);
            to[1] = (uint8_t)(from[x] >> 8);
            to[2] = (uint8_t)from[x];
        }
    }
    *image = (struct image){.width = width, .height = height, .rgb = rgb};
    return OK;
}

void surface_free(struct surface *surface)
{
    if (surface->cr) cairo_destroy(surface->cr);
    if (surface->pixels) cairo_surface_destroy(surface->pixels);
    *surface = (struct surface){0};
}
