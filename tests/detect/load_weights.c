// Weights from files: names old and new, parts, wrong shapes, bad values.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "detect/load_weights.h"
#include "detect/old_names.h"
#include "fixture.h"
#include "nn/safetensors.h"

Test(old_names, mapped_by_number_of_segments)
{
    static const char *const pairs[][2] = {
        {"backbone.fpn.inner_blocks.2.weight", "backbone.fpn.inner_blocks.2.0.weight"},
        {"backbone.fpn.layer_blocks.0.bias", "backbone.fpn.layer_blocks.0.0.bias"},
        {"head.classification_head.conv.0.weight", "head.classification_head.conv.0.0.weight"},
        {"head.classification_head.conv.6.bias", "head.classification_head.conv.3.0.bias"},
        {"head.regression_head.conv.4.weight", "head.regression_head.conv.2.0.weight"},
        {"rpn.head.conv.weight", "rpn.head.conv.0.0.weight"},
        {"roi_heads.mask_head.mask_fcn1.bias", "roi_heads.mask_head.0.0.bias"},
        {"roi_heads.mask_head.mask_fcn4.weight", "roi_heads.mask_head.3.0.weight"},
        {"backbone.fpn.inner_blocks.2.0.weight", NULL},
        {"head.classification_head.conv.0.0.weight", NULL},
        {"head.regression_head.conv.3.weight", NULL},
        {"head.regression_head.conv.weight", NULL},
        {"head.regression_head.conv.1234567890123.weight", NULL},
        {"rpn.head.conv.0.0.weight", NULL},
        {"roi_heads.mask_head.mask_fcn0.bias", NULL},
        {"backbone.fpn.extra_blocks.p6.weight", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char name[128];
        bool mapped = old_name_to_new(pairs[i][0], name, sizeof name);
        cr_expect_eq(mapped, pairs[i][1] != NULL, "%s", pairs[i][0]);
        if (mapped && pairs[i][1]) cr_expect_str_eq(name, pairs[i][1]);
        cr_expect_not(old_name_to_new(pairs[i][0], name, 10), "%s in 10 bytes", pairs[i][0]);
    }
}

// A small file: every tensor filled with one value.
struct entry {
    const char *name;
    int rank;
    int64_t shape[4];
    float value;
};

static enum status produce(void *context, size_t i, void *buffer, size_t n_bytes)
{
    const struct entry *entries = context;
    float *values = buffer;
    for (size_t k = 0; k < n_bytes / sizeof *values; k++) values[k] = entries[i].value;
    return OK;
}

static void write_file(const char *path, size_t n, struct entry *entries, size_t n_meta,
                       const struct st_meta *meta)
{
    struct st_entry heads[8];
    cr_assert(n <= 8);
    for (size_t i = 0; i < n; i++) {
        heads[i] = (struct st_entry){
            .name = entries[i].name, .dtype = ST_F32, .rank = entries[i].rank};
        memcpy(heads[i].shape, entries[i].shape, sizeof entries[i].shape);
    }
    MUST(st_write(path, n, heads, n_meta, meta, produce, entries));
}

static float first_value(const struct fixture *f, const char *name)
{
    const struct param *p = params_find(detector_params(f->detector), name);
    cr_assert(p != NULL, "no %s", name);
    return *(const float *)p->tensor.data;
}

static const struct load_options strict = {false};
static const struct load_options fine_tune = {true};

Test(load_weights, parts_of_every_naming)
{
    struct entry entries[] = {
        {"layer1.0.conv1.weight", 4, {64, 64, 3, 3}, 1},
        {"layer1.0.bn1.num_batches_tracked", 1, {1}, 9},
        {"backbone.fpn.inner_blocks.1.bias", 1, {256}, 2},
        {"head.regression_head.conv.2.bias", 1, {256}, 3},
        {"head.regression_head.conv.0.0.bias", 1, {256}, 4},
        {"backbone.body.bn1.running_var", 1, {64}, 5},
        {"fc.weight", 2, {10, 512}, 6},
    };
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 4);
    struct load_report report;
    char path[64];
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, sizeof entries / sizeof *entries, entries, 0, NULL);
    MUST(load_weights(f.detector, path, &strict, &report));
    cr_expect_eq(report.loaded.n, 5);
    cr_expect_eq(report.missing.n, detector_params(f.detector)->n - 5);
    cr_expect_eq(report.unused.n, 1);
    cr_expect_str_eq(report.unused.names[0], "fc.weight");
    cr_expect_eq(report.n_calmed, 0); // the first convolution was not in the file
    cr_expect_eq(first_value(&f, "backbone.body.layer1.0.conv1.weight"), 1.0f);
    cr_expect_eq(first_value(&f, "backbone.fpn.inner_blocks.1.0.bias"), 2.0f);
    cr_expect_eq(first_value(&f, "head.regression_head.conv.1.0.bias"), 3.0f);
    cr_expect_eq(first_value(&f, "head.regression_head.conv.0.0.bias"), 4.0f);
    load_report_free(&report);
    unlink(path);
    fixture_destroy(&f);
}

static void expect_error(struct fixture *f, const char *path, const struct load_options *options,
                         const char *const *parts)
{
    struct load_report report;
    cr_expect_eq(load_weights(f->detector, path, options, &report), ERR_DATA);
    for (; *parts; parts++)
        cr_expect(strstr(fail_message(), *parts) != NULL, "\"%s\" lacks \"%s\"", fail_message(),
                  *parts);
}

Test(load_weights, wrong_shapes_name_both_and_change_nothing)
{
    struct entry entries[] = {
        {"conv1.weight", 4, {64, 3, 7, 7}, 1},
        {"layer2.0.conv1.weight", 4, {128, 64, 1, 1}, 1},
    };
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 4);
    char path[64];
    fixture_create(&f, &config);
    fixture_path(path);
    float before = first_value(&f, "backbone.body.conv1.weight");
    write_file(path, 2, entries, 0, NULL);
    const char *parts[] = {path, "layer2.0.conv1.weight", "128x64x1x1", "128x64x3x3", NULL};
    expect_error(&f, path, &strict, parts);
    expect_error(&f, path, &fine_tune, parts);
    cr_expect_eq(first_value(&f, "backbone.body.conv1.weight"), before);

    entries[1] = (struct entry){"layer2.0.bn1.weight", 2, {128, 1}, 1};
    write_file(path, 2, entries, 0, NULL);
    const char *rank[] = {"layer2.0.bn1.weight", "128x1", NULL};
    expect_error(&f, path, &strict, rank);
    unlink(path);
    fixture_destroy(&f);
}

Test(load_weights, other_classes_only_when_allowed)
{
    struct entry entries[] = {
        {"head.classification_head.cls_logits.weight", 4, {9 * 91, 256, 3, 3}, 1},
        {"head.classification_head.cls_logits.bias", 1, {9 * 91}, 1},
        {"head.regression_head.bbox_reg.bias", 1, {36}, 0.5f},
    };
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 4);
    struct load_report report;
    char path[64];
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, 3, entries, 0, NULL);
    const char *parts[] = {"cls_logits", "819", "36", "model.allow_class_change", NULL};
    expect_error(&f, path, &strict, parts);
    MUST(load_weights(f.detector, path, &fine_tune, &report));
    cr_expect_eq(report.loaded.n, 1);
    cr_expect_eq(report.reinitialised.n, 2);
    cr_expect_float_eq(first_value(&f, "head.classification_head.cls_logits.bias"),
                       (float)-log(99), 1e-6f);
    load_report_free(&report);
    // Not class-dependent: its first axis must fit.
    entries[2].shape[0] = 24;
    write_file(path, 3, entries, 0, NULL);
    const char *boxes[] = {"bbox_reg.bias", "24", "36", NULL};
    expect_error(&f, path, &fine_tune, boxes);
    unlink(path);
    fixture_destroy(&f);
}

Test(load_weights, refusals)
{
    struct entry entries[] = {
        {"head.regression_head.conv.2.bias", 1, {256}, 1},
        {"head.regression_head.conv.1.0.bias", 1, {256}, 2},
    };
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 4);
    char path[64];
    fixture_create(&f, &config);
    fixture_path(path);
    write_file(path, 2, entries, 0, NULL);
    const char *twice[] = {"conv.2.bias", "conv.1.0.bias", "both", NULL};
    expect_error(&f, path, &strict, twice);
    entries[0].value = NAN;
    write_file(path, 1, entries, 0, NULL);
    const char *not_finite[] = {"conv.2.bias[0]", "nan", NULL};
    expect_error(&f, path, &strict, not_finite);
    entries[0].name = "fc.bias";
    write_file(path, 1, entries, 0, NULL);
    const char *nothing[] = {path, "none of its 1 tensors", NULL};
    expect_error(&f, path, &strict, nothing);
    unlink(path);
    fixture_destroy(&f);
}

Test(load_weights, metadata)
{
    struct entry entries[] = {{"conv1.weight", 1, {1}, 1}};
    const struct st_meta good[] = {
        {"arch", "resnet50"}, {"bn_eps", "0"}, {"stride_in_1x1", "true"}};
    const struct st_meta bad[][1] = {
        {{"bn_eps", "tiny"}}, {{"bn_eps", "-1"}}, {{"bn_eps", ""}}, {{"stride_in_1x1", "1"}}};
    struct weights_info info;
    char path[64];
    fixture_path(path);
    write_file(path, 1, entries, 3, good);
    MUST(weights_peek(path, &info));
    cr_expect_str_eq(info.arch, "resnet50");
    cr_expect(info.has_bn_eps && info.bn_eps == 0 && info.has_stride_in_1x1 && info.stride_in_1x1);
    write_file(path, 1, entries, 0, NULL);
    MUST(weights_peek(path, &info));
    cr_expect(!info.has_bn_eps && !info.has_stride_in_1x1 && info.arch[0] == '\0');
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file(path, 1, entries, 1, bad[i]);
        cr_expect_eq(weights_peek(path, &info), ERR_DATA);
        cr_expect(strstr(fail_message(), bad[i][0].key) != NULL, "%s", fail_message());
    }
    unlink(path);
    cr_expect_eq(weights_peek(path, &info), ERR_IO);
}

struct known_file {
    const char *name;
    int depth;
    size_t loaded, unused;
    int n_calmed;
};

static void check_file(const struct known_file *known)
{
    struct fixture f;
    struct detector_config config = fixture_config(known->depth, NORM_FROZEN_BN, 4);
    struct weights_info info;
    struct load_report report;
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/weights/%s", TARN_SHARED_DATA, known->name);
    if (!file_exists(path)) cr_skip_test("%s is absent", path);
    MUST(weights_peek(path, &info));
    config.backbone.stride_in_1x1 = info.stride_in_1x1;
    fixture_create(&f, &config);
    MUST(load_weights(f.detector, path, &strict, &report));
    cr_expect_eq(report.loaded.n, known->loaded, "%zu loaded", report.loaded.n);
    cr_expect_eq(report.unused.n, known->unused, "%zu unused", report.unused.n);
    cr_expect_eq(report.loaded.n + report.missing.n, detector_params(f.detector)->n);
    cr_expect_eq(report.n_calmed, known->n_calmed, "%d calmed", report.n_calmed);
    load_report_free(&report);
    fixture_destroy(&f);
}

Test(load_weights, partial_resnet18)
{
    check_file(&(struct known_file){"resnet18_imagenet_partial.safetensors", 18, 80, 2, 2});
}

Test(load_weights, partial_resnet50)
{
    check_file(&(struct known_file){"resnet50_imagenet_partial.safetensors", 50, 220, 0, 3});
}
