#include <math.h>
#include <string.h>

#include "backbone/fpn.h"
#include "base/mem.h"
#include "detect/anchors.h"
#include "detect/batch_check.h"
#include "detect/detector_kind.h"
#include "detect/retinanet_head.h"

enum { N_LEVELS = 5, N_FPN_IN = 3, FPN_CHANNELS = 256, N_SIZES = 3, N_RATIOS = 3 };
enum { N_ANCHORS = N_SIZES * N_RATIOS };

struct retinanet {
    struct detector base;
    struct resnet *resnet;
    struct fpn *fpn;
    struct retinanet_head head;
    float base_anchors[N_LEVELS][ANCHORS_MAX_BASE][4];
    // Anchors of the last size seen, all levels; host memory that outlives the upload.
    float *anchors;
    size_t anchors_capacity;
};

struct level_outputs {
    struct tensor *logits[N_LEVELS], *deltas[N_LEVELS];
    int64_t offsets[N_LEVELS]; // first anchor
    int64_t n_anchors;
};

static const char *const class_tensors[] = {
    "head.classification_head.cls_logits.weight",
    "head.classification_head.cls_logits.bias",
    NULL,
};

static void set_base_anchors(struct retinanet *net)
{
    static const float ratios[N_RATIOS] = {0.5f, 1.0f, 2.0f};
    for (int level = 0; level < N_LEVELS; level++) {
        int size = 32 << level;
        int sizes[N_SIZES] = {size, (int)(size * pow(2.0, 1.0 / 3)),
                              (int)(size * pow(2.0, 2.0 / 3))};
        anchors_base(sizes, N_SIZES, ratios, N_RATIOS, net->base_anchors[level]);
    }
}

static enum status check_config(const struct detector_config *config)
{
    if (!(config->retinanet.prior > 0 && config->retinanet.prior < 1))
        return fail(ERR_USAGE, "the prior is %g, expected between 0 and 1",
                    config->retinanet.prior);
    if (config->retinanet.top_k < 1 || config->retinanet.max_detections < 1)
        return fail(ERR_USAGE, "top_k is %d and max_detections %d, expected at least 1",
                    config->retinanet.top_k, config->retinanet.max_detections);
    if (!(config->retinanet.match_low <= config->retinanet.match_high))
        return fail(ERR_USAGE, "match_low %g is above match_high %g",
                    config->retinanet.match_low, config->retinanet.match_high);
    if (config->backbone.pools[POOL_GLOBAL].def)
        return fail(ERR_USAGE, "a global pool belongs to a classifier; RetinaNet has none");
    return OK;
}

static enum status retinanet_build(struct detector *detector)
{
    struct retinanet *net = (struct retinanet *)detector;
    const struct detector_config *config = &detector->config;
    TRY(check_config(config));
    TRY(resnet_create(&config->backbone, detector->params, "backbone.body.", &net->resnet));
    struct fpn_config fpn = {
        .n_in = N_FPN_IN,
        .out_channels = FPN_CHANNELS,
        .extra = FPN_P6_P7,
        .p6_from_input = config->retinanet.p6_from_c5,
    };
    for (int i = 0; i < N_FPN_IN; i++) fpn.in_channels[i] = resnet_channels(net->resnet, i + 1);
    TRY(fpn_create(&fpn, detector->params, "backbone.fpn.", &net->fpn));
    set_base_anchors(net);
    return retinanet_head_declare(detector->params, FPN_CHANNELS, N_ANCHORS, config->n_classes,
                                  config->retinanet.prior, &net->head);
}

static void retinanet_free(struct detector *detector)
{
    struct retinanet *net = (struct retinanet *)detector;
    resnet_destroy(net->resnet);
    fpn_destroy(net->fpn);
    mem_free(net->anchors);
}

static enum status retinanet_refresh(struct detector *detector)
{
    return resnet_refresh(((struct retinanet *)detector)->resnet);
}

static enum status retinanet_calm(struct detector *detector, float factor, int *n_scaled)
{
    return resnet_calm_fresh_branches(((struct retinanet *)detector)->resnet, factor, n_scaled);
}

static enum status run_network(struct retinanet *net, struct tape *tape, struct tensor *images,
                               struct level_outputs *out)
{
    static const bool want[4] = {false, true, true, true};
    struct tensor *c[4], *p[FPN_MAX_OUT];
    TRY(resnet_forward(net->resnet, tape, images, want, c));
    TRY(fpn_forward(net->fpn, tape, c + 1, p));
    out->n_anchors = 0;
    for (int i = 0; i < N_LEVELS; i++) {
        TRY(retinanet_head_forward(&net->head, tape, p[i], &out->logits[i], &out->deltas[i]));
        out->offsets[i] = out->n_anchors;
        out->n_anchors += p[i]->shape[1] * p[i]->shape[2] * N_ANCHORS;
        tape_drop(tape, p[i]);
    }
    return OK;
}

static enum status upload_anchors(struct retinanet *net, struct tape *tape,
                                  const struct batch *batch, const struct level_outputs *out,
                                  struct tensor **anchors)
{
    TRY(mem_reserve(&net->anchors, &net->anchors_capacity, (size_t)out->n_anchors * 4,
                    sizeof *net->anchors));
    for (int i = 0; i < N_LEVELS; i++)
        anchors_grid(net->base_anchors[i], N_ANCHORS, batch->height, batch->width,
                     (int)out->logits[i]->shape[1], (int)out->logits[i]->shape[2],
                     net->anchors + out->offsets[i] * 4);
    int64_t shape[2] = {out->n_anchors, 4};
    return tape_upload(tape, DTYPE_F32, 2, shape, net->anchors, anchors);
}

static enum status upload_images(struct tape *tape, const struct batch *batch,
                                 struct tensor **images)
{
    int64_t shape[4] = {batch->n, batch->height, batch->width, 3};
    return tape_upload(tape, DTYPE_F32, 4, shape, batch->images, images);
}

struct targets {
    struct tensor *boxes, *labels, *counts, *matched, *n_positive;
};

static enum status make_targets(const struct retinanet *net, struct tape *tape,
                                const struct batch *batch, struct tensor *anchors,
                                struct targets *t)
{
    int64_t boxes[3] = {batch->n, batch->max_objects, 4};
    TRY(tape_upload(tape, DTYPE_F32, 3, boxes, batch->boxes, &t->boxes));
    TRY(tape_upload(tape, DTYPE_I32, 2, boxes, batch->labels, &t->labels));
    TRY(tape_upload(tape, DTYPE_I32, 1, boxes, batch->counts, &t->counts));
    struct match_args args = {
        .high = (float)net->base.config.retinanet.match_high,
        .low = (float)net->base.config.retinanet.match_low,
        .allow_low_quality = true,
    };
    return match_anchors(tape, anchors, t->boxes, t->counts, &args, &t->matched, &t->n_positive);
}

static enum status retinanet_losses(struct detector *detector, struct tape *tape,
                                    const struct batch *batch, struct detector_losses *losses)
{
    struct retinanet *net = (struct retinanet *)detector;
    const struct detector_config *config = &detector->config;
    TRY(batch_check(batch, config->n_classes));

    struct tensor *images = NULL, *anchors = NULL;
    struct level_outputs out;
    struct targets t;
    TRY(upload_images(tape, batch, &images));
    TRY(run_network(net, tape, images, &out));
    TRY(upload_anchors(net, tape, batch, &out, &anchors));
    TRY(make_targets(net, tape, batch, anchors, &t));

    struct detector_losses result = {.n = 2, .names = {"classification", "bbox_regression"}};
    for (int i = 0; i < N_LEVELS; i++) {
        struct focal_loss_args focal = {
            .offset = out.offsets[i],
            .n_classes = config->n_classes,
            .alpha = (float)config->retinanet.focal_alpha,
            .gamma = (float)config->retinanet.focal_gamma,
        };
        result.root_loss[result.n_roots] = 0;
        TRY(focal_loss(tape, out.logits[i], t.matched, t.labels, t.n_positive, &focal,
                       &result.roots[result.n_roots++]));
        struct box_loss_args box = {
            .offset = out.offsets[i],
            .beta = (float)config->retinanet.box_beta,
            .weights = {1, 1, 1, 1},
        };
        result.root_loss[result.n_roots] = 1;
        TRY(box_loss(tape, out.deltas[i], anchors, t.matched, t.boxes, t.n_positive, &box,
                     &result.roots[result.n_roots++]));
    }
    *losses = result;
    return OK;
}

// The selection and what suppression kept of it, in host memory.
struct selection {
    const float *boxes, *scores;           // (N, slots, 4), (N, slots)
    const int32_t *labels, *keep, *n_keep; // (N, slots), (N, max_keep), (N)
};

static void gather(const struct batch *batch, const struct selection *s, size_t n_slots,
                   struct detections *out)
{
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
        }
    }
}

enum { N_RESULTS = 5 };

// results: boxes, scores, labels, keep, n_keep.
static enum status collect(struct backend *backend, const struct batch *batch,
                           struct tensor *const results[N_RESULTS], struct detections *out)
{
    void *host[N_RESULTS] = {0};
    struct detections found = {0};
    enum status status = OK;
    for (int i = 0; i < N_RESULTS; i++) {
        size_t bytes = tensor_bytes(results[i]);
        host[i] = mem_alloc(bytes, 1);
        if (!host[i]) {
            status = ERR_MEMORY;
            goto done;
        }
        GUARD(backend->download(backend, host[i], results[i]->data, bytes));
    }
    GUARD(detections_create(batch->n, (int)results[3]->shape[1], &found));
    struct selection s = {host[0], host[1], host[2], host[3], host[4]};
    gather(batch, &s, (size_t)results[0]->shape[1], &found);
    *out = found;
done:
    for (int i = 0; i < N_RESULTS; i++) mem_free(host[i]);
    return status;
}

static enum status retinanet_detect(struct detector *detector, struct tape *tape,
                                    const struct batch *batch, struct detections *out)
{
    struct retinanet *net = (struct retinanet *)detector;
    const struct detector_config *config = &detector->config;
    struct tensor *images = NULL, *anchors = NULL, *sizes = NULL;
    struct level_outputs level;
    TRY(upload_images(tape, batch, &images));
    TRY(run_network(net, tape, images, &level));
    TRY(upload_anchors(net, tape, batch, &level, &anchors));
    int64_t sizes_shape[2] = {batch->n, 2};
    TRY(tape_upload(tape, DTYPE_F32, 2, sizes_shape, batch->sizes, &sizes));

    struct select_args select = {
        .top_k = config->retinanet.top_k,
        .n_classes = config->n_classes,
        .score_threshold = (float)config->retinanet.score_threshold,
        .weights = {1, 1, 1, 1},
    };
    struct tensor *boxes = NULL, *scores = NULL, *labels = NULL, *keep = NULL, *n_keep = NULL;
    TRY(select_detections(tape, N_LEVELS, level.logits, level.deltas, level.offsets, anchors,
                          sizes, &select, &boxes, &scores, &labels));
    struct nms_args suppress = {
        .iou_threshold = config->retinanet.nms_threshold,
        .max_keep = config->retinanet.max_detections,
    };
    TRY(nms(tape, boxes, scores, labels, &suppress, &keep, &n_keep));

    struct tensor *const results[N_RESULTS] = {boxes, scores, labels, keep, n_keep};
    return collect(detector->backend, batch, results, out);
}

static enum status retinanet_forward(struct detector *detector, struct tape *tape,
                                     struct tensor *images)
{
    struct level_outputs out;
    TRY(run_network((struct retinanet *)detector, tape, images, &out));
    for (int i = 0; i < N_LEVELS; i++) {
        tape_drop(tape, out.logits[i]);
        tape_drop(tape, out.deltas[i]);
    }
    return OK;
}

const struct detector_kind detector_retinanet = {
    .name = "retinanet",
    .bytes = sizeof(struct retinanet),
    .class_tensors = class_tensors,
    .build = retinanet_build,
    .free = retinanet_free,
    .refresh = retinanet_refresh,
    .calm = retinanet_calm,
    .losses = retinanet_losses,
    .detect = retinanet_detect,
    .forward = retinanet_forward,
};
