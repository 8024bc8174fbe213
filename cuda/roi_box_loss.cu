#include <math.h>

#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "cuda/loss.h"
#include "cuda/vec.h"
#include "nn/box_regression.h"

enum { ROI_BOX_IN_DELTAS, ROI_BOX_IN_ROIS, ROI_BOX_IN_IMAGE, ROI_BOX_IN_LABELS };
enum { ROI_BOX_IN_MATCHED = ROI_BOX_IN_LABELS + 1, ROI_BOX_IN_BOXES, ROI_BOX_IN_COUNT };
enum { ROI_BOX_THREADS = 256, ROI_BOX_ROWS = ROI_BOX_THREADS / 32 };

struct roi_box_task {
    struct box_regression regression;
    const float *deltas, *rois, *gt_boxes;
    const int32_t *roi_image, *labels, *matched, *count;
    int64_t capacity, n_groups, n_objects; // groups of four deltas a RoI
    bool is_agnostic;
    struct loss_scale scale;
};

// The group of four deltas that counts for a RoI; -1: background.
static __device__ int64_t roi_box_group(const struct roi_box_task *t, int64_t i)
{
    int32_t label = t->labels[i];
    return label <= 0 ? -1 : t->is_agnostic ? 0 : label;
}

static __device__ const float *roi_box_object(const struct roi_box_task *t, int64_t i)
{
    return t->gt_boxes + 4 * (t->roi_image[i] * t->n_objects + t->matched[i]);
}

// A thread a RoI. A label without deltas gives a loss that is no number, an error of the step.
static __global__ void __launch_bounds__(ROI_BOX_THREADS)
    roi_box_forward(struct roi_box_task t, float *sums)
{
    int64_t i = (int64_t)blockIdx.x * ROI_BOX_THREADS + threadIdx.x;
    float loss = 0.0f;
    if (i < list_count(t.count, t.capacity)) {
        int64_t group = roi_box_group(&t, i);
        if (group >= t.n_groups)
            loss = NAN;
        else if (group >= 0)
            loss = box_regression_loss(&t.regression, t.rois + 4 * i, roi_box_object(&t, i),
                                       t.deltas + 4 * (i * t.n_groups + group));
    }
    float sum = block_sum(loss);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// A warp a RoI: all of its deltas are written.
static __global__ void __launch_bounds__(ROI_BOX_THREADS)
    roi_box_backward(struct roi_box_task t, const float *upstream, float *gradient, bool adds)
{
    int64_t i = (int64_t)blockIdx.x * ROI_BOX_ROWS + threadIdx.x / 32;
    if (i >= t.capacity) return;
    float scale = (float)(loss_weight(&t.scale, 0) * (double)*upstream);
    int64_t own = i < list_count(t.count, t.capacity) ? roi_box_group(&t, i) : -1;
    for (int64_t group = threadIdx.x % 32; group < t.n_groups; group += 32) {
        float slope[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        int64_t at = 4 * (i * t.n_groups + group);
        if (group == own)
            box_regression_slope(&t.regression, t.rois + 4 * i, roi_box_object(&t, i),
                                 t.deltas + at, slope);
        for (int k = 0; k < 4; k++) slope[k] *= scale;
        if (group == own || !adds) vec_accumulate<4>(gradient + at, slope, adds);
    }
}

static struct roi_box_task roi_box_task_of(const struct op_call *call)
{
    const struct roi_box_loss_args *args = (const struct roi_box_loss_args *)call->args;
    struct tensor *const *in = call->in;
    struct roi_box_task t = {};
    t.regression.kind = args->kind;
    t.regression.beta = args->beta;
    for (int k = 0; k < 4; k++) t.regression.weights[k] = args->weights[k];
    t.deltas = (const float *)in[ROI_BOX_IN_DELTAS]->data;
    t.rois = (const float *)in[ROI_BOX_IN_ROIS]->data;
    t.gt_boxes = (const float *)in[ROI_BOX_IN_BOXES]->data;
    t.roi_image = (const int32_t *)in[ROI_BOX_IN_IMAGE]->data;
    t.labels = (const int32_t *)in[ROI_BOX_IN_LABELS]->data;
    t.matched = (const int32_t *)in[ROI_BOX_IN_MATCHED]->data;
    t.count = list_count_of(in[ROI_BOX_IN_COUNT]);
    t.capacity = in[ROI_BOX_IN_DELTAS]->shape[0];
    t.n_groups = in[ROI_BOX_IN_DELTAS]->shape[1] / 4;
    t.n_objects = in[ROI_BOX_IN_BOXES]->shape[1];
    t.is_agnostic = args->class_agnostic;
    t.scale = loss_scale_of_count(in[ROI_BOX_IN_COUNT], 1.0);
    return t;
}

enum status cuda_roi_box_loss_forward(const struct op_call *call)
{
    struct roi_box_task t = roi_box_task_of(call);
    int64_t n = (t.capacity + ROI_BOX_THREADS - 1) / ROI_BOX_THREADS;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)n * sizeof(float), &scratch));
    if (n > 0) {
        CUDA_LAUNCH(roi_box_forward, (unsigned)n, ROI_BOX_THREADS, 0, cuda_stream(call), t,
                    (float *)scratch);
        TRY(cuda_check(call, "roi_box_loss"));
    }
    return loss_total(call, (const float *)scratch, 1, n, &t.scale, (float *)call->out[0]->data);
}

enum status cuda_roi_box_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = (const float *)call->out[0]->grad;
    struct roi_box_task t = roi_box_task_of(call);
    int64_t n = (t.capacity + ROI_BOX_ROWS - 1) / ROI_BOX_ROWS;
    if (!backward->want[ROI_BOX_IN_DELTAS] || !upstream || n == 0) return OK;
    CUDA_LAUNCH(roi_box_backward, (unsigned)n, ROI_BOX_THREADS, 0, cuda_stream(call), t, upstream,
                (float *)call->in[ROI_BOX_IN_DELTAS]->grad,
                backward->beta[ROI_BOX_IN_DELTAS] != 0.0f);
    return cuda_check(call, "roi_box_loss");
}
