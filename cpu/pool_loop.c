#include "cpu/pool_loop.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

// Its rows must begin on a cache line, those of a byte for each element included.
static bool may_stream(const struct tensor *tensor, const void *memory)
{
    int64_t c = tensor->shape[3];
    return memory && tensor_count(tensor) * sizeof(float) >= STREAM_MIN_BYTES &&
           c <= POOL_MAX_STREAM_CHANNELS && stream_is_aligned(memory, (size_t)c);
}

struct pool_map pool_map_of(const struct op_call *call)
{
    const struct pool_op_args *args = call->args;
    const int64_t *x = call->in[0]->shape, *y = call->out[0]->shape;
    struct pool_map map = {.n = x[0], .window = args->window, .args = args->args};
    map.h = (int)x[1];
    map.w = (int)x[2];
    map.c = (int)x[3];
    map.oh = (int)y[1];
    map.ow = (int)y[2];
    assert(map.window.kernel_h > 0 && map.window.kernel_w > 0);
    map.y_streams = may_stream(call->out[0], call->out[0]->data);
    map.dx_streams = may_stream(call->in[0], call->in[0]->grad);
    return map;
}

enum status pool_run_forward(const struct op_call *call, pool_row_forward row)
{
    struct pool_map map = pool_map_of(call);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < map.n * map.oh; i++) row(call, &map, i / map.oh, (int)(i % map.oh));
    return OK;
}

enum status pool_run_backward(const struct op_backward_call *backward, pool_band_backward band,
                              size_t scratch_floats)
{
    const struct op_call *call = backward->forward;
    if (!backward->want[0] || !call->out[0]->grad) return OK;
    struct pool_map map = pool_map_of(call);
    int n_threads = omp_get_max_threads();
    void *scratch = NULL;
    if (scratch_floats > 0)
        TRY(call->backend->scratch(call->backend,
                                   (size_t)n_threads * scratch_floats * sizeof(float), &scratch));
    // A band shares windows with its neighbours and computes those again: few, tall bands.
    int64_t per_image = (4 * (int64_t)n_threads + map.n - 1) / map.n;
    int rows = (int)((map.h + per_image - 1) / per_image);
    int n_bands = (map.h + rows - 1) / rows;
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (int64_t i = 0; i < map.n * n_bands; i++) {
        int begin = (int)(i % n_bands) * rows;
        int end = begin + rows < map.h ? begin + rows : map.h;
        float *own =
            scratch ? (float *)scratch + (size_t)omp_get_thread_num() * scratch_floats : NULL;
        band(backward, &map, i / n_bands, begin, end, own);
    }
    return OK;
}

static bool is_covered(int in, int n_out, int kernel, int stride, int pad_begin)
{
    int begin, end;
    window_cover(in, n_out, kernel, stride, pad_begin, &begin, &end);
    return begin < end;
}

void pool_zero_uncovered(const struct pool_map *map, int64_t image, int begin, int end, float *dx)
{
    const struct window *win = &map->window;
    size_t pixel = (size_t)map->c * sizeof(float);
    for (int h = begin; h < end; h++) {
        bool has_row = is_covered(h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h);
        char *row =
            (char *)dx + ((size_t)image * (size_t)map->h + (size_t)h) * (size_t)map->w * pixel;
        for (int w = 0; w < map->w; w++)
            if (!has_row || !is_covered(w, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w))
                memset(row + (size_t)w * pixel, 0, pixel);
    }
}
