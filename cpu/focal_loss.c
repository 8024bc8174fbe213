#include <assert.h>

#include "cpu/focal_loss_hot.h"
#include "cpu/kernels.h"
#include "nn/ops.h"

// Sums are taken over chunks of fixed size and added in their order: the result does not depend
// on the number of threads.
enum { CHUNK = 256 };

struct level {
    const struct focal_loss_args *args;
    const float *logits;
    const int32_t *matched, *labels;
    const struct tensor *n_positive;
    int64_t n_images, n_anchors, n_all; // of this level, of all levels
    int64_t n_labels, n_chunks;         // a row of labels; of one image
};

static struct level level_of(const struct op_call *call)
{
    struct level level;
    const struct tensor *logits = call->in[0];
    level.args = call->args;
    level.logits = logits->data;
    level.matched = call->in[1]->data;
    level.labels = call->in[2]->data;
    level.n_positive = call->in[3];
    level.n_images = logits->shape[0];
    level.n_anchors =
        logits->shape[1] * logits->shape[2] * logits->shape[3] / level.args->n_classes;
    level.n_all = call->in[1]->shape[1];
    level.n_labels = call->in[2]->shape[1];
    level.n_chunks = (level.n_anchors + CHUNK - 1) / CHUNK;
    assert(level.args->offset + level.n_anchors <= level.n_all);
    return level;
}

static struct focal_rows chunk_rows(const struct level *level, int64_t image, int64_t chunk)
{
    int64_t begin = chunk * CHUNK;
    int64_t left = level->n_anchors - begin;
    struct focal_rows rows;
    rows.logits = level->logits + (image * level->n_anchors + begin) * level->args->n_classes;
    rows.matched = level->matched + image * level->n_all + level->args->offset + begin;
    rows.labels = level->labels + image * level->n_labels;
    rows.n_anchors = (size_t)(left < CHUNK ? left : CHUNK);
    rows.n_classes = (size_t)level->args->n_classes;
    rows.alpha = level->args->alpha;
    rows.gamma = level->args->gamma;
    return rows;
}

enum status cpu_focal_loss_forward(const struct op_call *call)
{
    struct level level = level_of(call);
    int64_t n = level.n_images * level.n_chunks;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)n * sizeof(double), &scratch));
    double *sums = scratch;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        struct focal_rows rows = chunk_rows(&level, i / level.n_chunks, i % level.n_chunks);
        sums[i] = ISA_PICK(focal_rows_loss)(&rows);
    }
    *(float *)call->out[0]->data =
        (float)loss_of_sums(sums, level.n_images, level.n_chunks, level.n_positive);
    return OK;
}

enum status cpu_focal_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = call->out[0]->grad;
    if (!backward->want[0] || !upstream) return OK;
    struct level level = level_of(call);
    float *gradient = call->in[0]->grad;
    int64_t n = level.n_images * level.n_chunks;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        int64_t image = i / level.n_chunks;
        struct focal_rows rows = chunk_rows(&level, image, i % level.n_chunks);
        float scale =
            (float)((double)*upstream * loss_weight(level.n_positive, level.n_images, image));
        ISA_PICK(focal_rows_gradient)
        (&rows, scale, backward->beta[0], gradient + (rows.logits - level.logits));
    }
    return OK;
}
