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
    struct pool_map map = {.call = call, .n = x[0], .window = args->window, .args = args->args};
    map.h = (int)x[1];
    map.w = (int)x[2];
    map.c = (int)x[3];
    map.oh = (int)y[1];
    map.ow = (int)y[2];
    map.form = args->def->form;
    if (call->n_out > 1) map.bytes = (uint8_t *)call->out[1]->data;
    assert(map.window.kernel_h > 0 && map.window.kernel_w > 0);
    map.is_bf16 = call->in[0]->dtype == DTYPE_BF16;
    map.y_streams = may_stream(call->out[0], call->out[0]->data);
    map.dx_streams = may_stream(call->in[0], call->in[0]->grad);
    return map;
}

// Scratch for values and large windows.
static enum status prepare(const struct op_call *call, const struct pool_needs *needs,
                           int64_t n_tasks, struct pool_map *map, struct pool_values *values)
{
    struct pool_value_form form = {.n = 0};
    int n_threads = omp_get_max_threads();
    size_t bytes = 0;
    char *scratch;
    if (needs->window) needs->window(call, &map->window);
    if (needs->values) {
        needs->values(call, &form);
        bytes += pool_values_bytes(&form, map->c, n_tasks, n_threads);
    }
    size_t elements = (size_t)map->window.kernel_h * (size_t)map->window.kernel_w;
    if (needs->n_lanes && elements > POOL_MAX_STACK)
        map->window_bytes = 2 * elements * POOL_VALUE_ALIGN * sizeof(float); // elements, gradients
    bytes += (size_t)n_threads * map->window_bytes;
    if (bytes == 0) return OK;
    TRY(call->backend->scratch(call->backend, bytes, (void **)&scratch));
    if (needs->values) {
        pool_values_init(values, &form, needs->n_lanes, call, n_tasks, n_threads, &scratch);
        map->values = values;
    }
    map->window_memory = scratch;
    return OK;
}

enum status pool_run_forward(const struct op_call *call, const struct pool_needs *needs,
                             pool_forward_rows rows, int n_rows)
{
    struct pool_map map = pool_map_of(call);
    struct pool_values values;
    int n_tasks = pool_tasks(map.oh, n_rows);
    map.n_rows = n_rows;
    TRY(prepare(call, needs, 0, &map, &values));
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < map.n * n_tasks; i++) {
        int begin = (int)(i % n_tasks) * n_rows;
        int end = begin + n_rows < map.oh ? begin + n_rows : map.oh;
        rows(call, &map, i / n_tasks, begin, end);
    }
    return OK;
}

enum status pool_run_backward(const struct op_backward_call *backward,
                              const struct pool_needs *needs, pool_backward_rows rows, int n_rows)
{
    const struct op_call *call = backward->forward;
    bool is_any = false;
    for (int i = 0; i < call->n_in; i++) is_any = is_any || backward->want[i];
    if (!is_any || !call->out[0]->grad) return OK;
    struct pool_map map = pool_map_of(call);
    struct pool_values values;
    int n_tasks = pool_tasks(map.h, n_rows);
    map.n_rows = n_rows;
    TRY(prepare(call, needs, map.n * n_tasks, &map, &values));
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < map.n * n_tasks; i++) {
        int begin = (int)(i % n_tasks) * n_rows;
        int end = begin + n_rows < map.h ? begin + n_rows : map.h;
        rows(backward, &map, i / n_tasks, begin, end);
    }
    if (needs->values) pool_values_finish(&values, backward, map.n * n_tasks);
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
