// Inference: proposals, detections, their masks; and the forward pass on made-up RoIs.
#include <math.h>

#include "base/mem.h"
#include "detect/collect.h"
#include "detect/paste_device.h"
#include "detect/rcnn.h"

static const float BOX_WEIGHTS[4] = {10, 10, 5, 5};
static const float MIN_SIDE = 1e-2f;

// Classes of one RoI that can pass the threshold: their probabilities sum to 1.
static int slots_per_roi(const struct detector_config *config)
{
    int n_classes = config->n_classes - 1;
    double threshold = config->roi.score_threshold;
    return threshold * n_classes > 1 ? (int)(1 / threshold) : n_classes;
}

// Candidates of the box head and what suppression keeps of them. Drops no list.
static enum status detect_boxes(struct rcnn *net, struct tape *tape, const struct roi_list *list,
                                int rois_per_image, struct tensor *sizes,
                                struct tensor *const *maps, struct found *found)
{
    const struct detector_config *config = &net->base.config;
    struct tensor *pooled = NULL, *logits = NULL, *deltas = NULL;
    TRY(roi_pool(config, tape, list, maps, ROI_BOX_SIDE, &pooled));
    TRY(box_head_forward(&net->box_head, tape, pooled, &logits, &deltas));
    struct roi_detections_args args = {
        .rois_per_image = rois_per_image,
        .slots_per_roi = slots_per_roi(config),
        .score_threshold = (float)config->roi.score_threshold,
        .min_size = MIN_SIDE,
        .weights = {BOX_WEIGHTS[0], BOX_WEIGHTS[1], BOX_WEIGHTS[2], BOX_WEIGHTS[3]},
        .class_agnostic = config->roi.class_agnostic,
    };
    TRY(roi_detections(tape, logits, deltas, list->rois, list->images, list->count, sizes, &args,
                       &found->boxes, &found->scores, &found->labels));
    tape_drop(tape, logits);
    tape_drop(tape, deltas);
    struct nms_args suppress = {
        .iou_threshold = config->roi.nms_threshold,
        .max_keep = config->roi.max_detections,
    };
    return nms(tape, found->boxes, found->scores, found->labels, &suppress, &found->keep,
               &found->n_keep);
}

static enum status detect_masks(struct rcnn *net, struct tape *tape, const struct roi_list *list,
                                struct tensor *labels, struct tensor *const *maps,
                                struct tensor **masks)
{
    const struct detector_config *config = &net->base.config;
    struct mask_loss_args args = {.class_agnostic = config->mask.class_agnostic};
    struct tensor *pooled = NULL, *logits = NULL;
    TRY(roi_pool(config, tape, list, maps, ROI_MASK_SIDE, &pooled));
    TRY(mask_head_forward(&net->mask_head, tape, pooled, &logits));
    TRY(mask_probabilities(tape, logits, labels, list->count, &args, masks));
    tape_drop(tape, logits);
    return OK;
}

// Feature maps, and the proposals as a list. Leaves what follows the anchors' upload deferred.
static enum status propose(struct rcnn *net, struct tape *tape, struct tensor *images, int height,
                           int width, struct tensor *sizes, struct tensor *maps[RPN_LEVELS],
                           struct roi_list *list)
{
    struct level_outputs out;
    struct proposals p;
    struct tensor *anchors = NULL;
    tape_defer(tape);
    TRY(rcnn_features(net, tape, images, maps));
    TRY(rpn_forward(&net->rpn, tape, maps, &out));
    tape_drop(tape, maps[RPN_LEVELS - 1]);
    TRY(tape_run_deferred(tape));
    TRY(anchor_levels_upload(&net->rpn.levels, tape, height, width, &out, &anchors));
    tape_defer(tape);
    TRY(rpn_propose(&net->base.config, tape, &out, anchors, sizes, false, &p));
    level_outputs_drop(tape, &out);
    return gather_rois(tape, p.boxes, p.keep, p.n_keep, &list->rois, &list->images, &list->count);
}

enum status rcnn_detect(struct detector *detector, struct tape *tape, const struct batch *batch,
                        struct detections *out)
{
    struct rcnn *net = (struct rcnn *)detector;
    struct tensor *images = NULL, *sizes = NULL, *labels = NULL, *maps[RPN_LEVELS];
    struct roi_list proposals = {0}, kept = {0};
    struct found found = {0};
    TRY(batch_upload_images(tape, batch, &images));
    TRY(batch_upload_sizes(tape, batch, &sizes));
    TRY(propose(net, tape, images, batch->height, batch->width, sizes, maps, &proposals));
    TRY(detect_boxes(net, tape, &proposals, detector->config.rpn.keep, sizes, maps, &found));
    if (net->has_masks) {
        TRY(gather_rois(tape, found.boxes, found.keep, found.n_keep, &kept.rois, &kept.images,
                        &kept.count));
        TRY(gather_labels(tape, found.labels, found.keep, found.n_keep, &labels));
        TRY(detect_masks(net, tape, &kept, labels, maps, &found.masks));
    }
    TRY(tape_run_deferred(tape));
    TRY(collect_detections(detector->backend, batch, &found, out));
    if (!net->has_masks || !detector->backend->is_async) return OK;
    enum status status = paste_on_device(&detector->config.mask.paste, tape, batch, found.masks,
                                         out);
    if (status != OK) detections_free(out);
    return status;
}

// The ith made-up RoI: five sizes in turn, one or more for each level of the pyramid, spread
// evenly over the image.
static void made_up_roi(size_t i, float height, float width, float roi[4])
{
    float side = 24.0f * (float)(1 << i % 5);
    float w = fminf(side, width), h = fminf(side, height);
    double at_x = (double)i * 0.6180339887, at_y = (double)i * 0.7548776662;
    roi[0] = (float)(at_x - floor(at_x)) * (width - w);
    roi[1] = (float)(at_y - floor(at_y)) * (height - h);
    roi[2] = roi[0] + w;
    roi[3] = roi[1] + h;
}

// n made-up RoIs in each of n_images. What tape_upload reads must outlive the call on a device that
// copies later: `host` keeps it.
struct made_up {
    float *rois;
    int32_t *images, *labels;
    int32_t count;
};

static void made_up_free(struct made_up *host)
{
    mem_free(host->rois);
    mem_free(host->images);
    mem_free(host->labels);
}

static enum status made_up_list(struct tape *tape, int64_t n_images, int n, int height, int width,
                                struct made_up *host, struct roi_list *list,
                                struct tensor **labels)
{
    int64_t shape[2] = {n_images * n, 4}, one = 1;
    size_t total = (size_t)shape[0];
    host->rois = (float *)mem_alloc(total, 4 * sizeof *host->rois);
    host->images = (int32_t *)mem_alloc(total, sizeof *host->images);
    host->labels = (int32_t *)mem_alloc(total, sizeof *host->labels);
    if (!host->rois || !host->images || !host->labels) return ERR_MEMORY;
    for (size_t i = 0; i < total; i++) {
        made_up_roi(i % (size_t)n, (float)height, (float)width, host->rois + 4 * i);
        host->images[i] = (int32_t)(i / (size_t)n);
        host->labels[i] = 1;
    }
    host->count = (int32_t)total;
    TRY(tape_upload(tape, DTYPE_F32, 2, shape, host->rois, &list->rois));
    TRY(tape_upload(tape, DTYPE_I32, 1, shape, host->images, &list->images));
    TRY(tape_upload(tape, DTYPE_I32, 1, shape, host->labels, labels));
    return tape_upload(tape, DTYPE_I32, 1, &one, &host->count, &list->count);
}

static enum status run_made_up(struct rcnn *net, struct tape *tape, struct tensor *images,
                               float *host_sizes, struct made_up host[2])
{
    const struct detector_config *config = &net->base.config;
    int64_t n = images->shape[0], sizes_shape[2] = {n, 2};
    int height = (int)images->shape[1], width = (int)images->shape[2];
    struct tensor *sizes = NULL, *labels = NULL, *masks = NULL, *maps[RPN_LEVELS];
    struct roi_list proposals = {0}, list = {0};
    struct found found = {0};
    for (int64_t i = 0; i < n; i++) {
        host_sizes[2 * i] = (float)height;
        host_sizes[2 * i + 1] = (float)width;
    }
    TRY(tape_upload(tape, DTYPE_F32, 2, sizes_shape, host_sizes, &sizes));
    TRY(propose(net, tape, images, height, width, sizes, maps, &proposals));
    TRY(tape_run_deferred(tape));
    TRY(made_up_list(tape, n, config->rpn.keep, height, width, &host[0], &list, &labels));
    TRY(detect_boxes(net, tape, &list, config->rpn.keep, sizes, maps, &found));
    if (net->has_masks) {
        TRY(made_up_list(tape, n, config->roi.max_detections, height, width, &host[1], &list,
                         &labels));
        TRY(detect_masks(net, tape, &list, labels, maps, &masks));
    }
    for (int i = 0; i < ROI_LEVELS; i++) tape_drop(tape, maps[i]);
    return tape->dry ? OK : net->base.backend->synchronize(net->base.backend);
}

enum status rcnn_forward(struct detector *detector, struct tape *tape, struct tensor *images)
{
    struct made_up host[2] = {{0}};
    float *sizes = (float *)mem_alloc((size_t)images->shape[0], 2 * sizeof *sizes);
    enum status status = ERR_MEMORY;
    if (sizes)
        status = run_made_up((struct rcnn *)detector, tape, images, sizes, host);
    made_up_free(&host[0]);
    made_up_free(&host[1]);
    mem_free(sizes);
    return status;
}
