// Detectron2's names and values.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "detect/anchors.h"
#include "detect/detectron2_names.h"
#include "detect/load_weights.h"
#include "fixture.h"

static void expect_name(enum detector_type type, const char *theirs, const char *ours,
                        enum detectron2_change change)
{
    char name[128];
    enum detectron2_change found;
    bool known = detectron2_name(type, theirs, name, sizeof name, &found);
    cr_expect_eq(known, ours != NULL, "%s", theirs);
    if (!known || !ours) return;
    cr_expect_str_eq(name, ours);
    cr_expect_eq(found, change, "%s", theirs);
    cr_expect_not(detectron2_name(type, theirs, name, 10, &found), "%s in 10 bytes", theirs);
}

Test(detectron2, names)
{
    enum detector_type mask = DETECTOR_MASK_RCNN, retina = DETECTOR_RETINANET;
    expect_name(mask, "backbone.bottom_up.stem.conv1.weight", "backbone.body.conv1.weight",
                DETECTRON2_STEM);
    expect_name(mask, "stem.conv1.norm.running_var", "backbone.body.bn1.running_var",
                DETECTRON2_SAME);
    expect_name(mask, "backbone.bottom_up.res2.0.conv1.weight",
                "backbone.body.layer1.0.conv1.weight", DETECTRON2_SAME);
    expect_name(mask, "backbone.bottom_up.res5.2.conv3.norm.bias", "backbone.body.layer4.2.bn3.bias",
                DETECTRON2_SAME);
    expect_name(mask, "res3.0.shortcut.weight", "backbone.body.layer2.0.downsample.0.weight",
                DETECTRON2_SAME);
    expect_name(mask, "res3.0.shortcut.norm.running_mean",
                "backbone.body.layer2.0.downsample.1.running_mean", DETECTRON2_SAME);
    expect_name(mask, "backbone.fpn_lateral2.weight", "backbone.fpn.inner_blocks.0.0.weight",
                DETECTRON2_SAME);
    expect_name(mask, "backbone.fpn_output5.bias", "backbone.fpn.layer_blocks.3.0.bias",
                DETECTRON2_SAME);
    expect_name(retina, "backbone.fpn_output5.bias", "backbone.fpn.layer_blocks.2.0.bias",
                DETECTRON2_SAME);
    expect_name(retina, "backbone.fpn_output2.bias", NULL, DETECTRON2_SAME);
    expect_name(retina, "backbone.top_block.p6.weight", "backbone.fpn.extra_blocks.p6.weight",
                DETECTRON2_SAME);
    expect_name(retina, "head.bbox_subnet.6.bias", "head.regression_head.conv.3.0.bias",
                DETECTRON2_SAME);
    expect_name(retina, "head.cls_score.weight", "head.classification_head.cls_logits.weight",
                DETECTRON2_ANCHOR_CLASSES);
    expect_name(mask, "proposal_generator.rpn_head.anchor_deltas.bias", "rpn.head.bbox_pred.bias",
                DETECTRON2_SAME);
    expect_name(mask, "roi_heads.box_head.fc1.weight", "roi_heads.box_head.fc6.weight",
                DETECTRON2_SAME);
    expect_name(mask, "roi_heads.mask_head.mask_fcn4.bias", "roi_heads.mask_head.3.0.bias",
                DETECTRON2_SAME);
    expect_name(mask, "roi_heads.mask_head.predictor.weight",
                "roi_heads.mask_predictor.mask_fcn_logits.weight", DETECTRON2_CLASS_MASKS);
    expect_name(mask, "pixel_mean", NULL, DETECTRON2_SAME);
    expect_name(mask, "proposal_generator.anchor_generator.cell_anchors.0", NULL, DETECTRON2_SAME);
    expect_name(mask, "res2.0.conv1", NULL, DETECTRON2_SAME);
    expect_name(mask, "res1.0.conv1.weight", NULL, DETECTRON2_SAME);
    expect_name(mask, "res.0.conv1.weight", NULL, DETECTRON2_SAME);
    expect_name(mask, "", NULL, DETECTRON2_SAME);
}

Test(detectron2, rows)
{
    cr_expect(detectron2_rows_fit(DETECTRON2_CLASSES, 81, 81));
    cr_expect(detectron2_rows_fit(DETECTRON2_CLASSES, 81, 91));
    cr_expect_not(detectron2_rows_fit(DETECTRON2_CLASSES, 81, 80));
    cr_expect_not(detectron2_rows_fit(DETECTRON2_CLASSES, 1, 1));
    cr_expect(detectron2_rows_fit(DETECTRON2_CLASS_BOXES, 320, 324));
    cr_expect(detectron2_rows_fit(DETECTRON2_CLASS_BOXES, 320, 364));
    cr_expect(detectron2_rows_fit(DETECTRON2_CLASS_BOXES, 4, 4)); // class-agnostic
    cr_expect_not(detectron2_rows_fit(DETECTRON2_CLASS_BOXES, 322, 324));
    cr_expect(detectron2_rows_fit(DETECTRON2_CLASS_MASKS, 80, 81));
    cr_expect(detectron2_rows_fit(DETECTRON2_CLASS_MASKS, 1, 2));
    cr_expect(detectron2_rows_fit(DETECTRON2_ANCHOR_CLASSES, 720, 729));
    cr_expect_not(detectron2_rows_fit(DETECTRON2_ANCHOR_CLASSES, 720, 720));
    cr_expect(detectron2_rows_fit(DETECTRON2_ANCHOR_BOXES, 36, 36));
}

// A file whose values count up from a tensor's own start.
struct entry {
    const char *name;
    int rank;
    int64_t shape[4];
    float start;
};

static enum status produce(void *context, size_t i, void *buffer, size_t n_bytes)
{
    const struct entry *entries = context;
    float *values = buffer;
    for (size_t k = 0; k < n_bytes / sizeof *values; k++)
        values[k] = entries[i].start + (float)k;
    return OK;
}

static void write_file(const char *path, size_t n, struct entry *entries)
{
    struct st_entry heads[16];
    cr_assert(n <= 16);
    for (size_t i = 0; i < n; i++) {
        heads[i] = (struct st_entry){
            .name = entries[i].name, .dtype = ST_F32, .rank = entries[i].rank};
        memcpy(heads[i].shape, entries[i].shape, sizeof entries[i].shape);
    }
    MUST(st_write(path, n, heads, 0, NULL, produce, entries));
}

static float *values_of(const struct fixture *f, const char *name, size_t *n)
{
    const struct params *params = detector_params(f->detector);
    const struct param *p = params_find(params, name);
    cr_assert(p != NULL, "no %s", name);
    *n = tensor_count(&p->tensor);
    float *values = mem_alloc(*n, sizeof *values);
    MUST(params_get(params, p, values));
    return values;
}

static void expect_values(const struct fixture *f, const char *name, const float *want, size_t n)
{
    size_t n_got;
    float *got = values_of(f, name, &n_got);
    cr_expect_eq(n_got, n, "%s: %zu values", name, n_got);
    for (size_t i = 0; i < n && i < n_got; i++)
        cr_expect_float_eq(got[i], want[i], 1e-4f, "%s[%zu]: %g, expected %g", name, i,
                           (double)got[i], (double)want[i]);
    mem_free(got);
}

static const struct load_options strict = {false};

// Three classes: background comes last of four scores, boxes and masks have none.
Test(detectron2, class_channels)
{
    struct entry entries[] = {
        {"backbone.bottom_up.stem.conv1.norm.weight", 1, {64}, 0},
        {"backbone.bottom_up.res2.0.conv3.weight", 1, {1}, 0},
        {"roi_heads.box_predictor.cls_score.bias", 1, {4}, 10},
        {"roi_heads.box_predictor.bbox_pred.bias", 1, {12}, 100},
        {"roi_heads.mask_head.predictor.bias", 1, {3}, 50},
        {"roi_heads.mask_head.predictor.weight", 4, {3, 256, 1, 1}, 1},
        {"proposal_generator.rpn_head.anchor_deltas.bias", 1, {12}, 7},
        {"pixel_mean", 3, {3, 1, 1}, 0},
    };
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 4);
    struct load_report report;
    struct weights_info info;
    char path[64];
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, sizeof entries / sizeof *entries, entries);
    MUST(weights_peek(path, &info));
    cr_expect(info.has_stride_in_1x1 && info.stride_in_1x1);
    MUST(load_weights(f.detector, path, &strict, &report));
    cr_expect(report.is_detectron2);
    cr_expect_eq(report.loaded.n, 6);
    const float scores[] = {13, 10, 11, 12};
    expect_values(&f, "roi_heads.box_predictor.cls_score.bias", scores, 4);
    const float boxes[] = {0, 0, 0, 0, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111};
    expect_values(&f, "roi_heads.box_predictor.bbox_pred.bias", boxes, 16);
    const float masks[] = {0, 50, 51, 52};
    expect_values(&f, "roi_heads.mask_predictor.mask_fcn_logits.bias", masks, 4);
    size_t n;
    float *weights = values_of(&f, "roi_heads.mask_predictor.mask_fcn_logits.weight", &n);
    cr_expect(n == 4 * 256 && weights[0] == 0 && weights[255] == 0);
    cr_expect(weights[256] == 1 && weights[1023] == 768);
    mem_free(weights);
    const float deltas[] = {7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
    expect_values(&f, "rpn.head.bbox_pred.bias", deltas, 12);
    load_report_free(&report);
    unlink(path);
    fixture_destroy(&f);
}

// 80 classes in a model of 91 channels: by category id, and nothing where COCO has none.
Test(detectron2, coco_ids)
{
    struct entry entries[] = {
        {"stem.conv1.norm.weight", 1, {64}, 0},
        {"roi_heads.box_predictor.cls_score.bias", 1, {81}, 1},
        {"roi_heads.box_predictor.cls_score.weight", 2, {81, 1024}, 0},
    };
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_FASTER_RCNN, 91);
    struct load_report report;
    char path[64];
    size_t n;
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, 3, entries);
    MUST(load_weights(f.detector, path, &strict, &report));
    float *bias = values_of(&f, "roi_heads.box_predictor.cls_score.bias", &n);
    cr_assert_eq(n, 91);
    cr_expect(bias[0] == 81 && bias[1] == 1 && bias[11] == 11 && bias[12] == -100);
    cr_expect(bias[13] == 12 && bias[83] == -100 && bias[84] == 74 && bias[90] == 80);
    mem_free(bias);
    float *weight = values_of(&f, "roi_heads.box_predictor.cls_score.weight", &n);
    cr_expect(weight[12 * 1024 + 5] == 0 && weight[13 * 1024] == 11 * 1024);
    mem_free(weight);
    load_report_free(&report);
    unlink(path);
    fixture_destroy(&f);
}

// Size-major becomes ratio-major; channel 0 never fires.
Test(detectron2, anchors_of_retinanet)
{
    struct entry entries[] = {
        {"backbone.bottom_up.stem.conv1.norm.weight", 1, {64}, 0},
        {"head.cls_score.bias", 1, {18}, 0}, // 2 classes
        {"head.bbox_pred.bias", 1, {36}, 0},
    };
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 3);
    struct load_report report;
    char path[64];
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, 3, entries);
    MUST(load_weights(f.detector, path, &strict, &report));
    float logits[27], boxes[36];
    for (int ratio = 0; ratio < 3; ratio++) {
        for (int size = 0; size < 3; size++) {
            int ours = ratio * 3 + size, theirs = size * 3 + ratio;
            logits[ours * 3] = -100;
            for (int k = 0; k < 2; k++) logits[ours * 3 + 1 + k] = (float)(theirs * 2 + k);
            for (int k = 0; k < 4; k++) boxes[ours * 4 + k] = (float)(theirs * 4 + k);
        }
    }
    expect_values(&f, "head.classification_head.cls_logits.bias", logits, 27);
    expect_values(&f, "head.regression_head.bbox_reg.bias", boxes, 36);
    load_report_free(&report);
    unlink(path);
    fixture_destroy(&f);
}

// The sum over a window is the same for a pixel as either program sees it.
Test(detectron2, colours)
{
    static const double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
    static const double rgb[3] = {0.9, 0.2, 0.6};
    enum { AREA = 49, FILTER = 5 };
    struct entry entries[] = {
        {"stem.conv1.norm.weight", 1, {64}, 0},
        {"stem.conv1.weight", 4, {64, 3, 7, 7}, -4000},
    };
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 4);
    struct load_report report;
    char path[64];
    size_t n;
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, 2, entries);
    MUST(load_weights(f.detector, path, &strict, &report));
    float *ours = values_of(&f, "backbone.body.conv1.weight", &n);
    double got = 0, want = 0;
    for (int c = 0; c < 3; c++) {
        double x = (rgb[c] - mean[c]) / deviation[c], theirs = 255 * (rgb[c] - mean[c]);
        for (int i = 0; i < AREA; i++) {
            got += x * (double)ours[(FILTER * 3 + c) * AREA + i];
            want += theirs * (-4000.0 + (FILTER * 3 + 2 - c) * AREA + i);
        }
    }
    cr_expect(fabs(got - want) < 1e-5 * fabs(want), "%g, expected %g", got, want);
    mem_free(ours);
    load_report_free(&report);
    unlink(path);
    fixture_destroy(&f);
}

Test(detectron2, refusals)
{
    struct entry entries[] = {
        {"stem.conv1.norm.weight", 1, {64}, 0},
        {"stem.conv1.weight", 4, {64, 3, 7, 7}, 0},
        {"pixel_mean", 1, {3}, 100},
    };
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 4);
    struct load_report report;
    char path[64];
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, 3, entries);
    cr_expect_eq(load_weights(f.detector, path, &strict, &report), ERR_DATA);
    cr_expect(strstr(fail_message(), "pixel_mean is 102") != NULL, "%s", fail_message());
    entries[2] = (struct entry){"pixel_mean", 1, {2}, 100};
    write_file(path, 3, entries);
    cr_expect_eq(load_weights(f.detector, path, &strict, &report), ERR_DATA);
    cr_expect(strstr(fail_message(), "2 numbers") != NULL, "%s", fail_message());
    entries[2] = (struct entry){"pixel_std", 1, {3}, 0};
    write_file(path, 3, entries);
    cr_expect_eq(load_weights(f.detector, path, &strict, &report), ERR_DATA);
    cr_expect(strstr(fail_message(), "pixel_std is 0") != NULL, "%s", fail_message());
    // Other classes are refused, or start afresh where that is allowed.
    entries[1] = (struct entry){"roi_heads.box_predictor.cls_score.bias", 1, {81}, 0};
    write_file(path, 2, entries);
    cr_expect_eq(load_weights(f.detector, path, &strict, &report), ERR_DATA);
    cr_expect(strstr(fail_message(), "cls_score.bias") != NULL, "%s", fail_message());
    struct load_options fine_tune = {true};
    MUST(load_weights(f.detector, path, &fine_tune, &report));
    cr_expect_eq(report.reinitialised.n, 1);
    load_report_free(&report);
    unlink(path);
    fixture_destroy(&f);
}

Test(detectron2, anchors)
{
    static const double ratios[3] = {0.5, 1, 2}, size = 32;
    float base[ANCHORS_MAX_BASE][4], grid[2 * 3 * 3 * 4];
    cr_assert_eq(anchors_base_exact(&size, 1, ratios, 3, base), 3);
    const float want[3][2] = {{22.627417f, 11.3137085f}, {16, 16}, {11.3137085f, 22.627417f}};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++)
            cr_expect_float_eq(base[i][k], k < 2 ? -want[i][k] : want[i][k - 2], 1e-5f);
    anchors_grid_strided(base, 3, 64, 2, 3, grid);
    cr_expect_float_eq(grid[4 * 3 + 0], 64 - want[0][0], 1e-5f);
    cr_expect_float_eq(grid[4 * 9 + 1], 64 - want[0][1], 1e-5f);
}
