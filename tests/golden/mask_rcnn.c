// Mask R-CNN against torchvision: maps, proposals, heads, detections and masks; losses, gradients,
// five steps of SGD on the samples that torchvision drew.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "detect/paste_mask.h"
#include "detect/rcnn.h"
#include "run.h"

enum { ROI_SAMPLES = 16, N_LOSSES = 5, MAX_OBJECTS = 8, KEEP = 60, N_DETECTIONS = 25 };

static const struct golden_geometry large = {{{120, 150}, {100, 90}}, 240, 320};

struct fixture {
    struct golden_run run; // first: observers get it
    int n_logits, n_deltas, n_pooled, n_lists;
    uint8_t *anchors; // samples of the file
    int32_t *rois;
};

static struct detector_config config_of(enum detector_type type)
{
    return (struct detector_config){
        .type = type,
        .backbone = {.depth = 18,
                     .norm = NORM_FROZEN_BN,
                     .norm_eps = 1e-5,
                     .trainable_layers = 3},
        .n_classes = GOLDEN_CLASSES,
        .seed = 1,
        .rpn = {.anchor_sizes = {32, 64, 128, 256, 512},
                .match_high = 0.7,
                .match_low = 0.3,
                .samples = 64,
                .positive_fraction = 0.5,
                .box_beta = 1.0 / 9,
                .train_top_k = 200,
                .train_keep = 50,
                .top_k = 200,
                .keep = KEEP,
                .nms_threshold = 0.7},
        .roi = {.match_iou = 0.5,
                .samples = ROI_SAMPLES,
                .positive_fraction = 0.125,
                .sampling_ratio = 2,
                .box_beta = 1.0 / 9,
                .score_threshold = 0.05,
                .nms_threshold = 0.5,
                .max_detections = N_DETECTIONS},
    };
}

static void open_inference(struct fixture *f, enum detector_type type)
{
    static const int sizes[RPN_LEVELS] = {96, 144, 216, 256, 320};
    struct detector_config config = config_of(type);
    memcpy(config.rpn.anchor_sizes, sizes, sizeof sizes);
    *f = (struct fixture){.n_logits = 0};
    golden_run_open(&f->run, "mask_r18", &config);
    golden_run_set(&f->run, "seed", &large, "balance.");
}

// Each image's proposals; of the next call, what is detected.
static void compare_proposals(struct fixture *f, const struct op_call *call)
{
    if (f->n_lists++ > 0) return;
    float *host = golden_run_download(&f->run, call->out[0]);
    const float *rois = host;
    for (int i = 0; i < GOLDEN_IMAGES; i++) {
        char name[32];
        size_t n;
        snprintf(name, sizeof name, "proposals%d", i);
        float *want = golden_read(&f->run.golden, name, &n);
        for (size_t k = 0; k < n; k++)
            cr_expect(fabs((double)(rois[k] - want[k])) <= 1e-4 * 320, "%s[%zu]: %g, expected %g",
                      name, k, (double)rois[k], (double)want[k]);
        rois += n;
        mem_free(want);
    }
    mem_free(host);
}

// The golden name of what a layer computes; NULL: none.
static const char *output_name(struct fixture *f, const char *weight, char text[16])
{
    int level;
    if (sscanf(weight, "backbone.fpn.layer_blocks.%d.0.weight", &level) == 1)
        snprintf(text, 16, "p%d", level + 2);
    else if (strcmp(weight, "rpn.head.cls_logits.weight") == 0)
        snprintf(text, 16, "logits%d", f->n_logits++);
    else if (strcmp(weight, "rpn.head.bbox_pred.weight") == 0)
        snprintf(text, 16, "deltas%d", f->n_deltas++);
    else if (strcmp(weight, "roi_heads.box_predictor.cls_score.weight") == 0)
        snprintf(text, 16, "class_logits");
    else if (strcmp(weight, "roi_heads.box_predictor.bbox_pred.weight") == 0)
        snprintf(text, 16, "box_deltas");
    else if (strcmp(weight, "roi_heads.mask_predictor.mask_fcn_logits.weight") == 0)
        snprintf(text, 16, "mask_logits");
    else
        return NULL;
    return text;
}

// Rows beyond the count hold nothing.
static size_t valid_elements(const struct golden_run *run, const struct tensor *t)
{
    size_t n = tensor_count(t);
    if (!t->valid) return n;
    int32_t *count = golden_run_download(run, t->valid);
    n = n / (size_t)t->shape[0] * (size_t)*count;
    mem_free(count);
    return n;
}

static void compare_layer(void *context, const struct tape_node *node, bool is_backward)
{
    struct fixture *f = context;
    struct golden_run *run = &f->run;
    const struct op_call *call = &node->call;
    char text[16];
    const char *name = NULL;
    if (is_backward) return;
    if (node->op == OP_conv2d && call->in[0]->shape[3] == 3)
        golden_run_compare(run, "canvas", call->in[0]);
    if (node->op == OP_pool && call->in[0]->shape[3] == 256) name = "p6";
    if (node->op == OP_select_proposals && call->out[0]->shape[1] > 0 && f->n_logits == 5) {
        f->n_logits++; // once
        golden_run_compare(run, "anchors", call->in[2]);
    }
    if (node->op == OP_gather_rois) compare_proposals(f, call);
    if (node->op == OP_roi_align) name = f->n_pooled++ == 0 ? "box_pooled" : "mask_pooled";
    if (!name && call->n_in > 1 && call->in[1] && call->in[1]->name)
        name = output_name(f, call->in[1]->name, text);
    if (name)
        golden_run_compare_part(run, name, call->out[0], valid_elements(run, call->out[0]));
}

// The detection of this label whose box is closest.
static size_t closest(const struct detections *found, int image, float label, const float *box)
{
    size_t first = (size_t)image * (size_t)found->capacity, best = first;
    double least = INFINITY;
    for (size_t i = first; i < first + (size_t)found->counts[image]; i++) {
        double distance = found->labels[i] == (int32_t)label ? 0 : INFINITY;
        for (size_t j = 0; j < 4; j++)
            distance += fabs((double)(found->boxes[4 * i + j] - box[j]));
        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    return best;
}

// Masks pasted into the stored image against the bits of the file.
static void compare_masks(struct fixture *f, const struct detections *found, int image)
{
    static const struct paste_options options = {.method = PASTE_INTEGER, .threshold = 0.5f};
    char name[32];
    size_t n, n_labels, n_bytes;
    int height = large.sizes[image][0], width = large.sizes[image][1];
    size_t pixels = (size_t)(height * width), mask = MASK_SIDE * MASK_SIDE;
    snprintf(name, sizeof name, "detections%d.boxes", image);
    float *boxes = golden_read(&f->run.golden, name, &n);
    snprintf(name, sizeof name, "detections%d.labels", image);
    float *labels = golden_read(&f->run.golden, name, &n_labels);
    snprintf(name, sizeof name, "detections%d.masks", image);
    float *bits = golden_read(&f->run.golden, name, &n_bytes);
    n /= 4;
    // The file packs the masks of an image without gaps.
    cr_assert(n_bytes == (n * pixels + 7) / 8 && found->mask_side == MASK_SIDE);
    uint8_t *got = mem_alloc(pixels, 1);
    struct rle rle = {0};
    for (size_t k = 0; k < n; k++) {
        size_t slot = closest(found, image, labels[k], boxes + 4 * k), both = 0, either = 0;
        MUST(paste_mask(found->masks + slot * mask, MASK_SIDE, found->boxes + 4 * slot, &options,
                        height, width, &rle));
        rle_decode(&rle, got);
        for (size_t p = 0; p < pixels; p++) {
            size_t bit = k * pixels + p;
            bool want = (int)bits[bit / 8] >> (7 - bit % 8) & 1;
            both += want && got[p];
            either += want || got[p];
        }
        cr_expect((double)both >= 0.999 * (double)either && either > 0,
                  "image %d, mask %zu: %zu of %zu pixels", image, k, both, either);
    }
    rle_free(&rle);
    mem_free(got);
    mem_free(boxes);
    mem_free(labels);
    mem_free(bits);
}

Test(golden_rcnn, mask_r18_inference)
{
    struct fixture f;
    struct detections found;
    open_inference(&f, DETECTOR_MASK_RCNN);
    f.run.tape->observer = (struct tape_observer){.context = &f, .after = compare_layer};
    MUST(detector_detect(f.run.detector, f.run.tape, &f.run.batch, &found));
    // canvas, anchors, p2 to p6, logits and deltas of five levels, two RoIAligns, three heads.
    cr_expect(f.run.golden.n_compared == 22, "%d tensors compared", f.run.golden.n_compared);
    cr_expect_eq(f.n_lists, 2);
    for (int i = 0; i < GOLDEN_IMAGES; i++) {
        golden_run_compare_detections(&f.run, &found, i);
        compare_masks(&f, &found, i);
    }
    detections_free(&found);
    golden_run_close(&f.run);
}

// The mask head sees boxes, and changes none.
Test(golden_rcnn, faster_r18_inference)
{
    struct fixture f;
    struct detections found;
    open_inference(&f, DETECTOR_FASTER_RCNN);
    MUST(detector_detect(f.run.detector, f.run.tape, &f.run.batch, &found));
    for (int i = 0; i < GOLDEN_IMAGES; i++) golden_run_compare_detections(&f.run, &found, i);
    cr_expect(found.masks == NULL && found.mask_side == 0);
    detections_free(&found);
    golden_run_close(&f.run);
}

// The masks of the file, resized to the nearest pixel as torchvision resizes them.
static void add_masks(struct golden_run *run)
{
    struct batch *b = &run->batch;
    size_t used = 0;
    b->mask_frames = mem_alloc(GOLDEN_IMAGES * MAX_OBJECTS, 4 * sizeof *b->mask_frames);
    b->mask_starts = mem_alloc(GOLDEN_IMAGES * MAX_OBJECTS, sizeof *b->mask_starts);
    b->masks = mem_alloc((size_t)(GOLDEN_IMAGES * MAX_OBJECTS * b->height * b->width), 1);
    cr_assert(b->mask_frames && b->mask_starts && b->masks && b->max_objects == MAX_OBJECTS);
    for (int image = 0; image < b->n; image++) {
        char name[32];
        size_t n_bytes;
        snprintf(name, sizeof name, "targets%d.masks", image);
        float *bits = golden_read(&run->golden, name, &n_bytes);
        int in_h = b->original_sizes[2 * image], in_w = b->original_sizes[2 * image + 1];
        int out_h = (int)b->sizes[2 * image], out_w = (int)b->sizes[2 * image + 1];
        float scale_y = (float)in_h / (float)out_h, scale_x = (float)in_w / (float)out_w;
        for (int k = 0; k < b->counts[image]; k++) {
            int slot = image * MAX_OBJECTS + k;
            b->mask_starts[slot] = (int64_t)used;
            b->mask_frames[4 * slot + 2] = out_w;
            b->mask_frames[4 * slot + 3] = out_h;
            for (int y = 0; y < out_h; y++) {
                for (int x = 0; x < out_w; x++) {
                    int from_y = (int)floorf((float)y * scale_y);
                    int from_x = (int)floorf((float)x * scale_x);
                    size_t bit = (size_t)((k * in_h + from_y) * in_w + from_x);
                    b->masks[used++] = (int)bits[bit / 8] >> (7 - bit % 8) & 1;
                }
            }
        }
        mem_free(bits);
    }
    b->mask_bytes = used;
}

static void check_samples(void *context, const struct tape_node *node, bool is_backward)
{
    struct fixture *f = context;
    const struct op_call *call = &node->call;
    if (is_backward) return;
    if (node->op == OP_sample_rois) {
        size_t n;
        float *got = golden_run_download(&f->run, call->out[0]);
        float *want = golden_read(&f->run.golden, "rois", &n);
        cr_expect(n == GOLDEN_IMAGES * ROI_SAMPLES * 4);
        for (size_t i = 0; i < n; i++)
            cr_expect(fabs((double)(got[i] - want[i])) <= 1e-4 * 64, "RoI %zu: %g, expected %g",
                      i / 4, (double)got[i], (double)want[i]);
        mem_free(got);
        mem_free(want);
    }
    if (node->op == OP_mask_targets)
        golden_run_compare(&f->run, "mask_targets", call->out[0]);
}

// The samples that torchvision drew in this step.
static void give_samples(struct golden_run *run, int step)
{
    struct fixture *f = (struct fixture *)run;
    struct rcnn *net = (struct rcnn *)run->detector;
    net->given_anchors = f->anchors;
    net->given_rois = f->rois + step * GOLDEN_IMAGES * ROI_SAMPLES;
}

Test(golden_rcnn, mask_r18_training)
{
    struct fixture f = {.n_logits = 0};
    struct detector_config config = config_of(DETECTOR_MASK_RCNN);
    size_t n_anchors, n_rois;
    golden_run_open(&f.run, "mask_r18", &config);
    golden_run_set(&f.run, "training_seed", &golden_small, "bias.");
    golden_run_add_targets(&f.run);
    add_masks(&f.run);
    float *anchors = golden_read(&f.run.golden, "sampled_anchors", &n_anchors);
    float *rois = golden_read(&f.run.golden, "sampled_rois", &n_rois);
    cr_assert(n_rois == (GOLDEN_STEPS + 1) * GOLDEN_IMAGES * ROI_SAMPLES);
    f.anchors = mem_alloc(n_anchors, sizeof *f.anchors);
    f.rois = mem_alloc(n_rois, sizeof *f.rois);
    for (size_t i = 0; i < n_anchors; i++) f.anchors[i] = (uint8_t)anchors[i];
    for (size_t i = 0; i < n_rois; i++) f.rois[i] = (int32_t)rois[i];
    f.run.tape->observer = (struct tape_observer){.context = &f, .after = check_samples};
    golden_run_train(&f.run, N_LOSSES, give_samples);
    mem_free(anchors);
    mem_free(rois);
    mem_free(f.anchors);
    mem_free(f.rois);
    mem_free(f.run.batch.masks);
    mem_free(f.run.batch.mask_frames);
    mem_free(f.run.batch.mask_starts);
    golden_run_close(&f.run);
}
