#include "draw/mask.h"

#include <string.h>

#include "base/mem.h"

// inside: (width, height) of the canvas, column by column as the runs are. Only sampled, never
// decoded: a mask may be far larger than the canvas.
static void sample(const struct rle *mask, int width, int height, uint8_t *inside)
{
    size_t run = 0, end = mask->n ? mask->counts[0] : 0, rows = (size_t)height;
    int last = -1;
    for (int x = 0; x < width; x++) {
        int column = (int)((double)mask->width * (x + 0.5) / width);
        if (column == last) { // enlarged
            memcpy(inside + (size_t)x * rows, inside + (size_t)(x - 1) * rows, rows);
            continue;
        }
        last = column;
        for (int y = 0; y < height; y++) {
            int row = (int)((double)mask->height * (y + 0.5) / height);
            size_t at = (size_t)column * (size_t)mask->height + (size_t)row;
            while (at >= end && run + 1 < mask->n) end += mask->counts[++run];
            inside[(size_t)x * rows + (size_t)y] = at < end && run % 2 == 1;
        }
    }
}

static bool is_border(const uint8_t *inside, int width, int height, int x, int y, int line)
{
    static const int steps[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    for (int i = 0; i < 4; i++) {
        int nx = x + steps[i][0] * line, ny = y + steps[i][1] * line;
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        if (!inside[(size_t)nx * (size_t)height + (size_t)ny]) return true;
    }
    return false;
}

static uint32_t blend(uint32_t pixel, struct color color, double weight)
{
    const double parts[3] = {color.b, color.g, color.r};
    uint32_t out = 0;
    for (int i = 0; i < 3; i++) {
        double old = (double)(pixel >> (8 * i) & 255);
        out |= (uint32_t)(old * (1 - weight) + 255 * parts[i] * weight + 0.5) << (8 * i);
    }
    return out;
}

enum status mask_paint(const struct surface *surface, const struct rle *mask, struct color color,
                       int line)
{
    int width = cairo_image_surface_get_width(surface->pixels);
    int height = cairo_image_surface_get_height(surface->pixels);
    uint8_t *inside = mem_alloc((size_t)width * (size_t)height, 1);
    if (!inside) return ERR_MEMORY;
    sample(mask, width, height, inside);
    cairo_surface_flush(surface->pixels);
    unsigned char *base = cairo_image_surface_get_data(surface->pixels);
    size_t stride = (size_t)cairo_image_surface_get_stride(surface->pixels);
    for (int y = 0; y < height; y++) {
        uint32_t *row = (uint32_t *)(void *)(base + (size_t)y * stride);
        for (int x = 0; x < width; x++) {
            if (!inside[(size_t)x * (size_t)height + (size_t)y]) continue;
            bool is_edge = is_border(inside, width, height, x, y, line < 1 ? 1 : line);
            row[x] = blend(row[x], color, is_edge ? 0.95 : 0.35);
        }
    }
    cairo_surface_mark_dirty(surface->pixels);
    mem_free(inside);
    return OK;
}
