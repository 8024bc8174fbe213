#include "draw/mask.h"

#include <string.h>

#include "base/mem.h"

// The part of the canvas where the mask can be: columns x0 .. x1 - 1, rows y0 .. y1 - 1.
struct region {
    int x0, y0, x1, y1;
    uint8_t *inside; // (x1 - x0, y1 - y0), column by column as the runs are
};

// The pixel of n_in that is sampled at i of n_out.
static int sampled(int i, int n_in, int n_out)
{
    return (int)((double)n_in * (i + 0.5) / n_out);
}

static void find_stretch(int n_in, int n_out, double low, double n, int *first, int *end)
{
    int i = 0;
    while (i < n_out && sampled(i, n_in, n_out) < low) i++;
    *first = i;
    while (i < n_out && sampled(i, n_in, n_out) < low + n) i++;
    *end = i;
}

// Only sampled, never decoded: a mask may be far larger than the canvas.
static void sample(const struct rle *mask, int width, int height, struct region *region)
{
    size_t run = 0, end = mask->n ? mask->counts[0] : 0, rows = (size_t)(region->y1 - region->y0);
    uint8_t *out = region->inside;
    int last = -1;
    for (int x = region->x0; x < region->x1; x++, out += rows) {
        int column = sampled(x, mask->width, width);
        if (column == last) { // enlarged
            memcpy(out, out - rows, rows);
            continue;
        }
        last = column;
        for (int y = region->y0; y < region->y1; y++) {
            size_t row = (size_t)sampled(y, mask->height, height);
            size_t at = (size_t)column * (size_t)mask->height + row;
            while (at >= end && run + 1 < mask->n) end += mask->counts[++run];
            out[y - region->y0] = at < end && run % 2 == 1;
        }
    }
}

static bool is_inside(const struct region *region, int x, int y)
{
    if (x < region->x0 || y < region->y0 || x >= region->x1 || y >= region->y1) return false;
    size_t rows = (size_t)(region->y1 - region->y0);
    return region->inside[(size_t)(x - region->x0) * rows + (size_t)(y - region->y0)];
}

static bool is_border(const struct region *region, int width, int height, int x, int y, int line)
{
    static const int steps[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    for (int i = 0; i < 4; i++) {
        int nx = x + steps[i][0] * line, ny = y + steps[i][1] * line;
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        if (!is_inside(region, nx, ny)) return true;
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
    struct region region;
    double box[4];
    rle_box(mask, box);
    find_stretch(mask->width, width, box[0], box[2], &region.x0, &region.x1);
    find_stretch(mask->height, height, box[1], box[3], &region.y0, &region.y1);
    region.inside = mem_alloc((size_t)(region.x1 - region.x0), (size_t)(region.y1 - region.y0));
    if (!region.inside) return ERR_MEMORY;
    sample(mask, width, height, &region);
    cairo_surface_flush(surface->pixels);
    unsigned char *base = cairo_image_surface_get_data(surface->pixels);
    size_t stride = (size_t)cairo_image_surface_get_stride(surface->pixels);
    for (int y = region.y0; y < region.y1; y++) {
        uint32_t *row = (uint32_t *)(void *)(base + (size_t)y * stride);
        for (int x = region.x0; x < region.x1; x++) {
            if (!is_inside(&region, x, y)) continue;
            bool is_edge = is_border(&region, width, height, x, y, line < 1 ? 1 : line);
            row[x] = blend(row[x], color, is_edge ? 0.95 : 0.4);
        }
    }
    cairo_surface_mark_dirty(surface->pixels);
    mem_free(region.inside);
    return OK;
}
