#include "cuda/roi_align.h"

#include "cuda/vec.h"

enum { ROI_THREADS = 256 };

struct roi_maps {
    const void *data[ROI_MAX_LEVELS];
    int64_t n_channels;
};

// sum += weight * W neighbouring channels.
template <typename T, int W>
static __device__ void roi_add(float *sum, float weight, const T *from)
{
    float x[W];
    vec_load<W>(x, from);
#pragma unroll
    for (int c = 0; c < W; c++) sum[c] = fmaf(weight, x[c], sum[c]);
}

// The mean of a bin's samples, W channels of it.
template <typename T, int W>
static __device__ void roi_bin_mean(const struct roi_grid *rows, const struct roi_grid *columns,
                                    int bin_y, int bin_x, const T *map, int64_t n_channels,
                                    float *mean)
{
    int64_t row_step = columns->extent * n_channels;
#pragma unroll
    for (int c = 0; c < W; c++) mean[c] = 0.0f;
    for (int i = 0; i < rows->n_samples; i++) {
        int top;
        float down;
        if (!roi_grid_sample(rows, bin_y, i, &top, &down)) continue;
        for (int j = 0; j < columns->n_samples; j++) {
            int left;
            float right;
            if (!roi_grid_sample(columns, bin_x, j, &left, &right)) continue;
            const T *from = map + top * row_step + left * n_channels;
            roi_add<T, W>(mean, (1.0f - down) * (1.0f - right), from);
            if (right > 0.0f) roi_add<T, W>(mean, (1.0f - down) * right, from + n_channels);
            if (!(down > 0.0f)) continue;
            roi_add<T, W>(mean, down * (1.0f - right), from + row_step);
            if (right > 0.0f) roi_add<T, W>(mean, down * right, from + row_step + n_channels);
        }
    }
    int n_samples = rows->n_samples * columns->n_samples;
    float all = n_samples > 1 ? (float)n_samples : 1.0f;
#pragma unroll
    for (int c = 0; c < W; c++) mean[c] /= all;
}

// Blocks: RoI, row of bins.
template <typename T, int W>
static __global__ void __launch_bounds__(ROI_THREADS)
    roi_align_kernel(struct roi_list list, struct roi_maps maps, T *y)
{
    int64_t i = blockIdx.x;
    int bin_y = (int)blockIdx.y, n_vectors = (int)(maps.n_channels / W);
    bool is_roi = i < list_count(list.count, list.capacity);
    int level = is_roi ? roi_level_at(&list, i) : 0;
    struct roi_grid rows = {}, columns = {};
    const T *map = (const T *)maps.data[0];
#pragma unroll
    for (int k = 1; k < ROI_MAX_LEVELS; k++)
        if (k == level) map = (const T *)maps.data[k];
    if (is_roi) {
        rows = roi_grid_at(&list, i, level, 1);
        columns = roi_grid_at(&list, i, level, 0);
        map += (int64_t)roi_image_at(&list, i) * rows.extent * columns.extent * maps.n_channels;
    }
    y += (i * list.size + bin_y) * list.size * maps.n_channels;
    for (int k = (int)threadIdx.x; k < list.size * n_vectors; k += ROI_THREADS) {
        int bin_x = k / n_vectors, channel = k % n_vectors * W;
        float mean[W];
        roi_bin_mean<T, W>(&rows, &columns, bin_y, bin_x, map + channel, maps.n_channels, mean);
        vec_store<W>(y + bin_x * maps.n_channels + channel, mean);
    }
}

enum status cuda_roi_align_forward(const struct op_call *call)
{
    const struct tensor *y = call->out[0];
    struct roi_list list = roi_list_of(call);
    struct roi_maps maps = {};
    for (int i = 0; i < list.n_levels; i++) maps.data[i] = call->in[ROI_ALIGN_MAPS + i]->data;
    maps.n_channels = y->shape[3];
    if (tensor_count(y) == 0) return OK;
    dim3 grid((unsigned)list.capacity, (unsigned)list.size);
    VEC_DTYPE(y->dtype, T, {
        enum { W = vec_width<T>::value };
        if (maps.n_channels % W == 0)
            CUDA_LAUNCH((roi_align_kernel<T, W>), grid, ROI_THREADS, 0, cuda_stream(call), list,
                        maps, (T *)y->data);
        else
            CUDA_LAUNCH((roi_align_kernel<T, 1>), grid, ROI_THREADS, 0, cuda_stream(call), list,
                        maps, (T *)y->data);
    });
    return cuda_check(call, "roi_align");
}

enum status cuda_roi_align_backward(const struct op_backward_call *backward)
{
    return roi_align_spread(backward);
}
