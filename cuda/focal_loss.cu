#include <math.h>

#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/loss.h"
#include "cuda/vec.h"

// A block takes FOCAL_TILE consecutive logits of an image, W at a time.
enum { FOCAL_THREADS = 256, FOCAL_TILE = 8192 };

struct focal_task {
    const float *logits;    // (n_images,n), n = anchors * n_classes
    const int32_t *matched; // of this level: an image's begin n_all apart
    const int32_t *labels;  // (n_images,n_labels)
    int64_t n_images, n, n_all, n_labels, n_tiles;
    uint32_t n_classes;
    float positive, negative, gamma; // positive, negative: class weights
    struct loss_scale scale;
};

// With s = -x for the target class and x for the others, both cases of eq. 5 are
//     weight * sigmoid(s)^gamma * softplus(s),
// whose derivative is weight * sigmoid^gamma * (gamma * (1 - sigmoid) * softplus + sigmoid).
struct focal_terms {
    float sigmoid, complement, softplus, modulation;
};

static __device__ struct focal_terms focal_at(float s, float gamma)
{
    struct focal_terms t;
    float e = expf(-fabsf(s)), inverse = 1.0f / (1.0f + e), log1p_e = log1pf(e);
    t.sigmoid = s >= 0.0f ? inverse : e * inverse;
    t.complement = s >= 0.0f ? e * inverse : inverse;
    t.softplus = (s < 0.0f ? 0.0f : s) + log1p_e;
    t.modulation = gamma == 2.0f ? t.sigmoid * t.sigmoid
                                 : expf(gamma * ((s > 0.0f ? 0.0f : s) - log1p_e));
    return t;
}

// Walks along the logits of a tile: which class comes next, of which anchor.
struct focal_place {
    const int32_t *matched, *labels;
    int64_t anchor, n_anchors;
    uint32_t n_classes, k, target;
    bool is_ignored;
};

static __device__ void focal_look(struct focal_place *place)
{
    int32_t match = place->matched[place->anchor];
    place->is_ignored = match < 0 && match != MATCH_NONE;
    place->target = match >= 0 ? (uint32_t)place->labels[match] : UINT32_MAX;
}

static __device__ void focal_next(struct focal_place *place)
{
    if (++place->k < place->n_classes) return;
    place->k = 0;
    if (++place->anchor < place->n_anchors) focal_look(place);
}

// The logit that lies `ahead` of the tile's first.
static __device__ struct focal_place focal_place_at(const struct focal_task *t, int64_t image,
                                                    int64_t begin, uint32_t ahead)
{
    struct focal_place place;
    uint32_t at = (uint32_t)(begin % t->n_classes) + ahead;
    place.matched = t->matched + image * t->n_all;
    place.labels = t->labels + image * t->n_labels;
    place.n_classes = t->n_classes;
    place.n_anchors = t->n / t->n_classes;
    place.anchor = begin / t->n_classes + at / t->n_classes;
    place.k = at % t->n_classes;
    focal_look(&place);
    return place;
}

// Blocks: tile, image.
template <int W>
static __global__ void __launch_bounds__(FOCAL_THREADS)
    focal_forward(struct focal_task t, float *sums)
{
    int64_t image = blockIdx.y, begin = (int64_t)blockIdx.x * FOCAL_TILE;
    const float *logits = t.logits + image * t.n;
    float sum = 0.0f;
    for (uint32_t ahead = threadIdx.x * W; ahead < FOCAL_TILE; ahead += FOCAL_THREADS * W) {
        if (begin + ahead >= t.n) break;
        struct focal_place place = focal_place_at(&t, image, begin, ahead);
        float x[W];
        vec_load<W>(x, logits + begin + ahead);
#pragma unroll
        for (int i = 0; i < W; i++, focal_next(&place)) {
            bool is_target = place.k == place.target;
            struct focal_terms f = focal_at(is_target ? -x[i] : x[i], t.gamma);
            float value = (is_target ? t.positive : t.negative) * f.modulation * f.softplus;
            sum += place.is_ignored ? 0.0f : value;
        }
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[image * t.n_tiles + blockIdx.x] = sum;
}

template <int W>
static __global__ void __launch_bounds__(FOCAL_THREADS)
    focal_backward(struct focal_task t, const float *upstream, float *gradient, bool adds)
{
    int64_t image = blockIdx.y, begin = (int64_t)blockIdx.x * FOCAL_TILE;
    const float *logits = t.logits + image * t.n;
    float scale = (float)((double)*upstream * loss_weight(&t.scale, image));
    float positive = -scale * t.positive, negative = scale * t.negative;
    for (uint32_t ahead = threadIdx.x * W; ahead < FOCAL_TILE; ahead += FOCAL_THREADS * W) {
        if (begin + ahead >= t.n) break;
        struct focal_place place = focal_place_at(&t, image, begin, ahead);
        float x[W];
        vec_load<W>(x, logits + begin + ahead);
#pragma unroll
        for (int i = 0; i < W; i++, focal_next(&place)) {
            bool is_target = place.k == place.target;
            struct focal_terms f = focal_at(is_target ? -x[i] : x[i], t.gamma);
            float slope = (is_target ? positive : negative) * f.modulation *
                          (t.gamma * f.complement * f.softplus + f.sigmoid);
            x[i] = place.is_ignored ? 0.0f : slope;
        }
        vec_accumulate<W>(gradient + image * t.n + begin + ahead, x, adds);
    }
}

static struct focal_task focal_task_of(const struct op_call *call)
{
    const struct focal_loss_args *args = (const struct focal_loss_args *)call->args;
    const struct tensor *logits = call->in[0];
    struct focal_task t = {};
    t.logits = (const float *)logits->data;
    t.matched = (const int32_t *)call->in[1]->data + args->offset;
    t.labels = (const int32_t *)call->in[2]->data;
    t.n_images = logits->shape[0];
    t.n = logits->shape[1] * logits->shape[2] * logits->shape[3];
    t.n_all = call->in[1]->shape[1];
    t.n_labels = call->in[2]->shape[1];
    t.n_tiles = (t.n + FOCAL_TILE - 1) / FOCAL_TILE;
    t.n_classes = (uint32_t)args->n_classes;
    t.positive = args->alpha >= 0.0f ? args->alpha : 1.0f;
    t.negative = args->alpha >= 0.0f ? 1.0f - args->alpha : 1.0f;
    t.gamma = args->gamma;
    t.scale = loss_scale_of_images(call->in[3], t.n_images);
    return t;
}

enum status cuda_focal_loss_forward(const struct op_call *call)
{
    struct focal_task t = focal_task_of(call);
    void *scratch = NULL;
    size_t n = (size_t)(t.n_images * t.n_tiles);
    TRY(call->backend->scratch(call->backend, n * sizeof(float), &scratch));
    if (n > 0) {
        dim3 grid((unsigned)t.n_tiles, (unsigned)t.n_images);
        if (t.n % 4 == 0)
            CUDA_LAUNCH(focal_forward<4>, grid, FOCAL_THREADS, 0, cuda_stream(call), t,
                        (float *)scratch);
        else
            CUDA_LAUNCH(focal_forward<1>, grid, FOCAL_THREADS, 0, cuda_stream(call), t,
                        (float *)scratch);
        TRY(cuda_check(call, "focal_loss"));
    }
    return loss_total(call, (const float *)scratch, t.n_images, t.n_tiles, &t.scale,
                      (float *)call->out[0]->data);
}

enum status cuda_focal_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = (const float *)call->out[0]->grad;
    struct focal_task t = focal_task_of(call);
    float *gradient = (float *)call->in[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    if (!backward->want[0] || !upstream || t.n_images * t.n == 0) return OK;
    dim3 grid((unsigned)t.n_tiles, (unsigned)t.n_images);
    if (t.n % 4 == 0)
        CUDA_LAUNCH(focal_backward<4>, grid, FOCAL_THREADS, 0, cuda_stream(call), t, upstream,
                    gradient, adds);
    else
        CUDA_LAUNCH(focal_backward<1>, grid, FOCAL_THREADS, 0, cuda_stream(call), t, upstream,
                    gradient, adds);
    return cuda_check(call, "focal_loss");
}
