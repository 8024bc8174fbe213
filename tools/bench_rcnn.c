// Times the operations of Mask R-CNN beside its backbone, one by one, forward and backward, on an
// image of 800x1344: anchors of five levels, proposals and RoIs of sizes from 16 to 600 pixels.
//     bench_rcnn [OBJECTS=7] [RUNS=5]      best of the runs
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops_rcnn.h"

enum { HEIGHT = 800, WIDTH = 1344, LEVELS = 5, CHANNELS = 256, CLASSES = 91, MAX_NODES = 128 };

struct bench {
    struct tape *tape;
    int64_t height[LEVELS], width[LEVELS], offsets[LEVELS], n_anchors;
    struct tensor *anchors, *sizes, *objects, *labels, *count, *n_positive;
    struct tensor *maps[LEVELS], *logits[LEVELS], *deltas[LEVELS];
    const char *names[MAX_NODES];
    double best[MAX_NODES], started;
    int n_nodes;
    struct rng rng;
};

static void before(void *context, const struct tape_node *node, bool is_backward)
{
    struct bench *bench = (struct bench *)context;
    (void)node;
    (void)is_backward;
    bench->started = clock_seconds();
}

static void after(void *context, const struct tape_node *node, bool is_backward)
{
    struct bench *bench = (struct bench *)context;
    double seconds = clock_seconds() - bench->started;
    int i = bench->n_nodes++;
    if (i >= MAX_NODES) return;
    static char text[MAX_NODES][96];
    char shape[TENSOR_TEXT_BYTES];
    (void)snprintf(text[i], sizeof text[i], "%-19s %-9s %s", op_names[node->op],
                   is_backward ? "backward" : "", tensor_text(node->call.out[0], shape));
    bench->names[i] = text[i];
    if (bench->best[i] == 0.0 || seconds < bench->best[i]) bench->best[i] = seconds;
}

static enum status upload(struct bench *b, enum dtype dtype, int rank, const int64_t *shape,
                          void *host, struct tensor **tensor)
{
    enum status status = host ? tape_upload(b->tape, dtype, rank, shape, host, tensor) : ERR_MEMORY;
    mem_free(host);
    return status;
}

static enum status random_tensor(struct bench *b, float size, int rank, const int64_t *shape,
                                 struct tensor **tensor)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)shape[i];
    float *values = (float *)mem_alloc(n, sizeof *values);
    for (size_t i = 0; values && i < n; i++) values[i] = rng_uniform(&b->rng, -size, size);
    TRY(upload(b, DTYPE_F32, rank, shape, values, tensor));
    (*tensor)->needs_grad = true;
    return OK;
}

static void random_box(struct bench *b, float *box)
{
    float side = 16.0f * expf(rng_uniform(&b->rng, 0.0f, logf(600.0f / 16.0f)));
    float stretch = expf(rng_uniform(&b->rng, -0.5f, 0.5f));
    float width = fminf(side * stretch, WIDTH), height = fminf(side / stretch, HEIGHT);
    box[0] = rng_uniform(&b->rng, 0.0f, WIDTH - width);
    box[1] = rng_uniform(&b->rng, 0.0f, HEIGHT - height);
    box[2] = box[0] + width;
    box[3] = box[1] + height;
}

static enum status make_anchors(struct bench *b)
{
    b->n_anchors = 0;
    for (int level = 0; level < LEVELS; level++) {
        b->height[level] = (HEIGHT / 4 + (1 << level) - 1) >> level;
        b->width[level] = (WIDTH / 4 + (1 << level) - 1) >> level;
        b->offsets[level] = b->n_anchors;
        b->n_anchors += b->height[level] * b->width[level] * 3;
    }
    float *anchors = (float *)mem_alloc((size_t)b->n_anchors * 4, sizeof *anchors), *at = anchors;
    if (!anchors) return ERR_MEMORY;
    for (int level = 0; level < LEVELS; level++)
        for (int64_t i = 0; i < b->height[level] * b->width[level] * 3; i++, at += 4) {
            float ratio = i % 3 == 0 ? 0.5f : (float)(i % 3), side = (float)(32 << level);
            float x = (float)(i / 3 % b->width[level] * (4 << level));
            float y = (float)(i / 3 / b->width[level] * (4 << level));
            at[0] = x - rintf(side / sqrtf(ratio) / 2.0f);
            at[1] = y - rintf(side * sqrtf(ratio) / 2.0f);
            at[2] = 2.0f * x - at[0];
            at[3] = 2.0f * y - at[1];
        }
    const int64_t shape[] = {b->n_anchors, 4};
    return upload(b, DTYPE_F32, 2, shape, anchors, &b->anchors);
}

static enum status make_objects(struct bench *b, int n)
{
    const int64_t shape[] = {1, n, 4}, one = 1, pair[] = {1, 2};
    const int32_t count = n;
    const float size[] = {HEIGHT, WIDTH};
    float *boxes = (float *)mem_alloc((size_t)n * 4, sizeof *boxes);
    int32_t *labels = (int32_t *)mem_alloc((size_t)n, sizeof *labels);
    for (int i = 0; boxes && labels && i < n; i++) {
        random_box(b, boxes + (ptrdiff_t)4 * i);
        labels[i] = 1 + i % (CLASSES - 1);
    }
    TRY(upload(b, DTYPE_F32, 3, shape, boxes, &b->objects));
    TRY(upload(b, DTYPE_I32, 2, shape, labels, &b->labels));
    TRY(tape_upload(b->tape, DTYPE_I32, 1, &one, &count, &b->count));
    return tape_upload(b->tape, DTYPE_F32, 2, pair, size, &b->sizes);
}

static enum status make_maps(struct bench *b)
{
    for (int i = 0; i < LEVELS; i++) {
        int64_t shape[] = {1, b->height[i], b->width[i], CHANNELS};
        TRY(random_tensor(b, 1.0f, 4, shape, &b->maps[i]));
        shape[3] = 3;
        TRY(random_tensor(b, 2.0f, 4, shape, &b->logits[i]));
        shape[3] = 12;
        TRY(random_tensor(b, 0.3f, 4, shape, &b->deltas[i]));
    }
    return OK;
}

struct losses {
    struct tensor *roots[16];
    int n;
};

static enum status proposals(struct bench *b, struct losses *losses, struct tensor **boxes,
                             struct tensor **keep, struct tensor **n_keep)
{
    const struct match_args match = {.high = 0.7f, .low = 0.3f, .allow_low_quality = true};
    const struct sample_anchors_args sample = {.n_samples = 256, .positive_fraction = 0.5f};
    const struct select_proposals_args select = {
        .top_k = 2000, .min_size = 1e-3f, .weights = {1, 1, 1, 1}};
    const struct nms_args nms_of_levels = {.iou_threshold = 0.7, .max_keep = 2000};
    struct tensor *matched, *sampled, *n_sampled, *scores, *levels;
    TRY(match_anchors(b->tape, b->anchors, b->objects, b->count, &match, &matched, &b->n_positive));
    TRY(sample_anchors(b->tape, matched, NULL, &sample, &sampled, &n_sampled));
    for (int i = 0; i < LEVELS; i++) {
        const struct objectness_loss_args objectness = {.offset = b->offsets[i]};
        const struct rpn_box_loss_args box = {
            .offset = b->offsets[i], .beta = 1.0f / 9, .weights = {1, 1, 1, 1}};
        TRY(objectness_loss(b->tape, b->logits[i], sampled, n_sampled, &objectness,
                            &losses->roots[losses->n++]));
        TRY(rpn_box_loss(b->tape, b->deltas[i], b->anchors, matched, sampled, b->objects,
                         n_sampled, &box, &losses->roots[losses->n++]));
    }
    TRY(select_proposals(b->tape, LEVELS, b->logits, b->deltas, b->offsets, b->anchors, b->sizes,
                         &select, boxes, &scores, &levels));
    return nms(b->tape, *boxes, scores, levels, &nms_of_levels, keep, n_keep);
}

// A layer of a head, with weights of its own.
static enum status dense(struct bench *b, int64_t n_out, bool relu, struct tensor **x)
{
    const struct linear_args args = {.relu = relu};
    const int64_t in = (int64_t)(tensor_count(*x) / (size_t)(*x)->shape[0]), shape[] = {n_out, in};
    struct tensor *w, *bias;
    TRY(random_tensor(b, 0.02f, 2, shape, &w));
    TRY(random_tensor(b, 0.02f, 1, &n_out, &bias));
    return linear(b->tape, *x, w, bias, &args, x);
}

static enum status conv(struct bench *b, int64_t kernel, int64_t n_out, bool relu,
                        struct tensor **x)
{
    const struct conv2d_args args = {.stride = 1, .padding = (int)kernel / 2, .relu = relu};
    const int64_t shape[] = {n_out, kernel, kernel, CHANNELS};
    struct tensor *w, *bias;
    TRY(random_tensor(b, 0.02f, 4, shape, &w));
    TRY(random_tensor(b, 0.02f, 1, &n_out, &bias));
    return conv2d(b->tape, *x, w, NULL, bias, NULL, &args, x);
}

static enum status pool(struct bench *b, struct tensor *rois, struct tensor *image,
                        struct tensor *count, struct tensor *select, int size, struct tensor **y)
{
    const struct roi_align_args args = {.n_levels = 4,
                                        .scales = {0.25f, 0.125f, 0.0625f, 0.03125f},
                                        .size = size,
                                        .sampling_ratio = 2};
    return roi_align(b->tape, rois, image, count, select, b->maps, &args, y);
}

static enum status box_head(struct bench *b, const struct roi_samples *rois, bool is_training,
                            struct losses *losses)
{
    const struct roi_box_loss_args box = {.beta = 1.0f / 9, .weights = {10, 10, 5, 5}};
    const struct roi_detections_args detect = {.rois_per_image = (int)rois->rois->shape[0],
                                               .slots_per_roi = 20,
                                               .score_threshold = 0.05f,
                                               .min_size = 1e-2f,
                                               .weights = {10, 10, 5, 5}};
    const struct nms_args nms_of_classes = {.iou_threshold = 0.5, .max_keep = 100};
    struct tensor *x, *logits, *deltas, *boxes, *scores, *labels, *keep, *n_keep;
    TRY(pool(b, rois->rois, rois->roi_image, rois->count, NULL, 7, &x));
    TRY(dense(b, 1024, true, &x));
    TRY(dense(b, 1024, true, &x));
    logits = deltas = x;
    TRY(dense(b, CLASSES, false, &logits));
    TRY(dense(b, 4 * CLASSES, false, &deltas));
    if (is_training) {
        TRY(softmax_loss(b->tape, logits, rois->labels, rois->count, &(struct softmax_loss_args){0},
                         &losses->roots[losses->n++]));
        return roi_box_loss(b->tape, deltas, rois, b->objects, &box, &losses->roots[losses->n++]);
    }
    for (size_t i = 0; i < tensor_count(logits); i++) ((float *)logits->data)[i] *= 30.0f;
    TRY(roi_detections(b->tape, logits, deltas, rois->rois, rois->roi_image, rois->count, b->sizes,
                       &detect, &boxes, &scores, &labels));
    return nms(b->tape, boxes, scores, labels, &nms_of_classes, &keep, &n_keep);
}

static enum status make_masks(struct bench *b, struct tensor **masks, struct tensor **frames,
                              struct tensor **starts)
{
    int64_t n = b->objects->shape[1], bytes = 0;
    const int64_t frame_shape[] = {n, 4}, start_shape[] = {n, 2};
    const float *box = (const float *)b->objects->data;
    int32_t *frame = (int32_t *)mem_alloc((size_t)n * 4, sizeof *frame);
    int64_t *start = (int64_t *)mem_alloc((size_t)n, sizeof *start);
    if (!frame || !start) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            frame[4 * i + k] = (int32_t)box[4 * i + k];
            frame[4 * i + k + 2] = (int32_t)box[4 * i + k + 2] - frame[4 * i + k];
        }
        start[i] = bytes;
        bytes += (int64_t)frame[4 * i + 2] * frame[4 * i + 3];
    }
    TRY(upload(b, DTYPE_U8, 1, &bytes, mem_alloc((size_t)bytes, 1), masks));
    TRY(upload(b, DTYPE_I32, 2, frame_shape, frame, frames));
    return upload(b, DTYPE_I32, 2, start_shape, start, starts);
}

static enum status mask_head(struct bench *b, const struct roi_samples *rois, struct losses *losses)
{
    const struct conv_transpose_args up = {.relu = true};
    const struct mask_targets_args target = {.size = 28, .max_objects = (int)b->objects->shape[1]};
    const struct mask_loss_args args = {.class_agnostic = false};
    const int64_t w_shape[] = {2, 2, CHANNELS, CHANNELS}, n_channels = CHANNELS;
    struct tensor *masks, *frames, *starts, *targets, *x, *w, *bias;
    TRY(make_masks(b, &masks, &frames, &starts));
    TRY(mask_targets(b->tape, masks, frames, starts, b->sizes, rois, &target, &targets));
    TRY(pool(b, rois->rois, rois->roi_image, rois->n_positive, rois->positives, 14, &x));
    for (int i = 0; i < 4; i++) TRY(conv(b, 3, CHANNELS, true, &x));
    TRY(random_tensor(b, 0.02f, 4, w_shape, &w));
    TRY(random_tensor(b, 0.02f, 1, &n_channels, &bias));
    TRY(conv_transpose(b->tape, x, w, bias, &up, &x));
    TRY(conv(b, 1, CLASSES, false, &x));
    return mask_loss(b->tape, x, targets, rois, &args, &losses->roots[losses->n++]);
}

// Proposals of an untrained network touch few objects: RoIs that a trained one would draw.
static enum status trained_rois(struct bench *b, struct roi_samples *rois)
{
    struct tensor *t[] = {rois->rois, rois->labels, rois->matched, rois->positives};
    int32_t *count = (int32_t *)rois->count->data, *n_positive = (int32_t *)rois->n_positive->data;
    *count = (int32_t)t[0]->shape[0];
    *n_positive = (int32_t)t[3]->shape[0];
    for (int32_t i = 0; i < *count; i++) {
        bool is_positive = i < *n_positive;
        int32_t match = (int32_t)(i % b->objects->shape[1]);
        float *box = (float *)t[0]->data + (ptrdiff_t)4 * i;
        random_box(b, box);
        if (is_positive)
            memcpy(box, (const float *)b->objects->data + (ptrdiff_t)4 * match, 4 * sizeof *box);
        ((int32_t *)t[1]->data)[i] = is_positive ? ((const int32_t *)b->labels->data)[match] : 0;
        ((int32_t *)t[2]->data)[i] = is_positive ? match : -1;
        if (is_positive) ((int32_t *)t[3]->data)[i] = i;
    }
    return OK;
}

static enum status step(struct bench *b, int n_objects, bool is_training)
{
    const struct sample_rois_args args = {.n_samples = is_training ? 512 : 1000,
                                          .positive_fraction = is_training ? 0.25f : 0.1f,
                                          .iou = 0.5f};
    struct losses losses = {.n = 0};
    struct roi_samples rois;
    struct tensor *boxes, *keep, *n_keep;
    tape_reset(b->tape);
    b->tape->recording = is_training;
    b->n_nodes = 0;
    rng_start(&b->rng, 1, RNG_TEST, 1);
    TRY(make_anchors(b));
    TRY(make_objects(b, n_objects));
    TRY(make_maps(b));
    TRY(proposals(b, &losses, &boxes, &keep, &n_keep));
    TRY(sample_rois(b->tape, boxes, keep, n_keep, b->objects, b->labels, b->count, NULL, &args,
                    &rois));
    TRY(trained_rois(b, &rois));
    TRY(box_head(b, &rois, is_training, &losses));
    TRY(mask_head(b, &rois, &losses));
    return is_training ? tape_backward(b->tape, losses.n, losses.roots, 1.0f) : OK;
}

static enum status run(int n_objects, int n_runs)
{
    struct backend *backend = NULL;
    struct bench bench;
    enum status status = OK;
    memset(&bench, 0, sizeof bench);
    GUARD(backend_create_cpu(0, &backend));
    GUARD(tape_create(backend, &bench.tape));
    bench.tape->observer = (struct tape_observer){&bench, before, after};
    for (int training = 1; training >= 0; training--) {
        memset(bench.best, 0, sizeof bench.best);
        for (int i = 0; i < n_runs; i++) GUARD(step(&bench, n_objects, training != 0));
        printf("%s, %d objects, ms\n", training ? "training" : "inference", n_objects);
        for (int i = 0; i < bench.n_nodes && i < MAX_NODES; i++)
            printf("  %8.2f  %s\n", bench.best[i] * 1e3, bench.names[i]);
    }
done:
    tape_destroy(bench.tape);
    backend_destroy(backend);
    return status;
}

int main(int argc, char **argv)
{
    int n_objects = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 7;
    int n_runs = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;
    if (run(n_objects > 0 ? n_objects : 1, n_runs > 0 ? n_runs : 1) == OK) return 0;
    fprintf(stderr, "bench_rcnn: %s\n", fail_message());
    return 1;
}
