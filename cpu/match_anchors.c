#include <assert.h>
#include <omp.h>
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/match_anchors_hot.h"

// Low-quality matches need each object's best IoU over all anchors before any anchor is decided:
// two passes that compute the same IoUs. What is stored between them is one float per object and
// thread, never anchors x objects. A maximum is the same in any order: threads do not matter.

struct image {
    const float *anchors, *objects;
    int64_t n_anchors;
    int n_objects;
};

static int block_size(const struct image *image, int64_t begin)
{
    int64_t left = image->n_anchors - begin;
    return (int)(left < MATCH_BLOCK ? left : MATCH_BLOCK);
}

// best: (n_threads, n_objects), the first row becomes the result.
static void object_best(const struct image *image, float *best, int n_threads)
{
    int n = image->n_objects;
    memset(best, 0, sizeof(float) * (size_t)n * (size_t)n_threads);
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (int64_t begin = 0; begin < image->n_anchors; begin += MATCH_BLOCK)
        ISA_PICK(match_object_best)
    (image->anchors + 4 * begin, block_size(image, begin), image->objects, n,
     best + (ptrdiff_t)omp_get_thread_num() * n);
    for (int t = 1; t < n_threads; t++)
        for (int g = 0; g < n; g++)
            if (best[(ptrdiff_t)t * n + g] > best[g]) best[g] = best[(ptrdiff_t)t * n + g];
    // An object that no anchor touches would claim every anchor that misses it.
    for (int g = 0; g < n; g++)
        if (best[g] == 0.0f) best[g] = -1.0f;
}

enum status cpu_match_anchors_forward(const struct op_call *call)
{
    const struct match_args *args = call->args;
    const float *gt_boxes = call->in[1]->data;
    const int32_t *gt_count = call->in[2]->data;
    int32_t *matched = call->out[0]->data, *n_positive = call->out[1]->data;
    int64_t n_images = call->in[1]->shape[0], capacity = call->in[1]->shape[1];
    struct image image;
    image.anchors = call->in[0]->data;
    image.n_anchors = call->in[0]->shape[0];
    int n_threads = omp_get_max_threads();
    float *claim = NULL;
    if (args->allow_low_quality) {
        void *scratch = NULL;
        size_t n = (size_t)capacity * (size_t)n_threads;
        TRY(call->backend->scratch(call->backend, n * sizeof(float), &scratch));
        claim = scratch;
    }
    for (int64_t i = 0; i < n_images; i++) {
        assert(gt_count[i] >= 0 && gt_count[i] <= capacity);
        image.objects = gt_boxes + 4 * i * capacity;
        image.n_objects = gt_count[i];
        if (claim) object_best(&image, claim, n_threads);
        int32_t *out = matched + i * image.n_anchors, positives = 0;
#pragma omp parallel for schedule(static) reduction(+ : positives)
        for (int64_t begin = 0; begin < image.n_anchors; begin += MATCH_BLOCK)
            positives += ISA_PICK(match_assign)(
                image.anchors + 4 * begin, block_size(&image, begin), image.objects,
                image.n_objects, claim, args->high, args->low, out + begin);
        n_positive[i] = positives;
    }
    return OK;
}
