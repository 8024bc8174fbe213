#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "cpu/kernels.h"
#include "cpu/select_detections_hot.h"
#include "nn/box_coder.h"
#include "nn/logit.h"

// The order is total (score descending, then flat index), so the best top_k are the same set
// however the logits are divided among threads, and in whatever order they are met.
struct candidate {
    float score;
    int32_t index; // anchor * n_classes + class
};

// Holds the best top_k so far and up to as many undecided ones.
struct heap {
    struct candidate *items; // (2 * top_k)
    int n, top_k;
    float floor;  // scores below it cannot enter any more
    float cutoff; // logits at or below it score below floor
};

static bool is_before(struct candidate a, struct candidate b)
{
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

static int by_order(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return is_before(*x, *y) ? -1 : is_before(*y, *x);
}

static void swap(struct candidate *a, struct candidate *b)
{
    struct candidate kept = *a;
    *a = *b;
    *b = kept;
}

// Quickselect (Hoare): the best k come to stand in front.
static void keep_best(struct candidate *items, int n, int k)
{
    int low = 0, high = n - 1;
    while (low < high) {
        struct candidate pivot = items[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (is_before(items[i], pivot)) i++;
            while (is_before(pivot, items[j])) j--;
            if (i <= j) swap(&items[i++], &items[j--]);
        }
        if (k - 1 <= j)
            high = j;
        else if (k - 1 >= i)
            low = i;
        else
            return;
    }
}

static void heap_shrink(struct heap *heap)
{
    if (heap->n <= heap->top_k) return;
    keep_best(heap->items, heap->n, heap->top_k);
    heap->n = heap->top_k;
    float worst = heap->items[0].score;
    for (int i = 1; i < heap->n; i++)
        if (heap->items[i].score < worst) worst = heap->items[i].score;
    heap->floor = worst;
    heap->cutoff = logit_below(worst);
}

static void heap_collect(struct heap *heap, const float *logits, int64_t begin, int64_t end,
                         float threshold)
{
    while (begin < end) {
        begin = ISA_PICK(select_next_block)(logits, begin, end, heap->cutoff);
        int64_t stop = begin + SELECT_BLOCK < end ? begin + SELECT_BLOCK : end;
        for (; begin < stop; begin++) {
            if (!(logits[begin] > heap->cutoff)) continue;
            float score = sigmoid(logits[begin]);
            if (!(score > threshold) || score < heap->floor) continue;
            heap->items[heap->n++] = (struct candidate){score, (int32_t)begin};
            if (heap->n == 2 * heap->top_k) heap_shrink(heap);
        }
    }
}

static void write_slots(const struct op_call *call, int64_t image, int64_t n_level_anchors,
                        const struct candidate *best, int n)
{
    const struct select_args *args = call->args;
    const float *deltas = (const float *)call->in[1]->data + 4 * image * n_level_anchors;
    const float *anchors = (const float *)call->in[2]->data + 4 * args->offset;
    const float *size = (const float *)call->in[3]->data + 2 * image;
    int64_t slot = image * call->out[1]->shape[1] + (int64_t)args->level * args->top_k;
    float *box = (float *)call->out[0]->data + 4 * slot;
    float *score = (float *)call->out[1]->data + slot;
    int32_t *label = (int32_t *)call->out[2]->data + slot;
    for (int i = 0; i < args->top_k; i++, box += 4) {
        if (i < n) {
            int64_t anchor = best[i].index / args->n_classes;
            box_decode(anchors + 4 * anchor, deltas + 4 * anchor, args->weights, box);
            box_clip(size, box);
            score[i] = best[i].score;
            label[i] = best[i].index % args->n_classes;
        } else {
            box[0] = box[1] = box[2] = box[3] = 0.0f;
            score[i] = -1.0f;
            label[i] = -1;
        }
    }
}

enum status cpu_select_detections_forward(const struct op_call *call)
{
    const struct select_args *args = call->args;
    const struct tensor *logits = call->in[0];
    int64_t n_images = logits->shape[0];
    int64_t n_logits = logits->shape[1] * logits->shape[2] * logits->shape[3];
    if (n_logits > INT32_MAX)
        return fail(ERR_UNSUPPORTED, "select_detections: %lld logits in one level of an image",
                    (long long)n_logits);
    int n_threads = omp_get_max_threads();
    struct candidate *items = NULL;
    void *scratch = NULL;
    size_t bytes = (size_t)n_threads * (size_t)args->top_k * 2 * sizeof *items;
    // The threads' bests side by side, and behind them room to merge.
    TRY(call->backend->scratch(call->backend, 2 * bytes, &scratch));
    items = scratch;
    struct candidate *merged = items + bytes / sizeof *items;
    for (int64_t image = 0; image < n_images; image++) {
        const float *x = (const float *)logits->data + image * n_logits;
        int n_merged = 0;
#pragma omp parallel num_threads(n_threads)
        {
            int64_t t = omp_get_thread_num(), of = omp_get_num_threads();
            struct heap heap = {.items = items + t * 2 * args->top_k, .top_k = args->top_k};
            heap.floor = -INFINITY;
            heap.cutoff = logit_below(args->score_threshold);
            heap_collect(&heap, x, n_logits * t / of, n_logits * (t + 1) / of,
                         args->score_threshold);
            heap_shrink(&heap);
#pragma omp critical(select_detections_merge)
            for (int i = 0; i < heap.n; i++) merged[n_merged++] = heap.items[i];
        }
        if (n_merged > args->top_k) {
            keep_best(merged, n_merged, args->top_k);
            n_merged = args->top_k;
        }
        qsort(merged, (size_t)n_merged, sizeof *merged, by_order);
        write_slots(call, image, n_logits / args->n_classes, merged, n_merged);
    }
    return OK;
}
