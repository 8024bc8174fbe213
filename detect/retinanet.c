#include <math.h>

#include "backbone/fpn.h"
#include "detect/anchor_levels.h"
#include "detect/batch_check.h"
#include "detect/batch_upload.h"
#include "detect/collect.h"
#include "detect/detector_kind.h"
#include "detect/retinanet_head.h"

enum { N_LEVELS = ANCHOR_LEVELS, N_FPN_IN = 3, FPN_CHANNELS = 256, N_SIZES = 3 };

struct retinanet {
    struct detector base;
    struct resnet *resnet;
    struct fpn *fpn;
    struct retinanet_head head;
    struct tensor *normalizer; // (1), NULL: positive anchors of each image
    struct anchor_levels levels;
};

static const char *const class_tensors[] = {
    "head.classification_head.cls_logits.weight",
    "head.classification_head.cls_logits.bias",
    NULL,
};

static void set_anchors(struct retinanet *net)
{
    double sizes[N_LEVELS][3];
    for (int level = 0; level < N_LEVELS; level++)
        for (int i = 0; i < N_SIZES; i++) sizes[level][i] = (32 << level) * pow(2.0, i / 3.0);
    anchor_levels_init(&net->levels, N_SIZES, sizes, net->base.config.exact_anchors, 8);
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

// Detectron2 starts at 100.
static enum status declare_normalizer(struct params *params, struct tensor **normalizer)
{
    struct param_spec spec = {
        .name = "head.loss_normalizer",
        .rank = 1,
        .shape = {1},
        .kind = PARAM_PLAIN,
        .init = INIT_CONSTANT,
        .init_a = 100,
        .is_buffer = true,
    };
    return params_declare(params, &spec, normalizer);
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
    set_anchors(net);
    if (config->retinanet.running_normalizer)
        TRY(declare_normalizer(detector->params, &net->normalizer));
    return retinanet_head_declare(detector->params, FPN_CHANNELS, net->levels.per_cell,
                                  config->n_classes, config->retinanet.prior, &net->head);
}

static void retinanet_free(struct detector *detector)
{
    struct retinanet *net = (struct retinanet *)detector;
    resnet_destroy(net->resnet);
    fpn_destroy(net->fpn);
    anchor_levels_free(&net->levels);
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
    TRY(batch_cast_images(tape, net->base.config.bf16, &images));
    TRY(resnet_forward(net->resnet, tape, images, want, c));
    TRY(fpn_forward(net->fpn, tape, c + 1, p));
    for (int i = 0; i < N_LEVELS; i++) {
        TRY(retinanet_head_forward(&net->head, tape, p[i], &out->logits[i], &out->deltas[i]));
        tape_drop(tape, p[i]);
    }
    level_outputs_place(&net->levels, out);
    return OK;
}

struct targets {
    struct batch_objects objects;
    struct tensor *matched, *n_positive; // as focal_loss takes it
};

static enum status make_targets(const struct retinanet *net, struct tape *tape,
                                const struct batch *batch, struct tensor *anchors,
                                struct targets *t)
{
    struct batch_objects *o = &t->objects;
    TRY(batch_upload_objects(tape, batch, o));
    struct match_args args = {
        .high = (float)net->base.config.retinanet.match_high,
        .low = (float)net->base.config.retinanet.match_low,
        .allow_low_quality = true,
    };
    TRY(match_anchors(tape, anchors, o->boxes, o->counts, &args, &t->matched, &t->n_positive));
    if (!net->normalizer) return OK;
    static const struct track_positives_args track = {.momentum = 0.9f};
    TRY(track_positives(tape, net->normalizer, t->n_positive, &track));
    t->n_positive = net->normalizer;
    return OK;
}

static enum status retinanet_losses(struct detector *detector, struct tape *tape,
                                    const struct batch *batch, struct detector_losses *losses)
{
    struct retinanet *net = (struct retinanet *)detector;
    const struct detector_config *config = &detector->config;
    TRY(batch_check(batch, 0, config->n_classes));

    struct tensor *images = NULL, *anchors = NULL;
    struct level_outputs out;
    struct targets t;
    TRY(batch_upload_images(tape, batch, &images));
    TRY(run_network(net, tape, images, &out));
    TRY(anchor_levels_upload(&net->levels, tape, batch->height, batch->width, &out, &anchors));
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
        TRY(focal_loss(tape, out.logits[i], t.matched, t.objects.labels, t.n_positive, &focal,
                       &result.roots[result.n_roots++]));
        struct box_loss_args box = {
            .offset = out.offsets[i],
            .beta = (float)config->retinanet.box_beta,
            .weights = {1, 1, 1, 1},
            .kind = config->retinanet.box_loss,
        };
        result.root_loss[result.n_roots] = 1;
        TRY(box_loss(tape, out.deltas[i], anchors, t.matched, t.objects.boxes, t.n_positive, &box,
                     &result.roots[result.n_roots++]));
    }
    *losses = result;
    return OK;
}

static enum status retinanet_detect(struct detector *detector, struct tape *tape,
                                    const struct batch *batch, struct detections *out)
{
    struct retinanet *net = (struct retinanet *)detector;
    const struct detector_config *config = &detector->config;
    struct tensor *images = NULL, *anchors = NULL, *sizes = NULL;
    struct level_outputs level;
    TRY(batch_upload_images(tape, batch, &images));
    tape_defer(tape);
    TRY(run_network(net, tape, images, &level));
    TRY(tape_run_deferred(tape));
    TRY(anchor_levels_upload(&net->levels, tape, batch->height, batch->width, &level, &anchors));
    TRY(batch_upload_sizes(tape, batch, &sizes));
    tape_defer(tape);

    struct select_args select = {
        .top_k = config->retinanet.top_k,
        .n_classes = config->n_classes,
        .score_threshold = (float)config->retinanet.score_threshold,
        .weights = {1, 1, 1, 1},
    };
    struct found found = {0};
    TRY(select_detections(tape, N_LEVELS, level.logits, level.deltas, level.offsets, anchors,
                          sizes, &select, &found.boxes, &found.scores, &found.labels));
    struct nms_args suppress = {
        .iou_threshold = config->retinanet.nms_threshold,
        .max_keep = config->retinanet.max_detections,
    };
    TRY(nms(tape, found.boxes, found.scores, found.labels, &suppress, &found.keep,
            &found.n_keep));
    TRY(tape_run_deferred(tape));
    return collect_detections(detector->backend, batch, &found, out);
}

static enum status retinanet_forward(struct detector *detector, struct tape *tape,
                                     struct tensor *images)
{
    struct level_outputs out;
    tape_defer(tape);
    TRY(run_network((struct retinanet *)detector, tape, images, &out));
    level_outputs_drop(tape, &out);
    return tape_run_deferred(tape);
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
