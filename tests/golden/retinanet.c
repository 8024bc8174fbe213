// RetinaNet against torchvision: maps, detections, losses, gradients, five steps of SGD.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/field.h"
#include "base/mem.h"
#include "run.h"

enum { N_LEVELS = 5 };

struct fixture {
    struct golden_run run; // first: observers get it
    enum norm_type norm;
    int depth;
    int n_logits, n_deltas; // levels seen by the observer
};

static void open_case(struct fixture *f, const char *name, int depth, enum norm_type norm,
                      int trainable_layers, const struct pool *stem)
{
    *f = (struct fixture){.norm = norm, .depth = depth};
    struct detector_config config = {
        .type = DETECTOR_RETINANET,
        .backbone = {.depth = depth,
                     .norm = norm,
                     .norm_eps = 1e-5,
                     .gn_groups = 32,
                     .trainable_layers = trainable_layers},
        .n_classes = GOLDEN_CLASSES,
        .seed = 1,
        .retinanet = {.prior = 0.01,
                      .focal_alpha = 0.25,
                      .focal_gamma = 2,
                      .match_high = 0.5,
                      .match_low = 0.4,
                      .score_threshold = 0.05,
                      .nms_threshold = 0.5,
                      .top_k = 1000,
                      .max_detections = 300},
    };
    if (stem) config.backbone.pools[POOL_STEM] = *stem;
    golden_run_open(&f->run, name, &config);
}

// The golden name of what the layer with this weight computes; NULL: none.
static const char *output_name(struct fixture *f, const char *weight, char text[16])
{
    static const int blocks18[] = {2, 2, 2, 2}, blocks50[] = {3, 4, 6, 3};
    const int *blocks = f->depth == 18 ? blocks18 : blocks50;
    const char *last = f->norm == NORM_FROZEN_BN ? "conv" : "bn";
    int n_convs = f->depth == 18 ? 2 : 3, level;
    char name[128];
    for (int stage = 1; stage < 4; stage++) {
        snprintf(name, sizeof name, "backbone.body.layer%d.%d.%s%d.weight", stage + 1,
                 blocks[stage] - 1, last, n_convs);
        snprintf(text, 16, "c%d", stage + 2);
        if (strcmp(weight, name) == 0) return text;
    }
    if (sscanf(weight, "backbone.fpn.layer_blocks.%d.0.weight", &level) == 1 ||
        sscanf(weight, "backbone.fpn.extra_blocks.p%d.weight", &level) == 1) {
        snprintf(text, 16, "p%d", level < 6 ? level + 3 : level);
        return text;
    }
    if (strcmp(weight, "head.classification_head.cls_logits.weight") == 0)
        snprintf(text, 16, "logits%d", f->n_logits++);
    else if (strcmp(weight, "head.regression_head.bbox_reg.weight") == 0)
        snprintf(text, 16, "deltas%d", f->n_deltas++);
    else
        return NULL;
    return text;
}

static void compare_layer(void *context, const struct tape_node *node, bool is_backward)
{
    struct fixture *f = context;
    const struct op_call *call = &node->call;
    char text[16];
    if (is_backward) return;
    if (node->op == OP_conv2d && call->in[0]->shape[3] == 3)
        golden_run_compare(&f->run, "canvas", call->in[0]);
    if (node->op == OP_pool) golden_run_compare(&f->run, "stem", call->out[0]);
    if (node->op == OP_select_detections && call->in[0]->shape[1] == f->run.batch.height / 8)
        golden_run_compare(&f->run, "anchors", call->in[2]);
    if (call->n_in < 2 || !call->in[1] || !call->in[1]->name) return;
    const char *name = output_name(f, call->in[1]->name, text);
    if (name) golden_run_compare(&f->run, name, call->out[0]);
}

static void check_inference(struct fixture *f)
{
    struct detections found;
    struct golden_run *run = &f->run;
    golden_run_set(run, "seed", &golden_large, NULL);
    run->tape->observer = (struct tape_observer){.context = f, .after = compare_layer};
    MUST(detector_detect(run->detector, run->tape, &run->batch, &found));
    cr_expect(f->n_logits == N_LEVELS && f->n_deltas == N_LEVELS);
    cr_expect(run->golden.n_compared == 21, "%d tensors compared", run->golden.n_compared);
    for (int i = 0; i < GOLDEN_IMAGES; i++) golden_run_compare_detections(run, &found, i);
    detections_free(&found);
    golden_run_close(run);
}

static void compare_matches(void *context, const struct tape_node *node, bool is_backward)
{
    struct golden_run *run = context;
    if (is_backward || node->op != OP_match_anchors) return;
    size_t n;
    float *want = golden_read(&run->golden, "matched", &n);
    int32_t *got = golden_run_download(run, node->call.out[0]);
    cr_assert(n == tensor_count(node->call.out[0]));
    for (size_t i = 0; i < n; i++)
        cr_expect(got[i] + 2 == (int32_t)want[i], "anchor %zu: %d, expected %g", i, got[i],
                  (double)want[i] - 2);
    mem_free(got);
    mem_free(want);
}

static void check_training(struct fixture *f)
{
    struct golden_run *run = &f->run;
    golden_run_set(run, "training_seed", &golden_small, "bias.");
    golden_run_add_targets(run);
    run->tape->observer = (struct tape_observer){.context = run, .after = compare_matches};
    golden_run_train(run, 2, NULL);
    golden_run_close(run);
}

// With the pool's default parameters.
static struct pool soft_pool(int kernel, int padding)
{
    struct pool pool = {.def = pool_find("soft"), .window = window_square(kernel, 2, padding)};
    cr_assert(pool.def != NULL);
    fields_defaults(pool.def->fields, pool.args);
    return pool;
}

#define CASE(name, depth, norm, trainable, stem)                                                   \
    Test(golden, name##_inference)                                                                 \
    {                                                                                              \
        struct fixture f;                                                                          \
        open_case(&f, #name, depth, norm, trainable, stem);                                        \
        check_inference(&f);                                                                       \
    }                                                                                              \
    Test(golden, name##_training)                                                                  \
    {                                                                                              \
        struct fixture f;                                                                          \
        open_case(&f, #name, depth, norm, trainable, stem);                                        \
        check_training(&f);                                                                        \
    }

#define SOFT(kernel, padding) (struct pool[]){soft_pool(kernel, padding)}

CASE(r18_frozen_bn, 18, NORM_FROZEN_BN, 3, NULL)
CASE(r18_bn, 18, NORM_BN, 5, NULL)
CASE(r18_gn, 18, NORM_GN, 5, NULL)
CASE(r18_soft2, 18, NORM_FROZEN_BN, 5, SOFT(2, 0))
CASE(r18_soft3, 18, NORM_FROZEN_BN, 5, SOFT(3, 1))
CASE(r50_frozen_bn, 50, NORM_FROZEN_BN, 5, NULL)
