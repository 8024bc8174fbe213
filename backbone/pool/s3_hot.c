#include "backbone/pool/s3.h"

#include "backbone/pool/dispatch.h"
#include "backbone/pool/max.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(s3);

// The window of M at (t, u): its elements inside the map, and those of rows [row_begin, row_end).
struct corner {
    size_t first; // offset of (t, u), of the image's first channel
    int rows, cols;
};

POOL_LOOP_INLINE struct corner corner_at(const struct pool_map *map, const struct s3_plan *plan,
                                         int64_t image, int t, int u)
{
    struct corner corner;
    corner.rows = map->h - t < plan->kernel_h ? map->h - t : plan->kernel_h;
    corner.cols = map->w - u < plan->kernel_w ? map->w - u : plan->kernel_w;
    corner.first = (((size_t)image * (size_t)map->h + (size_t)t) * (size_t)map->w + (size_t)u) *
                   (size_t)map->c;
    return corner;
}

// *place: the maximum's number in the corner, row-major.
POOL_LOOP_INLINE lanes corner_max(const void *x, const struct pool_map *map,
                                  const struct corner *corner, int channel, int n_c, lanes *place)
{
    size_t c = (size_t)map->c, row = (size_t)map->w * c, first = corner->first + (size_t)channel;
    lanes maximum = pool_load(x, first, n_c, map->is_bf16);
    *place = lane_all(0.0f);
    for (int i = 1; i < corner->rows * corner->cols; i++) {
        size_t at = (size_t)(i / corner->cols) * row + (size_t)(i % corner->cols) * c;
        lanes a = pool_load(x, first + at, n_c, map->is_bf16);
        lane_mask replaces = max_replaces(a, maximum);
        maximum = lane_select(replaces, a, maximum);
        *place = lane_select(replaces, lane_all((float)i), *place);
    }
    return maximum;
}

struct job {
    struct pool_map map;
    struct s3_plan plan;
    const void *x;
    void *y;
    const float *dy;
    float *dx;
};

// Adds one sample of one output.
POOL_LOOP_INLINE lanes output(const struct job *job, int64_t image, const struct s3_taps *row,
                              const struct s3_taps *col, int channel, int n_c)
{
    lanes sum = lane_all(0.0f), place;
    for (int i = 0; i < row->n; i++)
        for (int j = 0; j < col->n; j++) {
            struct corner corner =
                corner_at(&job->map, &job->plan, image, row->first + i, col->first + j);
            lanes value = corner_max(job->x, &job->map, &corner, channel, n_c, &place);
            sum += value * (row->weight[i] * col->weight[j]);
        }
    return sum;
}

static void forward_row(const struct job *job, int64_t image, int oh)
{
    const struct pool_map *map = &job->map;
    const struct s3_plan *plan = &job->plan;
    for (int ow = 0; ow < map->ow; ow++)
        for (int channel = 0; channel < map->c; channel += N_LANES) {
            int n_c = map->c - channel < N_LANES ? map->c - channel : N_LANES;
            lanes sum = lane_all(0.0f);
            for (int s = 0; s < plan->n_samples; s++) {
                const struct s3_taps *row = &plan->rows[s * map->oh + oh];
                const struct s3_taps *col = &plan->cols[s * map->ow + ow];
                sum += output(job, image, row, col, channel, n_c);
            }
            size_t at = (((size_t)image * (size_t)map->oh + (size_t)oh) * (size_t)map->ow +
                         (size_t)ow) * (size_t)map->c + (size_t)channel;
            pool_store(job->y, at, sum, n_c, map->is_bf16, map->y_streams);
        }
    if (map->y_streams) stream_end();
}

static enum status start(const struct op_call *call, struct job *job)
{
    void *memory;
    job->map = pool_map_of(call);
    job->x = call->in[0]->data;
    job->y = call->out[0]->data;
    TRY(call->backend->scratch(call->backend, s3_plan_bytes(call), &memory));
    return s3_plan_make(call, memory, &job->plan);
}

enum status ISA_NAME(pool_s3_forward)(const struct op_call *call)
{
    struct job job = {.dx = NULL};
    TRY(start(call, &job));
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < job.map.n * job.map.oh; i++)
        forward_row(&job, i / job.map.oh, (int)(i % job.map.oh));
    return OK;
}

enum { BAND_ROWS = 32 };

// The gradients of one row of M, of output row oh, in rows [begin, end).
static void backward_row(const struct job *job, int64_t image, int oh, int ow, int t,
                         const struct s3_taps *col, float row_weight, int begin, int end)
{
    const struct pool_map *map = &job->map;
    size_t c = (size_t)map->c, x_row = (size_t)map->w * c;
    size_t from = (((size_t)image * (size_t)map->oh + (size_t)oh) * (size_t)map->ow + (size_t)ow) *
                  c;
    for (int j = 0; j < col->n; j++) {
        struct corner corner = corner_at(map, &job->plan, image, t, col->first + j);
        float weight = row_weight * col->weight[j];
        for (int channel = 0; channel < map->c; channel += N_LANES) {
            int n_c = map->c - channel < N_LANES ? map->c - channel : N_LANES;
            lanes place, g = pool_load(job->dy, from + (size_t)channel, n_c, false) * weight;
            corner_max(job->x, map, &corner, channel, n_c, &place);
            for (int i = 0; i < corner.rows * corner.cols; i++) {
                int r = i / corner.cols, q = i % corner.cols;
                if (t + r < begin || t + r >= end) continue;
                size_t at = corner.first + (size_t)r * x_row + (size_t)q * c + (size_t)channel;
                lanes share = lane_select(lane_equal(place, lane_all((float)i)), g, lane_all(0.0f));
                pool_store(job->dx, at, pool_load(job->dx, at, n_c, false) + share, n_c, false,
                           false);
            }
        }
    }
}

static void backward_band(const struct job *job, int64_t image, int begin, int end, bool adds)
{
    const struct pool_map *map = &job->map;
    const struct s3_plan *plan = &job->plan;
    size_t row = (size_t)map->w * (size_t)map->c;
    size_t first = ((size_t)image * (size_t)map->h + (size_t)begin) * row;
    if (!adds) memset(job->dx + first, 0, (size_t)(end - begin) * row * sizeof *job->dx);
    for (int k = 0; k < plan->n_samples * map->oh; k++) {
        const struct s3_taps *taps = &plan->rows[k];
        for (int i = 0; i < taps->n; i++) {
            int t = taps->first + i;
            if (t >= end || t + plan->kernel_h <= begin) continue;
            for (int ow = 0; ow < map->ow; ow++)
                backward_row(job, image, k % map->oh, ow, t,
                             &plan->cols[k / map->oh * map->ow + ow], taps->weight[i], begin, end);
        }
    }
}

enum status ISA_NAME(pool_s3_backward)(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct job job = {.dy = call->out[0]->grad, .dx = call->in[0]->grad};
    if (!backward->want[0] || !job.dy) return OK;
    TRY(start(call, &job));
    int n_bands = pool_tasks(job.map.h, BAND_ROWS);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < job.map.n * n_bands; i++) {
        int begin = (int)(i % n_bands) * BAND_ROWS;
        int end = begin + BAND_ROWS < job.map.h ? begin + BAND_ROWS : job.map.h;
        backward_band(&job, i / n_bands, begin, end, backward->beta[0] != 0.0f);
    }
    return OK;
}
