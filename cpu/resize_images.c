#include <string.h>

#include "base/resize.h"
#include "cpu/kernels.h"

// Pixel x of a row between two rows of the image.
static void resize_pixel(const uint8_t *const rows[2], const int32_t *place, int x, float weight,
                         float *to)
{
    int width = place[PLACE_WIDTH];
    struct resize_tap tap = resize_tap_at(x, width, place[PLACE_NEW_WIDTH]);
    int first = place[PLACE_FLIP] ? width - 1 - tap.first : tap.first;
    int second = place[PLACE_FLIP] ? width - 1 - tap.second : tap.second;
    for (int c = 0; c < 3; c++) {
        float between[2];
        for (int i = 0; i < 2; i++)
            between[i] = resize_blend(resize_normal(rows[i][3 * first + c], c),
                                      resize_normal(rows[i][3 * second + c], c), tap.weight);
        to[c] = resize_blend(between[0], between[1], weight);
    }
}

static void resize_row(const uint8_t *pixels, const int32_t *place, int y, int width, float *to)
{
    int used = y < place[PLACE_NEW_HEIGHT] ? place[PLACE_NEW_WIDTH] : 0;
    memset(to + 3 * (size_t)used, 0, 3 * (size_t)(width - used) * sizeof *to);
    if (used == 0) return;
    uint64_t start = (uint64_t)(uint32_t)place[PLACE_START_HIGH] << 32 |
                     (uint32_t)place[PLACE_START_LOW];
    struct resize_tap tap = resize_tap_at(y, place[PLACE_HEIGHT], place[PLACE_NEW_HEIGHT]);
    size_t row = 3 * (size_t)place[PLACE_WIDTH];
    const uint8_t *rows[2] = {pixels + start + (size_t)tap.first * row,
                              pixels + start + (size_t)tap.second * row};
    for (int x = 0; x < used; x++) resize_pixel(rows, place, x, tap.weight, to + 3 * x);
}

enum status cpu_resize_images_forward(const struct op_call *call)
{
    const struct resize_images_args *args = call->args;
    const uint8_t *pixels = call->in[0]->data;
    const int32_t *places = call->in[1]->data;
    float *images = call->out[0]->data;
    int64_t n_rows = call->out[0]->shape[0] * args->height;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_rows; i++)
        resize_row(pixels, places + i / args->height * N_PLACE, (int)(i % args->height),
                   args->width, images + 3 * i * args->width);
    return OK;
}
