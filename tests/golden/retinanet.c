// RetinaNet against torchvision: maps, detections, losses, gradients, five steps of SGD.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/field.h"
#include "base/mem.h"
#include "compare.h"
#include "detect/detector.h"
#include "values.h"

static const double TOLERANCE = 1e-4;
enum { N_STEPS = 5, N_LEVELS = 5 };

struct fixture {
    const char *case_name;
    enum norm_type norm;
    int depth;
    struct golden golden;
    struct backend *backend;
    struct tape *tape;
    struct detector *detector;
    struct params *params;
    struct batch batch;
    int n_logits, n_deltas; // levels seen by the observer
};

#define MUST(expression) cr_assert((expression) == OK, "%s", fail_message())

static void open_case(struct fixture *f, const char *name, int depth, enum norm_type norm,
                      int trainable_layers, const struct pool *stem)
{
    *f = (struct fixture){.case_name = name, .norm = norm, .depth = depth};
    golden_open(name, &f->golden);
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
    MUST(backend_create_cpu(0, &f->backend));
    MUST(tape_create(f->backend, &f->tape));
    MUST(detector_create(&config, f->backend, &f->detector));
    f->params = detector_params(f->detector);
}

static void set_values(struct fixture *f, const char *seed_key,
                       const struct golden_geometry *geometry)
{
    uint64_t seed = (uint64_t)golden_number(&f->golden, seed_key);
    MUST(golden_set_params(seed, f->params));
    MUST(golden_batch(seed, geometry, &f->batch));
}

// Biases chosen so that no ReLU meets a value near 0, where rounding decides.
static void set_biases(struct fixture *f)
{
    static const char prefix[] = "bias.";
    for (size_t i = 0; i < f->golden.file.n_tensors; i++) {
        const char *name = f->golden.file.tensors[i].name;
        size_t n;
        if (strncmp(name, prefix, sizeof prefix - 1) != 0) continue;
        struct param *param = params_find(f->params, name + sizeof prefix - 1);
        float *values = golden_read(&f->golden, name, &n);
        cr_assert(param != NULL && n == tensor_count(&param->tensor), "%s", name);
        MUST(params_set(f->params, param, values));
        mem_free(values);
    }
}

static void close_case(struct fixture *f)
{
    golden_batch_free(&f->batch);
    detector_destroy(f->detector);
    tape_destroy(f->tape);
    backend_destroy(f->backend);
    golden_close(&f->golden);
}

static void compare_tensor(struct fixture *f, const char *name, const struct tensor *t)
{
    float *host = mem_alloc(tensor_count(t), sizeof *host);
    cr_assert(host && f->backend->download(f->backend, host, t->data, tensor_bytes(t)) == OK);
    golden_compare(&f->golden, name, 0, name, host, tensor_count(t), TOLERANCE);
    mem_free(host);
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
        compare_tensor(f, "canvas", call->in[0]);
    if (node->op == OP_pool) compare_tensor(f, "stem", call->out[0]);
    if (node->op == OP_select_detections && call->in[0]->shape[1] == f->batch.height / 8)
        compare_tensor(f, "anchors", call->in[2]);
    if (call->n_in < 2 || !call->in[1] || !call->in[1]->name) return;
    const char *name = output_name(f, call->in[1]->name, text);
    if (name) compare_tensor(f, name, call->out[0]);
}

// Every detection of torchvision must be among ours; equal scores may come in another order.
static void compare_detections(struct fixture *f, const struct detections *found, int image)
{
    char name[32];
    size_t n, n_boxes, n_labels;
    snprintf(name, sizeof name, "detections%d.scores", image);
    float *scores = golden_read(&f->golden, name, &n);
    snprintf(name, sizeof name, "detections%d.boxes", image);
    float *boxes = golden_read(&f->golden, name, &n_boxes);
    snprintf(name, sizeof name, "detections%d.labels", image);
    float *labels = golden_read(&f->golden, name, &n_labels);
    cr_assert(n_boxes == 4 * n && n_labels == n);
    cr_expect((size_t)found->counts[image] == n, "%d detections, expected %zu",
              found->counts[image], n);
    size_t first = (size_t)image * (size_t)found->capacity;
    for (size_t k = 0; k < n && k < (size_t)found->counts[image]; k++) {
        cr_expect_float_eq(found->scores[first + k], scores[k], 1e-4f);
        double best = INFINITY;
        for (size_t i = first; i < first + (size_t)found->counts[image]; i++) {
            if (found->labels[i] != (int32_t)labels[k]) continue;
            double worst = fabs((double)(found->scores[i] - scores[k]));
            for (size_t j = 0; j < 4; j++) // of image sizes around 100
                worst = fmax(worst,
                             fabs((double)(found->boxes[4 * i + j] - boxes[4 * k + j])) / 100);
            best = fmin(best, worst);
        }
        cr_expect(best <= TOLERANCE, "image %d, detection %zu: the closest is off by %.2g", image,
                  k, best);
    }
    mem_free(scores);
    mem_free(boxes);
    mem_free(labels);
}

static void check_inference(struct fixture *f)
{
    struct detections found;
    set_values(f, "seed", &golden_large);
    MUST(detector_refresh(f->detector));
    f->tape->observer = (struct tape_observer){.context = f, .after = compare_layer};
    MUST(detector_detect(f->detector, f->tape, &f->batch, &found));
    cr_expect(f->n_logits == N_LEVELS && f->n_deltas == N_LEVELS);
    cr_expect(f->golden.n_compared == 21, "%d tensors compared", f->golden.n_compared);
    for (int i = 0; i < GOLDEN_IMAGES; i++) compare_detections(f, &found, i);
    detections_free(&found);
    close_case(f);
}

static void add_targets(struct fixture *f)
{
    for (int i = 0; i < GOLDEN_IMAGES; i++) {
        char name[32];
        size_t n, n_boxes;
        snprintf(name, sizeof name, "targets%d.labels", i);
        float *labels = golden_read(&f->golden, name, &n);
        snprintf(name, sizeof name, "targets%d.boxes", i);
        float *boxes = golden_read(&f->golden, name, &n_boxes);
        golden_add_objects(&f->batch, i, (int)n, boxes, labels);
        mem_free(labels);
        mem_free(boxes);
    }
}

// Values of the parameters that the file lists under metadata `key`, one a line, in turn.
static void for_each_listed(struct fixture *f, const char *key,
                            void (*visit)(struct fixture *, struct param *, size_t row))
{
    const char *line = st_meta(&f->golden.file, key);
    cr_assert(line != NULL);
    for (size_t row = 0; *line; row++) {
        char name[128];
        size_t n = strcspn(line, "\n");
        cr_assert(n < sizeof name);
        memcpy(name, line, n);
        name[n] = '\0';
        struct param *param = params_find(f->params, name);
        cr_assert(param != NULL, "no parameter %s", name);
        visit(f, param, row);
        line += n + (line[n] == '\n');
    }
}

static void compare_gradient(struct fixture *f, struct param *param, size_t row)
{
    cr_assert(param->trainable && param->tensor.grad, "%s is frozen", param->name);
    golden_compare(&f->golden, "gradients", row, param->name, param->tensor.grad,
                   tensor_count(&param->tensor), TOLERANCE);
}

static void compare_parameter(struct fixture *f, struct param *param, size_t row)
{
    size_t n = tensor_count(&param->tensor);
    golden_compare(&f->golden, "parameters", row, param->name, param->tensor.data, n, TOLERANCE);
    golden_compare(&f->golden, "velocity", row, param->name, f->params->velocity + param->offset,
                   n, TOLERANCE);
}

static void compare_running(struct fixture *f, struct param *param, size_t row)
{
    golden_compare(&f->golden, "running", row, param->name, param->tensor.data,
                   tensor_count(&param->tensor), TOLERANCE);
}

static void compare_matches(void *context, const struct tape_node *node, bool is_backward)
{
    struct fixture *f = context;
    if (is_backward || node->op != OP_match_anchors) return;
    size_t n;
    float *want = golden_read(&f->golden, "matched", &n);
    const int32_t *got = node->call.out[0]->data;
    cr_assert(n == tensor_count(node->call.out[0]));
    for (size_t i = 0; i < n; i++)
        cr_expect(got[i] + 2 == (int32_t)want[i], "anchor %zu: %d, expected %g", i, got[i],
                  (double)want[i] - 2);
    mem_free(want);
}

static void compare_losses(struct fixture *f, const struct detector_losses *losses, int step)
{
    size_t n;
    float *want = golden_read(&f->golden, "losses", &n);
    double sums[2] = {0};
    cr_assert(losses->n == 2 && n == 2 * (N_STEPS + 1));
    for (int i = 0; i < losses->n_roots; i++) {
        float value;
        MUST(f->backend->download(f->backend, &value, losses->roots[i]->data, sizeof value));
        sums[losses->root_loss[i]] += (double)value;
    }
    for (int i = 0; i < 2; i++) {
        double expected = (double)want[2 * step + i];
        cr_expect(fabs(sums[i] - expected) <= TOLERANCE * expected,
                  "step %d: %s loss %.9g, expected %.9g", step, losses->names[i], sums[i],
                  expected);
    }
    mem_free(want);
}

static void descend(struct fixture *f, bool first_step)
{
    struct params *p = f->params;
    int64_t n = (int64_t)p->group_begin[N_PARAM_GROUPS];
    struct tensor values = tensor_wrap(DTYPE_F32, 1, &n, p->values);
    struct tensor grads = tensor_wrap(DTYPE_F32, 1, &n, p->grads);
    struct tensor velocity = tensor_wrap(DTYPE_F32, 1, &n, p->velocity);
    struct sgd_args args = {
        .lr = (float)golden_number(&f->golden, "lr"),
        .momentum = (float)golden_number(&f->golden, "momentum"),
        .weight_decay = (float)golden_number(&f->golden, "weight_decay"),
        .first_step = first_step,
    };
    MUST(sgd_step(f->tape, &values, &grads, &velocity, NULL, &args));
    f->backend->params_changed(f->backend);
}

static void check_training(struct fixture *f)
{
    struct params *p = f->params;
    set_values(f, "training_seed", &golden_small);
    set_biases(f);
    MUST(detector_refresh(f->detector));
    add_targets(f);
    f->tape->observer = (struct tape_observer){.context = f, .after = compare_matches};
    for (int step = 0; step <= N_STEPS; step++) {
        struct detector_losses losses;
        f->tape->recording = f->tape->training = true;
        params_zero_grad(p);
        MUST(detector_losses(f->detector, f->tape, &f->batch, &losses));
        compare_losses(f, &losses, step);
        MUST(tape_backward(f->tape, losses.n_roots, losses.roots, 1));
        MUST(params_finish_grad(p));
        if (step == 0) for_each_listed(f, "parameters", compare_gradient);
        f->tape->recording = f->tape->training = false;
        tape_reset(f->tape);
        if (step < N_STEPS) descend(f, step == 0);
        f->tape->observer = (struct tape_observer){0};
    }
    for_each_listed(f, "parameters", compare_parameter);
    for_each_listed(f, "running", compare_running);
    close_case(f);
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
