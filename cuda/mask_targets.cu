#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "nn/roi.h"

enum { TARGET_IN_MASKS, TARGET_IN_FRAMES, TARGET_IN_STARTS, TARGET_IN_SIZES, TARGET_IN_ROIS };
enum { TARGET_IN_IMAGE = TARGET_IN_ROIS + 1, TARGET_IN_MATCHED, TARGET_IN_POSITIVES };
enum { TARGET_IN_N_POSITIVE = TARGET_IN_POSITIVES + 1 };
enum { TARGET_THREADS = 128, TARGET_LINE = 1024 };

struct target_task {
    const uint8_t *masks;
    const int32_t *frames, *starts, *roi_image, *matched, *positives, *n_positive;
    const float *sizes, *rois;
    float *targets;
    int64_t capacity;
    int size, max_objects;
};

// An object's mask: what lies outside its frame is 0. The image ends at width and height.
struct target_mask {
    const uint8_t *pixels;
    int x, y, frame_width, frame_height, width, height;
};

static __device__ struct target_mask target_mask_of(const struct target_task *t, int32_t roi)
{
    struct target_mask mask;
    int64_t image = t->roi_image[roi], object = image * t->max_objects + t->matched[roi];
    const int32_t *frame = t->frames + 4 * object;
    const uint32_t *start = (const uint32_t *)t->starts + 2 * object;
    mask.pixels = t->masks + ((uint64_t)start[1] << 32 | start[0]);
    mask.x = frame[0];
    mask.y = frame[1];
    mask.frame_width = frame[2];
    mask.frame_height = frame[3];
    mask.width = (int)t->sizes[2 * image + 1];
    mask.height = (int)t->sizes[2 * image];
    return mask;
}

static __device__ float target_pixel(const struct target_mask *mask, int y, int x)
{
    int row = y - mask->y, column = x - mask->x;
    if (row < 0 || row >= mask->frame_height || column < 0 || column >= mask->frame_width)
        return 0.0f;
    return (float)mask->pixels[(int64_t)row * mask->frame_width + column];
}

// Column x of the mask, summed over the samples of a row of bins.
static __device__ float target_column(const struct target_mask *mask, const struct roi_grid *rows,
                                      int bin, int x)
{
    float sum = 0.0f;
    for (int i = 0; i < rows->n_samples; i++) {
        int low;
        float share;
        if (!roi_grid_sample(rows, bin, i, &low, &share)) continue;
        sum += (1.0f - share) * target_pixel(mask, low, x);
        if (share > 0.0f) sum += share * target_pixel(mask, low + 1, x);
    }
    return sum;
}

// Blocks: mask, row of bins. The rows of the mask are summed up first, TARGET_LINE columns at a
// time; of the sums, the columns.
static __global__ void __launch_bounds__(TARGET_THREADS) target_kernel(struct target_task t)
{
    __shared__ float line[TARGET_LINE];
    int64_t i = blockIdx.x;
    int y = (int)blockIdx.y, bin = (int)threadIdx.x;
    float *target = t.targets + (i * t.size + y) * t.size + bin;
    if (i >= list_count(t.n_positive, t.capacity)) {
        if (bin < t.size) *target = 0.0f;
        return;
    }
    int32_t roi = t.positives[i];
    struct target_mask mask = target_mask_of(&t, roi);
    const float *box = t.rois + 4 * (int64_t)roi;
    struct roi_grid rows = roi_grid_on_map(box, 1, 1.0f, false, t.size, 0, mask.height);
    struct roi_grid columns = roi_grid_on_map(box, 0, 1.0f, false, t.size, 0, mask.width);
    int begin = mask.x > 0 ? mask.x : 0, end = mask.x + mask.frame_width;
    end = end < mask.width ? end : mask.width;
    // Columns that the RoI does not reach stay out: no sample lies outside of its edges.
    float last = columns.begin + columns.bin * (float)t.size + 2.0f;
    if (columns.begin > (float)begin)
        begin = columns.begin < (float)end ? (int)columns.begin : end;
    if (last < (float)end) end = last > (float)begin ? (int)last : begin;
    float sum = 0.0f;
    for (int first = begin; first < end; first += TARGET_LINE) {
        int n = end - first < TARGET_LINE ? end - first : (int)TARGET_LINE;
        for (int x = bin; x < n; x += TARGET_THREADS)
            line[x] = target_column(&mask, &rows, y, first + x);
        __syncthreads();
        for (int k = 0; bin < t.size && k < columns.n_samples; k++) {
            int low;
            float share;
            if (!roi_grid_sample(&columns, bin, k, &low, &share)) continue;
            if (low >= first && low < first + n) sum += (1.0f - share) * line[low - first];
            if (share > 0.0f && low + 1 >= first && low + 1 < first + n)
                sum += share * line[low + 1 - first];
        }
        __syncthreads();
    }
    int n_samples = rows.n_samples * columns.n_samples;
    if (bin < t.size) *target = sum / (n_samples > 1 ? (float)n_samples : 1.0f);
}

enum status cuda_mask_targets_forward(const struct op_call *call)
{
    const struct mask_targets_args *args = (const struct mask_targets_args *)call->args;
    struct tensor *const *in = call->in;
    struct target_task t = {};
    t.masks = (const uint8_t *)in[TARGET_IN_MASKS]->data;
    t.frames = (const int32_t *)in[TARGET_IN_FRAMES]->data;
    t.starts = (const int32_t *)in[TARGET_IN_STARTS]->data;
    t.sizes = (const float *)in[TARGET_IN_SIZES]->data;
    t.rois = (const float *)in[TARGET_IN_ROIS]->data;
    t.roi_image = (const int32_t *)in[TARGET_IN_IMAGE]->data;
    t.matched = (const int32_t *)in[TARGET_IN_MATCHED]->data;
    t.positives = (const int32_t *)in[TARGET_IN_POSITIVES]->data;
    t.n_positive = list_count_of(in[TARGET_IN_N_POSITIVE]);
    t.targets = (float *)call->out[0]->data;
    t.capacity = call->out[0]->shape[0];
    t.size = args->size;
    t.max_objects = args->max_objects;
    static_assert((int)ROI_MAX_SIZE <= (int)TARGET_THREADS, "a thread a bin");
    if (t.capacity == 0) return OK;
    dim3 grid((unsigned)t.capacity, (unsigned)t.size);
    CUDA_LAUNCH(target_kernel, grid, TARGET_THREADS, 0, cuda_stream(call), t);
    return cuda_check(call, "mask_targets");
}
