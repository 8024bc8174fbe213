#include "coco/mask_frame.h"

#include <assert.h>
#include <math.h>

#include "base/mem.h"

static int source_of(int i, int n_in, int n_out)
{
    float scale = (float)n_in / (float)n_out;
    int source = (int)floorf((float)i * scale);
    return source < n_in - 1 ? source : n_in - 1;
}

enum status mask_view_init(int image_width, int image_height, const struct image_window *window,
                           struct mask_view *view)
{
    struct mask_view v = {.width = window->width,
                          .height = window->height,
                          .image_width = image_width,
                          .image_height = image_height,
                          .flip = window->flip};
    v.columns = (int *)mem_alloc((size_t)v.width, sizeof *v.columns);
    v.rows = (int *)mem_alloc((size_t)v.height, sizeof *v.rows);
    if (!v.columns || !v.rows) {
        mask_view_free(&v);
        return ERR_MEMORY;
    }
    for (int x = 0; x < v.width; x++) {
        int source = source_of(x + window->left, image_width, window->new_width);
        v.columns[x] = v.flip ? image_width - 1 - source : source;
    }
    for (int y = 0; y < v.height; y++)
        v.rows[y] = source_of(y + window->top, image_height, window->new_height);
    *view = v;
    return OK;
}

void mask_view_free(struct mask_view *view)
{
    mem_free(view->columns);
    mem_free(view->rows);
    *view = (struct mask_view){0};
}

// The stretch of window pixels whose sources lie in [low, low + n).
static void find_stretch(const int *sources, int count, int low, int n, int32_t *first,
                         int32_t *length)
{
    int begin = 0;
    while (begin < count && (sources[begin] < low || sources[begin] >= low + n)) begin++;
    int end = begin;
    while (end < count && sources[end] >= low && sources[end] < low + n) end++;
    *first = begin;
    *length = end - begin;
}

// Where a reader of the runs stands: pixel numbers below `end` belong to run `run` or earlier.
struct place {
    size_t run;
    uint64_t end;
};

static void fill(const struct rle *rle, const struct mask_view *view, const int32_t frame[4],
                 uint8_t *out)
{
    struct place place = {0, rle->counts[0]}, column_begin = place;
    int last = -1;
    for (int i = 0; i < frame[2]; i++) {
        int x = view->flip ? frame[2] - 1 - i : i; // sources ascend
        int column = view->columns[frame[0] + x];
        if (column == last)
            place = column_begin;
        else
            column_begin = place;
        last = column;
        uint64_t base = (uint64_t)column * (uint64_t)rle->height;
        for (int y = 0; y < frame[3]; y++) {
            uint64_t at = base + (uint64_t)view->rows[frame[1] + y];
            while (place.end <= at) place.end += rle->counts[++place.run];
            out[(size_t)y * (size_t)frame[2] + (size_t)x] = place.run % 2;
        }
    }
}

enum status mask_frame_append(const struct rle *rle, const struct mask_view *view,
                              struct mask_bytes *out, int32_t frame[4])
{
    double box[4];
    assert(rle->width == view->image_width && rle->height == view->image_height);
    rle_box(rle, box);
    int32_t found[4];
    find_stretch(view->columns, view->width, (int)box[0], (int)box[2], &found[0], &found[2]);
    find_stretch(view->rows, view->height, (int)box[1], (int)box[3], &found[1], &found[3]);
    size_t n = (size_t)found[2] * (size_t)found[3];
    if (n > MASK_BYTES_MAX - out->n)
        return fail(ERR_DATA, "the masks of its image have more than %zu pixels in all",
                    MASK_BYTES_MAX);
    TRY(mem_reserve(&out->bytes, &out->capacity, out->n + n, 1));
    for (int i = 0; i < 4; i++) frame[i] = n ? found[i] : 0;
    if (n) fill(rle, view, found, out->bytes + out->n);
    out->n += n;
    return OK;
}
