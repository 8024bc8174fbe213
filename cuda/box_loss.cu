#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/loss.h"
#include "cuda/vec.h"
#include "nn/box_regression.h"

// Few anchors are positive: the work is finding them. A block takes BOX_TILE anchors of an image.
enum { BOX_THREADS = 256, BOX_TILE = 2048 };

struct box_task {
    struct box_regression regression;
    const float *deltas, *anchors, *gt_boxes; // deltas (n_images,n,4); anchors of this level
    const int32_t *matched;                   // of this level: an image's begin n_all apart
    int64_t n_images, n, n_all, n_boxes, n_tiles;
    struct loss_scale scale;
};

static __device__ bool box_is_positive(const struct box_task *t, int64_t image, int64_t i,
                                       const float **box)
{
    int32_t match = t->matched[image * t->n_all + i];
    if (match < 0) return false;
    *box = t->gt_boxes + 4 * (image * t->n_boxes + match);
    return true;
}

// Blocks: tile, image.
static __global__ void __launch_bounds__(BOX_THREADS) box_forward(struct box_task t, float *sums)
{
    int64_t image = blockIdx.y, first = (int64_t)blockIdx.x * BOX_TILE;
    float sum = 0.0f;
    for (int64_t i = first + threadIdx.x; i < first + BOX_TILE && i < t.n; i += BOX_THREADS) {
        const float *box;
        if (box_is_positive(&t, image, i, &box))
            sum += box_regression_loss(&t.regression, t.anchors + 4 * i, box,
                                       t.deltas + 4 * (image * t.n + i));
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[image * t.n_tiles + blockIdx.x] = sum;
}

static __global__ void __launch_bounds__(BOX_THREADS)
    box_backward(struct box_task t, const float *upstream, float *gradient, bool adds)
{
    int64_t image = blockIdx.y, first = (int64_t)blockIdx.x * BOX_TILE;
    float scale = (float)((double)*upstream * loss_weight(&t.scale, image));
    for (int64_t i = first + threadIdx.x; i < first + BOX_TILE && i < t.n; i += BOX_THREADS) {
        const float *box;
        float slope[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        bool is_positive = box_is_positive(&t, image, i, &box);
        if (is_positive)
            box_regression_slope(&t.regression, t.anchors + 4 * i, box,
                                 t.deltas + 4 * (image * t.n + i), slope);
        for (int k = 0; k < 4; k++) slope[k] *= scale;
        if (is_positive || !adds) vec_accumulate<4>(gradient + 4 * (image * t.n + i), slope, adds);
    }
}

static struct box_task box_task_of(const struct op_call *call)
{
    const struct box_loss_args *args = (const struct box_loss_args *)call->args;
    const struct tensor *deltas = call->in[0];
    struct box_task t = {};
    t.regression.kind = args->kind;
    t.regression.beta = args->beta;
    for (int k = 0; k < 4; k++) t.regression.weights[k] = args->weights[k];
    t.deltas = (const float *)deltas->data;
    t.anchors = (const float *)call->in[1]->data + 4 * args->offset;
    t.matched = (const int32_t *)call->in[2]->data + args->offset;
    t.gt_boxes = (const float *)call->in[3]->data;
    t.n_images = deltas->shape[0];
    t.n = deltas->shape[1] * deltas->shape[2] * deltas->shape[3] / 4;
    t.n_all = call->in[2]->shape[1];
    t.n_boxes = call->in[3]->shape[1];
    t.n_tiles = (t.n + BOX_TILE - 1) / BOX_TILE;
    t.scale = loss_scale_of_images(call->in[4], t.n_images);
    return t;
}

enum status cuda_box_loss_forward(const struct op_call *call)
{
    struct box_task t = box_task_of(call);
    void *scratch = NULL;
    size_t n = (size_t)(t.n_images * t.n_tiles);
    TRY(call->backend->scratch(call->backend, n * sizeof(float), &scratch));
    if (n > 0) {
        dim3 grid((unsigned)t.n_tiles, (unsigned)t.n_images);
        CUDA_LAUNCH(box_forward, grid, BOX_THREADS, 0, cuda_stream(call), t, (float *)scratch);
        TRY(cuda_check(call, "box_loss"));
    }
    return loss_total(call, (const float *)scratch, t.n_images, t.n_tiles, &t.scale,
                      (float *)call->out[0]->data);
}

enum status cuda_box_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = (const float *)call->out[0]->grad;
    struct box_task t = box_task_of(call);
    if (!backward->want[0] || !upstream || t.n_images * t.n == 0) return OK;
    dim3 grid((unsigned)t.n_tiles, (unsigned)t.n_images);
    CUDA_LAUNCH(box_backward, grid, BOX_THREADS, 0, cuda_stream(call), t, upstream,
                (float *)call->in[0]->grad, backward->beta[0] != 0.0f);
    return cuda_check(call, "box_loss");
}
