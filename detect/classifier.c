// An image classifier: torchvision's ResNet with its names, and auxiliary classifiers on earlier
// stages (FlexPooling with SAC, VISAPP 2023), which only training computes.
#include <inttypes.h>
#include <stdio.h>

#include "backbone/site_pool.h"
#include "detect/batch_upload.h"
#include "detect/detector_kind.h"
#include "detect/layer.h"
#include "nn/ops_map.h"

enum { N_STAGES = 4, MAX_HEADS = CLASSIFIER_MAX_AUX + 1 };

// A pool and a linear layer behind a stage.
struct head {
    int stage; // 0..3
    float weight;
    struct pool *pool; // owned
    struct layer fc;
};

struct classifier {
    struct detector base;
    struct resnet *resnet;
    struct head heads[MAX_HEADS]; // auxiliary ones in the order of stages, then the last
    int n_heads;
};

static const char *const class_tensors[] = {
    "fc.weight",           "fc.bias",           "aux.layer1.fc.weight", "aux.layer1.fc.bias",
    "aux.layer2.fc.weight", "aux.layer2.fc.bias", "aux.layer3.fc.weight", "aux.layer3.fc.bias",
    NULL,
};

static enum status declare_head(struct classifier *net, int stage, double weight,
                                const struct pool *chosen, const char *prefix,
                                const char *pool_name)
{
    struct head *head = &net->heads[net->n_heads];
    struct params *params = net->base.params;
    const int chw[3] = {resnet_channels(net->resnet, stage), 1, 1};
    struct pool average = {.def = pool_find("avg"), .window = window_square(0, 1, 0)};
    char pool[64], fc[64];
    if (!chosen->def) chosen = &average;
    if (!chosen->def) return fail(ERR_UNSUPPORTED, "a classifier needs average pooling");
    snprintf(pool, sizeof pool, "%s%s.", prefix, pool_name);
    snprintf(fc, sizeof fc, "%sfc", prefix);
    *head = (struct head){.stage = stage, .weight = (float)weight};
    TRY(site_pool_create(chosen, POOL_GLOBAL, CLASSIFIER_POOL_INDEX + net->n_heads, params, pool,
                         chw[0], &head->pool));
    net->n_heads++;
    return layer_declare_linear(params, fc, net->base.config.n_classes, chw, &head->fc);
}

static enum status check_config(const struct detector_config *config)
{
    int n = config->classifier.n_aux, last = 0;
    if (config->n_classes < 2)
        return fail(ERR_USAGE, "a classifier of %d classes, expected at least 2",
                    config->n_classes);
    if (n < 0 || n > CLASSIFIER_MAX_AUX)
        return fail(ERR_USAGE, "%d auxiliary classifiers, expected 0 to %d", n,
                    (int)CLASSIFIER_MAX_AUX);
    for (int i = 0; i < n; i++) {
        int stage = config->classifier.aux_stages[i];
        if (stage <= last || stage >= N_STAGES)
            return fail(ERR_USAGE, "auxiliary classifiers stand behind stages 1 to %d, in this "
                                   "order and once each, not behind %d",
                        N_STAGES - 1, stage);
        last = stage;
    }
    return OK;
}

static enum status classifier_build(struct detector *detector)
{
    struct classifier *net = (struct classifier *)detector;
    const struct detector_config *config = &detector->config;
    const struct pool *pools = config->backbone.pools;
    const struct pool *aux_pool = pools[POOL_AUX].def ? &pools[POOL_AUX] : &pools[POOL_GLOBAL];
    int n_aux = config->classifier.n_aux;
    TRY(check_config(config));
    TRY(resnet_create(&config->backbone, detector->params, "", &net->resnet));
    for (int i = 0; i < n_aux; i++) {
        char prefix[32];
        int stage = config->classifier.aux_stages[i];
        snprintf(prefix, sizeof prefix, "aux.layer%d.", stage);
        TRY(declare_head(net, stage - 1, config->classifier.weights[i], aux_pool, prefix, "pool"));
    }
    double weight = n_aux ? config->classifier.weights[n_aux] : 1;
    return declare_head(net, N_STAGES - 1, weight, &pools[POOL_GLOBAL], "", "avgpool");
}

static void classifier_free(struct detector *detector)
{
    struct classifier *net = (struct classifier *)detector;
    for (int i = 0; i < net->n_heads; i++) site_pool_destroy(net->heads[i].pool);
    resnet_destroy(net->resnet);
}

static enum status classifier_refresh(struct detector *detector)
{
    return resnet_refresh(((struct classifier *)detector)->resnet);
}

static enum status classifier_calm(struct detector *detector, float factor, int *n_scaled)
{
    return resnet_calm_fresh_branches(((struct classifier *)detector)->resnet, factor, n_scaled);
}

// c[stage]: the stages of heads `first` to the last.
static enum status run_stages(struct classifier *net, struct tape *tape, struct tensor *images,
                              int first, struct tensor *c[N_STAGES])
{
    bool want[N_STAGES] = {false};
    TRY(batch_cast_images(tape, net->base.config.bf16, &images));
    for (int i = first; i < net->n_heads; i++) want[net->heads[i].stage] = true;
    return resnet_forward(net->resnet, tape, images, want, c);
}

static enum status run_head(const struct head *head, struct tape *tape, struct tensor *x,
                            struct tensor **logits)
{
    static const struct linear_args args = {.f32_output = true};
    struct tensor *pooled = NULL;
    TRY(site_pool_forward(head->pool, tape, x, &pooled));
    tape_drop(tape, x);
    TRY(linear(tape, pooled, head->fc.weight, head->fc.bias, &args, logits));
    tape_drop(tape, pooled);
    return OK;
}

// Of the last head alone, the one that classifies.
static enum status run_last(struct classifier *net, struct tape *tape, struct tensor *images,
                            struct tensor **logits)
{
    struct tensor *c[N_STAGES];
    TRY(run_stages(net, tape, images, net->n_heads - 1, c));
    return run_head(&net->heads[net->n_heads - 1], tape, c[N_STAGES - 1], logits);
}

struct targets {
    struct tensor *labels, *count; // (N) and (1) i32
};

static enum status upload_targets(struct classifier *net, struct tape *tape,
                                  const struct batch *batch, struct targets *targets)
{
    const int64_t n = batch->n, one = 1;
    const int32_t count = batch->n;
    if (batch->max_objects != 1)
        return fail(ERR_DATA, "%d objects in an image, a classifier learns one class each",
                    batch->max_objects);
    for (int i = 0; i < batch->n; i++)
        if (batch->counts[i] != 1 || batch->labels[i] < 0 ||
            batch->labels[i] >= net->base.config.n_classes)
            return fail(ERR_DATA, "image %" PRId64 ": label %d, but the model has classes 0 to %d",
                        batch->image_ids[i], (int)batch->labels[i],
                        net->base.config.n_classes - 1);
    TRY(tape_upload(tape, DTYPE_I32, 1, &one, &count, &targets->count));
    return tape_upload(tape, DTYPE_I32, 1, &n, batch->labels, &targets->labels);
}

static void add_loss(struct detector_losses *losses, const char *name, struct tensor *loss)
{
    int i = 0;
    while (i < losses->n && losses->names[i] != name) i++;
    if (i == losses->n) losses->names[losses->n++] = name;
    losses->root_loss[losses->n_roots] = i;
    losses->roots[losses->n_roots++] = loss;
}

static enum status head_loss(struct classifier *net, int i, struct tape *tape, struct tensor *x,
                             const struct targets *targets, struct detector_losses *losses)
{
    static const char *const aux_names[] = {"aux1", "aux2", "aux3"};
    static const char penalty_name[] = "penalty";
    const struct head *head = &net->heads[i];
    const struct softmax_loss_args args = {(float)net->base.config.classifier.label_smoothing};
    bool is_last = i == net->n_heads - 1;
    struct tensor *logits = NULL, *loss = NULL, *penalty = NULL;
    TRY(run_head(head, tape, x, &logits));
    TRY(softmax_loss(tape, logits, targets->labels, targets->count, &args, &loss));
    if (head->weight != 1.0f) {
        struct tensor *whole = loss;
        TRY(combine(tape, whole, whole, &(const struct combine_args){head->weight, 0.0f}, &loss));
    }
    add_loss(losses, is_last ? "classification" : aux_names[head->stage], loss);
    if (!head->pool->def->loss) return OK;
    TRY(head->pool->def->loss(tape, head->pool, &penalty));
    if (penalty) add_loss(losses, penalty_name, penalty);
    return OK;
}

static enum status classifier_losses(struct detector *detector, struct tape *tape,
                                     const struct batch *batch, struct detector_losses *losses)
{
    struct classifier *net = (struct classifier *)detector;
    struct tensor *images = NULL, *c[N_STAGES];
    struct detector_losses made = {0};
    struct targets targets;
    TRY(upload_targets(net, tape, batch, &targets));
    TRY(batch_upload_images(tape, batch, &images));
    TRY(run_stages(net, tape, images, 0, c));
    for (int i = net->n_heads - 1; i >= 0; i--)
        TRY(head_loss(net, i, tape, c[net->heads[i].stage], &targets, &made));
    *losses = made;
    return OK;
}

static enum status classifier_classify(struct detector *detector, struct tape *tape,
                                       const struct batch *batch, float *logits)
{
    struct classifier *net = (struct classifier *)detector;
    struct backend *backend = detector->backend;
    struct tensor *images = NULL, *out = NULL;
    TRY(batch_upload_images(tape, batch, &images));
    TRY(run_last(net, tape, images, &out));
    return backend->download(backend, logits, out->data, tensor_bytes(out));
}

static enum status classifier_forward(struct detector *detector, struct tape *tape,
                                      struct tensor *images)
{
    struct tensor *logits = NULL;
    TRY(run_last((struct classifier *)detector, tape, images, &logits));
    tape_drop(tape, logits);
    return OK;
}

const struct detector_kind detector_classifier = {
    .name = "classifier",
    .bytes = sizeof(struct classifier),
    .class_tensors = class_tensors,
    .build = classifier_build,
    .free = classifier_free,
    .refresh = classifier_refresh,
    .calm = classifier_calm,
    .losses = classifier_losses,
    .classify = classifier_classify,
    .forward = classifier_forward,
};
