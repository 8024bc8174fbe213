#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/sampled_level.h"
#include "cuda/vec.h"
#include "nn/box_regression.h"

enum { RPN_IN_DELTAS, RPN_IN_ANCHORS, RPN_IN_MATCHED, RPN_IN_SAMPLED, RPN_IN_BOXES };
enum { RPN_IN_N_SAMPLED = RPN_IN_BOXES + 1 };

struct rpn_task {
    struct sampled_level level;
    struct box_regression regression;
    const float *deltas, *anchors, *gt_boxes; // deltas (n_images,n,4); anchors of this level
    const int32_t *matched;                   // of this level: an image's begin n_all apart
    int64_t n_boxes;
};

// The object of a positive anchor; NULL: it is none.
static __device__ const float *rpn_object(const struct rpn_task *t, int64_t image, int64_t i)
{
    int64_t at = image * t->level.n_all + i;
    if (t->level.sampled[at] != SAMPLE_POSITIVE) return NULL;
    return t->gt_boxes + 4 * (image * t->n_boxes + t->matched[at]);
}

// Blocks: tile, image.
static __global__ void __launch_bounds__(SAMPLED_THREADS)
    rpn_box_forward(struct rpn_task t, float *sums)
{
    int64_t image = blockIdx.y, first = (int64_t)blockIdx.x * SAMPLED_TILE, n = t.level.n;
    float sum = 0.0f;
    for (int64_t i = first + threadIdx.x; i < first + SAMPLED_TILE && i < n; i += SAMPLED_THREADS) {
        const float *object = rpn_object(&t, image, i);
        if (object)
            sum += box_regression_loss(&t.regression, t.anchors + 4 * i, object,
                                       t.deltas + 4 * (image * n + i));
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[image * t.level.n_tiles + blockIdx.x] = sum;
}

static __global__ void __launch_bounds__(SAMPLED_THREADS)
    rpn_box_backward(struct rpn_task t, const float *upstream, float *gradient, bool adds)
{
    int64_t image = blockIdx.y, first = (int64_t)blockIdx.x * SAMPLED_TILE, n = t.level.n;
    float scale = (float)(loss_weight(&t.level.scale, image) * (double)*upstream);
    for (int64_t i = first + threadIdx.x; i < first + SAMPLED_TILE && i < n; i += SAMPLED_THREADS) {
        const float *object = rpn_object(&t, image, i);
        float slope[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (object)
            box_regression_slope(&t.regression, t.anchors + 4 * i, object,
                                 t.deltas + 4 * (image * n + i), slope);
        for (int k = 0; k < 4; k++) slope[k] *= scale;
        if (object || !adds) vec_accumulate<4>(gradient + 4 * (image * n + i), slope, adds);
    }
}

static struct rpn_task rpn_task_of(const struct op_call *call)
{
    const struct rpn_box_loss_args *args = (const struct rpn_box_loss_args *)call->args;
    struct tensor *const *in = call->in;
    struct rpn_task t = {};
    t.level = sampled_level_of(in[RPN_IN_DELTAS], 4, in[RPN_IN_SAMPLED], in[RPN_IN_N_SAMPLED],
                               args->offset, args->normalizer);
    t.regression.kind = args->kind;
    t.regression.beta = args->beta;
    for (int k = 0; k < 4; k++) t.regression.weights[k] = args->weights[k];
    t.deltas = (const float *)in[RPN_IN_DELTAS]->data;
    t.anchors = (const float *)in[RPN_IN_ANCHORS]->data + 4 * args->offset;
    t.matched = (const int32_t *)in[RPN_IN_MATCHED]->data + args->offset;
    t.gt_boxes = (const float *)in[RPN_IN_BOXES]->data;
    t.n_boxes = in[RPN_IN_BOXES]->shape[1];
    return t;
}

enum status cuda_rpn_box_loss_forward(const struct op_call *call)
{
    struct rpn_task t = rpn_task_of(call);
    const struct sampled_level *level = &t.level;
    void *scratch = NULL;
    size_t n = (size_t)(level->n_images * level->n_tiles);
    TRY(call->backend->scratch(call->backend, n * sizeof(float), &scratch));
    if (n > 0) {
        dim3 grid((unsigned)level->n_tiles, (unsigned)level->n_images);
        CUDA_LAUNCH(rpn_box_forward, grid, SAMPLED_THREADS, 0, cuda_stream(call), t,
                    (float *)scratch);
        TRY(cuda_check(call, "rpn_box_loss"));
    }
    return loss_total(call, (const float *)scratch, level->n_images, level->n_tiles, &level->scale,
                      (float *)call->out[0]->data);
}

enum status cuda_rpn_box_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = (const float *)call->out[0]->grad;
    struct rpn_task t = rpn_task_of(call);
    if (!backward->want[RPN_IN_DELTAS] || !upstream || t.level.n_images * t.level.n == 0) return OK;
    dim3 grid((unsigned)t.level.n_tiles, (unsigned)t.level.n_images);
    CUDA_LAUNCH(rpn_box_backward, grid, SAMPLED_THREADS, 0, cuda_stream(call), t, upstream,
                (float *)call->in[RPN_IN_DELTAS]->grad, backward->beta[RPN_IN_DELTAS] != 0.0f);
    return cuda_check(call, "rpn_box_loss");
}
