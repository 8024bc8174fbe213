#include <math.h>

#include "cuda/block.h"
#include "cuda/roi_align.h"
#include "cuda/vec.h"

// Each pixel of a map adds up what it receives from its RoIs, in their order: no atomics, so that
// results repeat, and every gradient is written once, without zeroing before. A block takes a tile
// of a map; the RoIs of its image and level that reach the tile are listed, and their weights of
// the tile's rows and columns computed once for all channels.
enum { TILE_ROWS = 4, TILE_COLUMNS = 8, TILE_LANES = 64, TILE_THREADS = TILE_ROWS * TILE_LANES };
enum { TILE_BATCH = 4 }; // RoIs at a time

struct roi_groups {
    int64_t n_images;
    int32_t *n;       // (levels * n_images): RoIs of each level and image
    int32_t *members; // (levels * n_images, capacity): which, ascending
};

// Blocks: groups.
static __global__ void __launch_bounds__(TILE_THREADS)
    roi_group_kernel(struct roi_list list, struct roi_groups groups)
{
    int64_t n = list_count(list.count, list.capacity), n_images = groups.n_images;
    int32_t *members = groups.members + blockIdx.x * list.capacity;
    uint32_t used = 0;
    for (int64_t begin = 0; begin < n; begin += TILE_THREADS) {
        int64_t i = begin + threadIdx.x;
        bool is_member = i < n && roi_level_at(&list, i) * n_images + roi_image_at(&list, i) ==
                                      (int64_t)blockIdx.x;
        uint32_t total, at = used + block_rank(is_member, &total);
        if (is_member) members[at] = (int32_t)i;
        used += total;
    }
    if (threadIdx.x == 0) groups.n[blockIdx.x] = (int32_t)used;
}

// A RoI in a tile.
struct tile_roi {
    int64_t i;
    struct roi_grid rows, columns;
    float share; // of a sample
    int first_x, end_x; // columns of bins that may reach the tile
};

struct tile_weights {
    float rows[TILE_ROWS][ROI_MAX_SIZE], columns[ROI_MAX_SIZE][TILE_COLUMNS];
};

// May a grid's samples lie between pixels that have one of [begin, end)? Errs on the side of yes.
static __device__ bool tile_meets(const struct roi_grid *grid, int size, int begin, int end)
{
    float last = grid->begin + grid->bin * (float)size;
    return floorf(grid->begin) - 1.0f <= (float)end && floorf(last) + 2.0f >= (float)begin;
}

// The bins that may do so.
static __device__ void tile_bins(const struct roi_grid *grid, int size, int begin, int end,
                                 int *first, int *past)
{
    *first = 0;
    *past = size;
    if (!(grid->bin > 0.0f)) return;
    float low = floorf(((float)begin - 2.0f - grid->begin) / grid->bin);
    float high = floorf(((float)end + 1.0f - grid->begin) / grid->bin) + 1.0f;
    *first = low > 0.0f ? (low < (float)size ? (int)low : size) : 0;
    *past = high < (float)size ? (high > 0.0f ? (int)high : 0) : size;
}

// The sum of a bin's weights of one pixel.
static __device__ float tile_weight(const struct roi_grid *grid, int bin, int pixel)
{
    float sum = 0.0f;
    for (int i = 0; i < grid->n_samples; i++) {
        int low;
        float share;
        if (!roi_grid_sample(grid, bin, i, &low, &share)) continue;
        if (low == pixel) sum += 1.0f - share;
        if (low + 1 == pixel) sum += share;
    }
    return sum;
}

struct tile_task {
    struct roi_list list;
    struct roi_groups groups;
    int level, height, width; // of the map
    int64_t n_channels;
    bool adds;
};

// All threads: the weights of the tile at (y, x) of n RoIs.
static __device__ void tile_fill(const struct tile_task *t, const int32_t *hits, int n, int y,
                                 int x, struct tile_roi *rois, struct tile_weights *weights)
{
    int size = t->list.size;
    if ((int)threadIdx.x < n) {
        struct tile_roi *roi = &rois[threadIdx.x];
        roi->i = hits[threadIdx.x];
        roi->rows = roi_grid_at(&t->list, roi->i, t->level, 1);
        roi->columns = roi_grid_at(&t->list, roi->i, t->level, 0);
        int n_samples = roi->rows.n_samples * roi->columns.n_samples;
        roi->share = n_samples > 1 ? 1.0f / (float)n_samples : 1.0f;
        tile_bins(&roi->columns, size, x, x + TILE_COLUMNS, &roi->first_x, &roi->end_x);
    }
    __syncthreads();
    int each = (TILE_ROWS + TILE_COLUMNS) * size;
    for (int k = (int)threadIdx.x; k < n * each; k += TILE_THREADS) {
        int h = k / each, bin = k % each / (TILE_ROWS + TILE_COLUMNS);
        int pixel = k % each % (TILE_ROWS + TILE_COLUMNS);
        if (pixel < TILE_ROWS)
            weights[h].rows[pixel][bin] =
                rois[h].share * tile_weight(&rois[h].rows, bin, y + pixel);
        else
            weights[h].columns[bin][pixel - TILE_ROWS] =
                tile_weight(&rois[h].columns, bin, x + pixel - TILE_ROWS);
    }
    __syncthreads();
}

// What the pixels of a row of the tile receive from a RoI: W channels, dy from them on.
template <typename Y, int W>
static __device__ void tile_add(const struct tile_roi *roi, const struct tile_weights *weights,
                                int row, int size, const Y *dy, int64_t n_channels,
                                float sum[TILE_COLUMNS][W])
{
    dy += roi->i * size * size * n_channels;
    for (int bin_y = 0; bin_y < size; bin_y++) {
        float weight = weights->rows[row][bin_y];
        if (weight == 0.0f) continue;
        for (int bin_x = roi->first_x; bin_x < roi->end_x; bin_x++) {
            const float *columns = weights->columns[bin_x];
            float g[W];
            vec_load<W>(g, dy + (bin_y * size + bin_x) * n_channels);
#pragma unroll
            for (int c = 0; c < W; c++) g[c] *= weight;
#pragma unroll
            for (int x = 0; x < TILE_COLUMNS; x++)
#pragma unroll
                for (int c = 0; c < W; c++) sum[x][c] = fmaf(columns[x], g[c], sum[x][c]);
        }
    }
}

// Blocks: column of tiles, row of tiles, image and channels.
template <typename Y, typename M, int W>
static __global__ void __launch_bounds__(TILE_THREADS)
    roi_spread_kernel(struct tile_task t, const Y *dy, M *gradient)
{
    __shared__ int32_t hits[TILE_THREADS];
    __shared__ struct tile_roi rois[TILE_BATCH];
    __shared__ struct tile_weights weights[TILE_BATCH];
    int row = (int)(threadIdx.x / TILE_LANES), y = (int)blockIdx.y * TILE_ROWS;
    int x = (int)blockIdx.x * TILE_COLUMNS;
    int64_t image = blockIdx.z % t.groups.n_images;
    int64_t channel = (blockIdx.z / t.groups.n_images * TILE_LANES + threadIdx.x % TILE_LANES) * W;
    int64_t group = t.level * t.groups.n_images + image, n = t.groups.n[group];
    const int32_t *members = t.groups.members + group * t.list.capacity;
    float sum[TILE_COLUMNS][W];
#pragma unroll
    for (int k = 0; k < TILE_COLUMNS * W; k++) sum[k / W][k % W] = 0.0f;
    for (int64_t begin = 0; begin < n; begin += TILE_THREADS) {
        int32_t roi = begin + threadIdx.x < n ? members[begin + threadIdx.x] : -1;
        bool meets = false;
        if (roi >= 0) {
            struct roi_grid rows = roi_grid_at(&t.list, roi, t.level, 1);
            struct roi_grid columns = roi_grid_at(&t.list, roi, t.level, 0);
            meets = tile_meets(&rows, t.list.size, y, y + TILE_ROWS) &&
                    tile_meets(&columns, t.list.size, x, x + TILE_COLUMNS);
        }
        uint32_t n_hits, at = block_rank(meets, &n_hits);
        if (meets) hits[at] = roi;
        __syncthreads();
        for (int first = 0; first < (int)n_hits; first += TILE_BATCH) {
            int batch = (int)n_hits - first < TILE_BATCH ? (int)n_hits - first : (int)TILE_BATCH;
            tile_fill(&t, hits + first, batch, y, x, rois, weights);
            for (int h = 0; h < batch && channel < t.n_channels; h++)
                tile_add<Y, W>(&rois[h], &weights[h], row, t.list.size, dy + channel,
                               t.n_channels, sum);
            __syncthreads();
        }
    }
    if (y + row >= t.height || channel >= t.n_channels) return;
    gradient += ((image * t.height + y + row) * t.width + x) * t.n_channels + channel;
#pragma unroll
    for (int k = 0; k < TILE_COLUMNS; k++)
        if (x + k < t.width) vec_accumulate<W>(gradient + k * t.n_channels, sum[k], t.adds);
}

template <typename Y, typename M, int W>
static enum status roi_spread_launch(const struct op_call *call, const struct tile_task *t)
{
    const struct tensor *y = call->out[0], *map = call->in[ROI_ALIGN_MAPS + t->level];
    int64_t parts = (t->n_channels / W + TILE_LANES - 1) / TILE_LANES;
    dim3 grid((unsigned)((map->shape[2] + TILE_COLUMNS - 1) / TILE_COLUMNS),
              (unsigned)((map->shape[1] + TILE_ROWS - 1) / TILE_ROWS),
              (unsigned)(parts * map->shape[0]));
    CUDA_LAUNCH((roi_spread_kernel<Y, M, W>), grid, TILE_THREADS, 0, cuda_stream(call), *t,
                (const Y *)y->grad, (M *)map->grad);
    return cuda_check(call, "roi_align");
}

enum status roi_align_spread(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct tile_task t = {};
    t.list = roi_list_of(call);
    t.groups.n_images = call->in[ROI_ALIGN_MAPS]->shape[0];
    t.n_channels = call->out[0]->shape[3];
    int64_t n_groups = t.list.n_levels * t.groups.n_images;
    size_t n_bytes = (size_t)n_groups * sizeof *t.groups.n;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend,
                               cuda_scratch_round(n_bytes) +
                                   (size_t)(n_groups * t.list.capacity) * sizeof *t.groups.members,
                               &scratch));
    t.groups.n = (int32_t *)scratch;
    t.groups.members = (int32_t *)((char *)scratch + cuda_scratch_round(n_bytes));
    if (n_groups == 0) return OK;
    CUDA_LAUNCH(roi_group_kernel, (unsigned)n_groups, TILE_THREADS, 0, cuda_stream(call), t.list,
                t.groups);
    TRY(cuda_check(call, "roi_align"));
    for (t.level = 0; t.level < t.list.n_levels; t.level++) {
        int in = ROI_ALIGN_MAPS + t.level;
        const struct tensor *map = call->in[in];
        if (!backward->want[in] || tensor_count(map) == 0) continue;
        t.adds = backward->beta[in] != 0.0f;
        t.height = (int)map->shape[1];
        t.width = (int)map->shape[2];
        VEC_DTYPE(call->out[0]->grad_dtype, Y, {
            VEC_DTYPE(map->grad_dtype, M, {
                if (t.n_channels % 4 == 0)
                    TRY((roi_spread_launch<Y, M, 4>(call, &t)));
                else
                    TRY((roi_spread_launch<Y, M, 1>(call, &t)));
            });
        });
    }
    return OK;
}
