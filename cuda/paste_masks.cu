#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "nn/paste.h"

struct paste_task {
    const float *probabilities, *boxes;
    const int32_t *places;
    uint32_t *bits;
    int64_t n_words, n_masks;
    int side;
    enum paste_method method;
    float threshold;
};

static __device__ int64_t paste_first_word(const struct paste_task *t, int64_t mask)
{
    const int32_t *place = t->places + mask * N_PASTE;
    return (int64_t)((uint64_t)(uint32_t)place[PASTE_WORD_HIGH] << 32 |
                     (uint32_t)place[PASTE_WORD_LOW]);
}

// The last mask that begins at or before the word.
static __device__ int64_t paste_mask_of(const struct paste_task *t, int64_t word)
{
    int64_t low = 0, high = t->n_masks - 1;
    while (low < high) {
        int64_t middle = high - (high - low) / 2;
        if (paste_first_word(t, middle) <= word)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

// A thread a word.
static __global__ void __launch_bounds__(CUDA_BLOCK) paste_masks_kernel(struct paste_task t)
{
    for (int64_t word = (int64_t)CUDA_FIRST; word < t.n_words; word += (int64_t)CUDA_STEP) {
        int64_t mask = paste_mask_of(&t, word);
        const int32_t *place = t.places + mask * N_PASTE;
        const float *box = t.boxes + 4 * mask;
        const float *map = t.probabilities + (int64_t)place[PASTE_MAP] * t.side * t.side;
        int height = place[PASTE_HEIGHT], width = place[PASTE_WIDTH];
        struct paste_axis x = paste_axis_of(box[0], box[2], t.side, width, t.method);
        struct paste_axis y = paste_axis_of(box[1], box[3], t.side, height, t.method);
        uint32_t first = 32 * (uint32_t)(word - paste_first_word(&t, mask)), bits = 0;
        int column = (int)(first / (uint32_t)height), row = (int)(first % (uint32_t)height);
        for (int i = 0; i < 32 && column < x.end; i++) { // pixels behind the last have no column
            if (paste_pixel(map, &x, &y, column, row, t.threshold)) bits |= 1u << i;
            if (++row < height) continue;
            row = 0;
            column++;
        }
        t.bits[word] = bits;
    }
}

enum status cuda_paste_masks_forward(const struct op_call *call)
{
    const struct paste_args *args = (const struct paste_args *)call->args;
    struct paste_task t = {};
    t.probabilities = (const float *)call->in[0]->data;
    t.boxes = (const float *)call->in[1]->data;
    t.places = (const int32_t *)call->in[2]->data;
    t.bits = (uint32_t *)call->out[0]->data;
    t.n_words = args->n_words;
    t.n_masks = call->in[1]->shape[0];
    t.side = (int)call->in[0]->shape[1];
    t.method = (enum paste_method)args->method;
    t.threshold = args->threshold;
    if (t.n_words == 0 || t.n_masks == 0) return OK;
    CUDA_LAUNCH(paste_masks_kernel, cuda_blocks((size_t)t.n_words), CUDA_BLOCK, 0,
                cuda_stream(call), t);
    return cuda_check(call, "paste_masks");
}
