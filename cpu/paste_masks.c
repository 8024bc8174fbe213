#include <string.h>

#include "cpu/kernels.h"
#include "nn/paste.h"

static void paste_one(const float *map, int side, const float box[4], const int32_t *place,
                      const struct paste_args *args, uint32_t *bits)
{
    enum paste_method method = (enum paste_method)args->method;
    int height = place[PASTE_HEIGHT], width = place[PASTE_WIDTH];
    struct paste_axis x = paste_axis_of(box[0], box[2], side, width, method);
    struct paste_axis y = paste_axis_of(box[1], box[3], side, height, method);
    size_t n_words = ((size_t)height * (size_t)width + 31) / 32;
    memset(bits, 0, n_words * sizeof *bits);
    for (int column = x.begin; column < x.end; column++)
        for (int row = y.begin; row < y.end; row++) {
            size_t at = (size_t)column * (size_t)height + (size_t)row;
            if (paste_pixel(map, &x, &y, column, row, args->threshold))
                bits[at / 32] |= 1u << at % 32;
        }
}

enum status cpu_paste_masks_forward(const struct op_call *call)
{
    const struct tensor *maps = call->in[0];
    const float *probabilities = maps->data, *boxes = call->in[1]->data;
    const int32_t *places = call->in[2]->data;
    int64_t n = call->in[1]->shape[0], side = maps->shape[1];
    uint32_t *bits = call->out[0]->data;
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < n; i++) {
        const int32_t *place = places + i * N_PASTE;
        uint64_t word = (uint64_t)(uint32_t)place[PASTE_WORD_HIGH] << 32 |
                        (uint32_t)place[PASTE_WORD_LOW];
        paste_one(probabilities + place[PASTE_MAP] * side * side, (int)side, boxes + 4 * i, place,
                  call->args, bits + word);
    }
    return OK;
}
