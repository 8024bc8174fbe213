#include <string.h>

#include "base/mem.h"
#include "base/resize.h"
#include "coco/image.h"

static void compute_taps(int n_in, int n_out, struct resize_tap *taps)
{
    for (int i = 0; i < n_out; i++) taps[i] = resize_tap_at(i, n_in, n_out);
}

void image_normalisation(float normalised[256][4])
{
    for (int value = 0; value < 256; value++) {
        for (int c = 0; c < 3; c++) normalised[value][c] = resize_normal(value, c);
        normalised[value][3] = 0.0f;
    }
}

struct resizer {
    const struct image *image;
    bool flip;
    int new_width;
    struct resize_tap *columns, *rows;
    float *source;       // (width, 3) one row, normalised
    float *stretched[2]; // (new_width, 3) rows resized horizontally ...
    int stretched_y[2];  // ... and which source rows they are; -1: none
    float normalised[256][4];
};

static void stretch_row(struct resizer *r, int y, float *out)
{
    int width = r->image->width;
    const uint8_t *rgb = r->image->rgb + (size_t)y * 3 * (size_t)width;
    for (int x = 0; x < width; x++) {
        const uint8_t *pixel = rgb + 3 * (r->flip ? width - 1 - x : x);
        for (int c = 0; c < 3; c++) r->source[3 * x + c] = r->normalised[pixel[c]][c];
    }
    for (int x = 0; x < r->new_width; x++) {
        const struct resize_tap tap = r->columns[x];
        const float *first = r->source + 3 * tap.first, *second = r->source + 3 * tap.second;
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = resize_blend(first[c], second[c], tap.weight);
    }
}

// A row stretched to the new width, from the two kept ones where possible. `other` stays.
static int get_row(struct resizer *r, int y, int other)
{
    for (int i = 0; i < 2; i++)
        if (r->stretched_y[i] == y) return i;
    int slot = other == 0 ? 1 : 0;
    stretch_row(r, y, r->stretched[slot]);
    r->stretched_y[slot] = y;
    return slot;
}

static void blend(const float *restrict first, const float *restrict second, float weight,
                  float *restrict out, int n)
{
    for (int i = 0; i < n; i++) out[i] = resize_blend(first[i], second[i], weight);
}

enum status image_to_canvas(const struct image *image, bool flip, int new_width, int new_height,
                            float *canvas, int canvas_width, int canvas_height)
{
    struct resizer r = {
        .image = image, .flip = flip, .new_width = new_width, .stretched_y = {-1, -1}};
    size_t row = 3 * (size_t)canvas_width, used = 3 * (size_t)new_width;
    enum status status = ERR_MEMORY;
    r.columns = (struct resize_tap *)mem_alloc((size_t)new_width, sizeof *r.columns);
    r.rows = (struct resize_tap *)mem_alloc((size_t)new_height, sizeof *r.rows);
    r.source = (float *)mem_alloc(3 * (size_t)image->width, sizeof *r.source);
    for (int i = 0; i < 2; i++) r.stretched[i] = (float *)mem_alloc(used, sizeof *r.source);
    if (!r.columns || !r.rows || !r.source || !r.stretched[0] || !r.stretched[1]) goto done;
    status = OK;
    image_normalisation(r.normalised);
    compute_taps(image->width, new_width, r.columns);
    compute_taps(image->height, new_height, r.rows);
    for (int y = 0; y < new_height; y++) {
        float *out = canvas + (size_t)y * row;
        int first = get_row(&r, r.rows[y].first, -1);
        int second = get_row(&r, r.rows[y].second, first);
        blend(r.stretched[first], r.stretched[second], r.rows[y].weight, out, (int)used);
        memset(out + used, 0, (row - used) * sizeof *out);
    }
    memset(canvas + (size_t)new_height * row, 0,
           (size_t)(canvas_height - new_height) * row * sizeof *canvas);
done:
    mem_free(r.columns);
    mem_free(r.rows);
    mem_free(r.source);
    for (int i = 0; i < 2; i++) mem_free(r.stretched[i]);
    return status;
}
