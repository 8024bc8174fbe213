#include "detect/detectron2_names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ANCHOR_SIZES = 3, ANCHOR_RATIOS = 3, COCO_USED = 80, COCO_CHANNELS = 91 };

// A logit that is never the largest and whose sigmoid is 0.
static const float NEVER = -100.0f;

static bool take(const char **text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(*text, prefix, n) != 0) return false;
    *text += n;
    return true;
}

// "<number>.", of up to three digits.
static bool take_number(const char **text, int *number)
{
    const char *p = *text;
    int value = 0;
    while (*p >= '0' && *p <= '9' && p - *text < 3) value = 10 * value + (*p++ - '0');
    if (p == *text || *p != '.') return false;
    *text = p + 1;
    *number = value;
    return true;
}

bool detectron2_is_file(const struct st_file *file)
{
    return st_find(file, "backbone.bottom_up.stem.conv1.norm.weight") ||
           st_find(file, "stem.conv1.norm.weight");
}

bool detectron2_has_bottlenecks(const struct st_file *file)
{
    return st_find(file, "backbone.bottom_up.res2.0.conv3.weight") ||
           st_find(file, "res2.0.conv3.weight");
}

static bool fits(int written, size_t n_bytes)
{
    return written > 0 && (size_t)written < n_bytes;
}

static bool is_weight_or_bias(const char *text)
{
    return strcmp(text, "weight") == 0 || strcmp(text, "bias") == 0;
}

// What follows "backbone.bottom_up.".
static bool body_name(const char *rest, char *name, size_t n_bytes, enum detectron2_change *change)
{
    static const char body[] = "backbone.body.";
    int stage, block, conv;
    if (take(&rest, "stem.conv1.norm."))
        return fits(snprintf(name, n_bytes, "%sbn1.%s", body, rest), n_bytes);
    if (strcmp(rest, "stem.conv1.weight") == 0) {
        *change = DETECTRON2_STEM;
        return fits(snprintf(name, n_bytes, "%sconv1.weight", body), n_bytes);
    }
    if (!take(&rest, "res") || !take_number(&rest, &stage) || !take_number(&rest, &block) ||
        stage < 2)
        return false;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%slayer%d.%d.", body, stage - 1, block);
    if (take(&rest, "shortcut.norm."))
        return fits(snprintf(name, n_bytes, "%sdownsample.1.%s", prefix, rest), n_bytes);
    if (take(&rest, "shortcut."))
        return fits(snprintf(name, n_bytes, "%sdownsample.0.%s", prefix, rest), n_bytes);
    if (!take(&rest, "conv") || !take_number(&rest, &conv)) return false;
    if (take(&rest, "norm."))
        return fits(snprintf(name, n_bytes, "%sbn%d.%s", prefix, conv, rest), n_bytes);
    return fits(snprintf(name, n_bytes, "%sconv%d.%s", prefix, conv, rest), n_bytes);
}

// Names up to ".weight" and ".bias" that are the same for every model of a type.
struct fixed_name {
    const char *theirs, *ours;
    enum detectron2_change change;
};

static const struct fixed_name retinanet_names[] = {
    {"backbone.top_block.p6.", "backbone.fpn.extra_blocks.p6.", DETECTRON2_SAME},
    {"backbone.top_block.p7.", "backbone.fpn.extra_blocks.p7.", DETECTRON2_SAME},
    {"head.cls_subnet.0.", "head.classification_head.conv.0.0.", DETECTRON2_SAME},
    {"head.cls_subnet.2.", "head.classification_head.conv.1.0.", DETECTRON2_SAME},
    {"head.cls_subnet.4.", "head.classification_head.conv.2.0.", DETECTRON2_SAME},
    {"head.cls_subnet.6.", "head.classification_head.conv.3.0.", DETECTRON2_SAME},
    {"head.cls_score.", "head.classification_head.cls_logits.", DETECTRON2_ANCHOR_CLASSES},
    {"head.bbox_subnet.0.", "head.regression_head.conv.0.0.", DETECTRON2_SAME},
    {"head.bbox_subnet.2.", "head.regression_head.conv.1.0.", DETECTRON2_SAME},
    {"head.bbox_subnet.4.", "head.regression_head.conv.2.0.", DETECTRON2_SAME},
    {"head.bbox_subnet.6.", "head.regression_head.conv.3.0.", DETECTRON2_SAME},
    {"head.bbox_pred.", "head.regression_head.bbox_reg.", DETECTRON2_ANCHOR_BOXES},
    {NULL, NULL, DETECTRON2_SAME},
};

// One anchor size a level: the three ratios lie alike.
static const struct fixed_name rcnn_names[] = {
    {"proposal_generator.rpn_head.conv.", "rpn.head.conv.0.0.", DETECTRON2_SAME},
    {"proposal_generator.rpn_head.objectness_logits.", "rpn.head.cls_logits.", DETECTRON2_SAME},
    {"proposal_generator.rpn_head.anchor_deltas.", "rpn.head.bbox_pred.", DETECTRON2_SAME},
    {"roi_heads.box_head.fc1.", "roi_heads.box_head.fc6.", DETECTRON2_SAME},
    {"roi_heads.box_head.fc2.", "roi_heads.box_head.fc7.", DETECTRON2_SAME},
    {"roi_heads.box_predictor.cls_score.", "roi_heads.box_predictor.cls_score.",
     DETECTRON2_CLASSES},
    {"roi_heads.box_predictor.bbox_pred.", "roi_heads.box_predictor.bbox_pred.",
     DETECTRON2_CLASS_BOXES},
    {"roi_heads.mask_head.mask_fcn1.", "roi_heads.mask_head.0.0.", DETECTRON2_SAME},
    {"roi_heads.mask_head.mask_fcn2.", "roi_heads.mask_head.1.0.", DETECTRON2_SAME},
    {"roi_heads.mask_head.mask_fcn3.", "roi_heads.mask_head.2.0.", DETECTRON2_SAME},
    {"roi_heads.mask_head.mask_fcn4.", "roi_heads.mask_head.3.0.", DETECTRON2_SAME},
    {"roi_heads.mask_head.deconv.", "roi_heads.mask_predictor.conv5_mask.", DETECTRON2_SAME},
    {"roi_heads.mask_head.predictor.", "roi_heads.mask_predictor.mask_fcn_logits.",
     DETECTRON2_CLASS_MASKS},
    {NULL, NULL, DETECTRON2_SAME},
};

bool detectron2_name(enum detector_type type, const char *theirs, char *name, size_t n_bytes,
                     enum detectron2_change *change)
{
    const char *rest = theirs;
    bool is_retinanet = type == DETECTOR_RETINANET;
    int level;
    *change = DETECTRON2_SAME;
    for (const struct fixed_name *f = is_retinanet ? retinanet_names : rcnn_names; f->theirs; f++) {
        rest = theirs;
        if (!take(&rest, f->theirs) || !is_weight_or_bias(rest)) continue;
        *change = f->change;
        return fits(snprintf(name, n_bytes, "%s%s", f->ours, rest), n_bytes);
    }
    rest = theirs;
    bool is_lateral = take(&rest, "backbone.fpn_lateral");
    if (is_lateral || take(&rest, "backbone.fpn_output")) {
        int finest = is_retinanet ? 3 : 2; // C3 or C2
        if (!take_number(&rest, &level) || level < finest || !is_weight_or_bias(rest)) return false;
        return fits(snprintf(name, n_bytes, "backbone.fpn.%s_blocks.%d.0.%s",
                             is_lateral ? "inner" : "layer", level - finest, rest), n_bytes);
    }
    (void)take(&rest, "backbone.bottom_up.");
    return body_name(rest, name, n_bytes, change);
}

// Whether COCO uses a category id of 1 to 90; how many lower ones it uses.
static bool coco_place(int64_t id, int64_t *place)
{
    static const int unused[] = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83};
    int64_t n_lower = 0;
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
        if (unused[i] == id) return false;
        n_lower += unused[i] < id;
    }
    *place = id - 1 - n_lower;
    return true;
}

// Class channels of a tensor: their number in the file, without background, and in ours.
struct classes {
    int64_t n_file, n;
};

static struct classes classes_of(enum detectron2_change change, int64_t n_file, int64_t n)
{
    const int64_t n_anchors = ANCHOR_SIZES * ANCHOR_RATIOS;
    switch (change) {
    case DETECTRON2_CLASSES: return (struct classes){n_file - 1, n};
    case DETECTRON2_CLASS_BOXES:
        return (struct classes){n_file % 4 ? -1 : n_file / 4, n % 4 ? -2 : n / 4};
    case DETECTRON2_CLASS_MASKS: return (struct classes){n_file, n};
    case DETECTRON2_ANCHOR_CLASSES:
        return (struct classes){n_file % n_anchors ? -1 : n_file / n_anchors, n / n_anchors};
    default: return (struct classes){0, 0};
    }
}

// Class-agnostic boxes and masks: one class here as there.
static bool is_agnostic(enum detectron2_change change, struct classes c)
{
    return c.n == 1 && c.n_file == 1 &&
           (change == DETECTRON2_CLASS_BOXES || change == DETECTRON2_CLASS_MASKS);
}

bool detectron2_rows_fit(enum detectron2_change change, int64_t n_file, int64_t n)
{
    if (change == DETECTRON2_SAME || change == DETECTRON2_STEM ||
        change == DETECTRON2_ANCHOR_BOXES)
        return n_file == n;
    struct classes c = classes_of(change, n_file, n);
    if (c.n_file < 1) return false;
    return is_agnostic(change, c) || c.n == c.n_file + 1 ||
           (c.n_file == COCO_USED && c.n == COCO_CHANNELS);
}

// The file's class of our channel; -1: none.
static int64_t class_in_file(enum detectron2_change change, struct classes c, int64_t channel)
{
    int64_t place;
    if (is_agnostic(change, c)) return channel;
    if (channel == 0) return change == DETECTRON2_CLASSES ? c.n_file : -1;
    if (c.n == c.n_file + 1) return channel - 1;
    return coco_place(channel, &place) ? place : -1;
}

// The file's row of our row; -1: none.
static int64_t row_in_file(enum detectron2_change change, struct classes c, int64_t row)
{
    int64_t per_anchor = change == DETECTRON2_ANCHOR_CLASSES ? c.n : 4;
    int64_t anchor = row / per_anchor, channel = row % per_anchor, found;
    int64_t theirs = anchor % ANCHOR_SIZES * ANCHOR_RATIOS + anchor / ANCHOR_SIZES;
    switch (change) {
    case DETECTRON2_CLASSES:
    case DETECTRON2_CLASS_MASKS: return class_in_file(change, c, row);
    case DETECTRON2_CLASS_BOXES:
        found = class_in_file(change, c, anchor);
        return found < 0 ? -1 : found * 4 + channel;
    case DETECTRON2_ANCHOR_BOXES: return theirs * 4 + channel;
    case DETECTRON2_ANCHOR_CLASSES:
        found = class_in_file(change, c, channel);
        return found < 0 ? -1 : theirs * c.n_file + found;
    default: return row;
    }
}

// Three numbers of the file, or `absent` where it has no such tensor.
static enum status read_pixels(const struct st_file *file, const char *name, const float absent[3],
                               float values[3])
{
    const struct st_tensor *tensor = st_find(file, name);
    memcpy(values, absent, 3 * sizeof *values);
    if (!tensor) return OK;
    if (tensor->n_elements != 3)
        return fail(ERR_DATA, "%s: %s has %zu numbers, expected 3", file->path, name,
                    tensor->n_elements);
    return st_to_float(file, tensor, values);
}

static enum status convert_stem(const struct st_file *file, const struct st_tensor *tensor,
                                const float *from, float *to)
{
    // RGB; theirs are BGR.
    static const double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
    static const float default_mean[3] = {103.53f, 116.28f, 123.675f}, ones[3] = {1, 1, 1};
    float their_mean[3], their_deviation[3];
    TRY(read_pixels(file, "pixel_mean", default_mean, their_mean));
    TRY(read_pixels(file, "pixel_std", ones, their_deviation));
    if (tensor->rank != 4 || tensor->shape[1] != 3)
        return fail(ERR_DATA, "%s: %s is no convolution of three colours", file->path,
                    tensor->name);
    double scale[3];
    for (int c = 0; c < 3; c++) {
        double m = (double)their_mean[2 - c], d = (double)their_deviation[2 - c];
        if (!(fabs(m - 255 * mean[c]) < 0.01))
            return fail(ERR_DATA, "%s: pixel_mean is %g where %g can be mapped exactly",
                        file->path, m, 255 * mean[c]);
        if (!(d > 0))
            return fail(ERR_DATA, "%s: pixel_std is %g, expected more than 0", file->path, d);
        scale[c] = 255 * deviation[c] / d;
    }
    size_t area = (size_t)(tensor->shape[2] * tensor->shape[3]);
    for (size_t o = 0; o < (size_t)tensor->shape[0]; o++)
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < area; i++)
                to[(o * 3 + c) * area + i] =
                    (float)(scale[c] * (double)from[(o * 3 + 2 - c) * area + i]);
    return OK;
}

enum status detectron2_convert(enum detectron2_change change, const struct st_file *file,
                               const struct st_tensor *tensor, const float *from, bool is_bias,
                               int64_t n_rows, float *to)
{
    if (change == DETECTRON2_STEM) return convert_stem(file, tensor, from, to);
    bool is_logit = change == DETECTRON2_CLASSES || change == DETECTRON2_ANCHOR_CLASSES;
    struct classes c = classes_of(change, tensor->shape[0], n_rows);
    size_t width = tensor->n_elements / (size_t)tensor->shape[0];
    for (int64_t row = 0; row < n_rows; row++, to += width) {
        int64_t source = row_in_file(change, c, row);
        if (source >= 0)
            memcpy(to, from + (size_t)source * width, width * sizeof *to);
        else
            for (size_t i = 0; i < width; i++) to[i] = is_bias && is_logit ? NEVER : 0.0f;
    }
    return OK;
}
