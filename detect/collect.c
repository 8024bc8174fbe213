#include "detect/collect.h"

#include <string.h>

#include "base/mem.h"

enum status detections_create(int n, int capacity, int mask_side, struct detections *out)
{
    size_t images = (size_t)n, slots = images * (size_t)capacity;
    struct detections d = {.n = n, .capacity = capacity, .mask_side = mask_side};
    d.counts = mem_alloc(images, sizeof *d.counts);
    d.boxes = mem_alloc(slots, 4 * sizeof *d.boxes);
    d.scores = mem_alloc(slots, sizeof *d.scores);
    d.labels = mem_alloc(slots, sizeof *d.labels);
    bool is_complete = d.counts && d.boxes && d.scores && d.labels;
    if (is_complete && mask_side > 0) {
        d.masks = mem_alloc(slots, (size_t)mask_side * (size_t)mask_side * sizeof *d.masks);
        is_complete = d.masks != NULL;
    }
    if (!is_complete) {
        detections_free(&d);
        return ERR_MEMORY;
    }
    *out = d;
    return OK;
}

void detections_free(struct detections *detections)
{
    mem_free(detections->counts);
    mem_free(detections->boxes);
    mem_free(detections->scores);
    mem_free(detections->labels);
    mem_free(detections->masks);
    mem_free(detections->bits);
    mem_free(detections->first_words);
    *detections = (struct detections){0};
}

enum { N_PARTS = 6 };

// In host memory, in the order of struct found.
struct parts {
    const float *boxes, *scores;
    const int32_t *labels, *keep, *n_keep;
    const float *masks;
};

static void gather(const struct batch *batch, const struct parts *s, size_t n_slots,
                   struct detections *out)
{
    size_t mask_size = (size_t)out->mask_side * (size_t)out->mask_side;
    const float *mask = s->masks;
    for (int i = 0; i < batch->n; i++) {
        // Back to the stored image: float ratios of whole sizes, per axis, as torchvision.
        float ratio_y = (float)batch->original_sizes[2 * i] / batch->sizes[2 * i];
        float ratio_x = (float)batch->original_sizes[2 * i + 1] / batch->sizes[2 * i + 1];
        size_t first = (size_t)i * (size_t)out->capacity;
        out->counts[i] = s->n_keep[i];
        for (int k = 0; k < s->n_keep[i]; k++) {
            size_t to = first + (size_t)k;
            size_t from = (size_t)i * n_slots + (size_t)s->keep[to];
            for (int j = 0; j < 4; j++)
                out->boxes[4 * to + (size_t)j] =
                    s->boxes[4 * from + (size_t)j] * (j % 2 == 0 ? ratio_x : ratio_y);
            out->scores[to] = s->scores[from];
            out->labels[to] = s->labels[from];
            if (!mask) continue;
            memcpy(out->masks + to * mask_size, mask, mask_size * sizeof *mask);
            mask += mask_size;
        }
    }
}

enum status collect_detections(struct backend *backend, const struct batch *batch,
                               const struct found *f, struct detections *out)
{
    struct tensor *const tensors[N_PARTS] = {f->boxes, f->scores, f->labels,
                                             f->keep,  f->n_keep, f->masks};
    void *host[N_PARTS] = {0};
    struct detections found = {0};
    enum status status = OK;
    for (int i = 0; i < N_PARTS; i++) {
        if (!tensors[i]) continue;
        size_t bytes = tensor_bytes(tensors[i]);
        host[i] = mem_alloc(bytes, 1);
        if (!host[i]) {
            status = ERR_MEMORY;
            goto done;
        }
        GUARD(backend->download(backend, host[i], tensors[i]->data, bytes));
    }
    int side = f->masks ? (int)f->masks->shape[1] : 0;
    GUARD(detections_create(batch->n, (int)f->keep->shape[1], side, &found));
    struct parts parts = {host[0], host[1], host[2], host[3], host[4], host[5]};
    gather(batch, &parts, (size_t)f->boxes->shape[1], &found);
    *out = found;
done:
    for (int i = 0; i < N_PARTS; i++) mem_free(host[i]);
    return status;
}
