#include "train/session.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "detect/load_weights.h"
#include "nn/safetensors.h"
#include "nn/tape.h"
#include "train/checkpoint.h"

enum { COCO_CHANNELS = 91 };

void session_close(struct session *session)
{
    if (!session) return;
    tape_destroy(session->tape);
    detector_destroy(session->detector);
    backend_destroy(session->backend);
    coco_dataset_destroy(session->train);
    coco_dataset_destroy(session->val);
    classes_free(&session->classes);
    mem_free(session);
}

static int resnet_depth(int type)
{
    static const int depths[] = {18, 34, 50, 101, 152};
    return depths[type];
}

static void detector_config_of(const struct config *config, struct detector_config *out)
{
    *out = (struct detector_config){
        .type = (enum detector_type)config->model.type,
        .n_classes = (int)config->model.n_classes,
        .seed = (uint64_t)config->train.seed,
        .backbone =
            {
                .depth = resnet_depth(config->backbone.type),
                .norm = (enum norm_type)config->backbone.norm,
                .norm_eps = config->backbone.norm_eps,
                .gn_groups = (int)config->backbone.gn_groups,
                .stride_in_1x1 = config->backbone.stride_in_1x1 == STRIDE_1X1,
                .trainable_layers = (int)config->backbone.trainable_layers,
            },
        .retinanet =
            {
                .prior = config->retinanet.prior,
                .focal_alpha = config->retinanet.focal_alpha,
                .focal_gamma = config->retinanet.focal_gamma,
                .box_loss = config->retinanet.box_loss,
                .box_beta = config->retinanet.box_beta,
                .running_normalizer = config->retinanet.normalizer == NORMALIZER_RUNNING,
                .match_high = config->retinanet.match_high,
                .match_low = config->retinanet.match_low,
                .score_threshold = config->retinanet.score_threshold,
                .nms_threshold = config->retinanet.nms_threshold,
                .top_k = (int)config->retinanet.top_k,
                .max_detections = (int)config->retinanet.max_detections,
                .p6_from_c5 = config->retinanet.p6_from_c5,
            },
        .rpn =
            {
                .match_high = config->rpn.match_high,
                .match_low = config->rpn.match_low,
                .samples = (int)config->rpn.samples,
                .positive_fraction = config->rpn.positive_fraction,
                .box_loss = config->rpn.box_loss,
                .box_beta = config->rpn.box_beta,
                .fixed_normalizer = config->rpn.fixed_normalizer,
                .train_top_k = (int)config->rpn.train_top_k,
                .top_k = (int)config->rpn.top_k,
                .train_keep = (int)config->rpn.train_keep,
                .keep = (int)config->rpn.keep,
                .nms_threshold = config->rpn.nms_threshold,
            },
        .roi =
            {
                .match_iou = config->roi.match_iou,
                .samples = (int)config->roi.samples,
                .positive_fraction = config->roi.positive_fraction,
                .aligned = config->roi.aligned,
                .sampling_ratio = (int)config->roi.sampling_ratio,
                .box_loss = config->roi.box_loss,
                .box_beta = config->roi.box_beta,
                .class_agnostic = config->roi.class_agnostic,
                .score_threshold = config->roi.score_threshold,
                .nms_threshold = config->roi.nms_threshold,
                .max_detections = (int)config->roi.max_detections,
            },
        .mask = {.class_agnostic = config->mask.class_agnostic},
    };
    for (int i = 0; i < RPN_LEVELS; i++)
        out->rpn.anchor_sizes[i] = (int)config->rpn.anchor_sizes.v[i];
    for (int site = 0; site < N_POOL_SITES; site++)
        config_pool_layer(config, (enum pool_site)site, &out->backbone.pools[site]);
}

// Settles what the config leaves to the weights' metadata.
static enum status resolve(struct config *config, const char *weights)
{
    struct weights_info info = {.arch = ""};
    if (weights && weights[0]) TRY(weights_peek(weights, &info));
    if (config->backbone.norm_eps < 0)
        config->backbone.norm_eps = info.has_bn_eps ? info.bn_eps : 1e-5;
    if (config->backbone.stride_in_1x1 == STRIDE_AUTO) {
        bool in_1x1 = info.has_stride_in_1x1 && info.stride_in_1x1;
        config->backbone.stride_in_1x1 = in_1x1 ? STRIDE_1X1 : STRIDE_3X3;
    }
    return OK;
}

static enum status build(struct session *session)
{
    struct detector_config config;
    detector_config_of(&session->config, &config);
    TRY(backend_create_cpu((int)session->config.train.threads, &session->backend));
    TRY(tape_create(session->backend, &session->tape));
    return detector_create(&config, session->backend, &session->detector);
}

static void report_names(const char *what, const struct name_list *list)
{
    enum { SHOWN = 6 };
    if (list->n == 0) return;
    log_info("  %s: %zu", what, list->n);
    for (size_t i = 0; i < list->n && i < SHOWN; i++) log_info("    %s", list->names[i]);
    if (list->n > SHOWN) log_info("    ... and %zu more", list->n - SHOWN);
}

static enum status load_start_weights(struct session *session)
{
    const char *path = session->config.model.weights;
    struct load_options options = {session->config.model.allow_class_change};
    struct load_report report;
    TRY(load_weights(session->detector, path, &options, &report));
    log_info("%s: %zu tensors loaded", path, report.loaded.n);
    report_names("missing, freshly initialised", &report.missing);
    report_names("for other classes, freshly initialised", &report.reinitialised);
    report_names("unused", &report.unused);
    if (report.n_calmed)
        log_info("  residual branches with fresh layers, scaled down: %d", report.n_calmed);
    load_report_free(&report);
    return OK;
}

static enum status check_classes(struct session *session)
{
    int64_t *n = &session->config.model.n_classes;
    int needed = classes_channels(&session->classes);
    if (needed < 2 && *n == 0)
        return fail(ERR_DATA, "%s: no categories to train", session->train->path);
    if (*n == 0) *n = needed;
    if (*n < needed)
        return fail(ERR_USAGE, "model.n_classes: %lld channels, but %s needs %d (0 counts them)",
                    (long long)*n, session->train->path, needed);
    return OK;
}

static enum status load_training_data(struct session *session)
{
    const struct config *config = &session->config;
    if (!config->data.train_annotations[0])
        return fail(ERR_USAGE, "data.train_images and data.train_annotations must be set");
    TRY(coco_dataset_load(config->data.train_annotations, &session->train));
    TRY(classes_from_dataset(session->train, config->data.raw_labels, &session->classes));
    TRY(check_classes(session));
    if (!config->data.val_annotations[0]) return OK;
    TRY(coco_dataset_load(config->data.val_annotations, &session->val));
    classes_compare(&session->classes, session->val);
    return OK;
}

static enum status session_create(const struct config *config, struct session **session)
{
    struct session *s = (struct session *)mem_alloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    if (config)
        s->config = *config;
    else
        config_defaults(&s->config);
    *session = s;
    return OK;
}

enum status session_open_training(const struct config *config, bool load_start,
                                  struct session **session)
{
    struct session *s = NULL;
    enum status status = OK;
    GUARD(session_create(config, &s));
    GUARD(resolve(&s->config, config->model.weights));
    GUARD(load_training_data(s));
    GUARD(build(s));
    if (load_start && config->model.weights[0]) GUARD(load_start_weights(s));
    *session = s;
    return OK;
done:
    session_close(s);
    return status;
}

enum status session_open_model(const struct config *config, struct session **session)
{
    struct session *s = NULL;
    enum status status = OK;
    GUARD(session_create(config, &s));
    GUARD(resolve(&s->config, NULL));
    if (s->config.model.n_classes == 0) s->config.model.n_classes = COCO_CHANNELS;
    GUARD(build(s));
    *session = s;
    return OK;
done:
    session_close(s);
    return status;
}

static enum status load_all(struct session *session, const char *path)
{
    struct load_options options = {false};
    struct load_report report;
    TRY(load_weights(session->detector, path, &options, &report));
    enum status status = OK;
    if (report.missing.n)
        status = fail(ERR_DATA, "%s: %zu tensors of the model are missing, among them %s", path,
                      report.missing.n, report.missing.names[0]);
    load_report_free(&report);
    return status;
}

enum status session_open_checkpoint(const char *path, const char *config_path, int n_overrides,
                                    const char *const *overrides, struct session **session)
{
    struct session *s = NULL;
    enum status status = OK;
    GUARD(session_create(NULL, &s));
    if (config_path)
        GUARD(config_load(config_path, &s->config));
    else
        GUARD(checkpoint_read_config(path, &s->config, &s->classes));
    s->config.train.threads = 0; // this machine's, not those of the one that trained it
    GUARD(config_override(&s->config, n_overrides, overrides));
    GUARD(config_check(&s->config));
    GUARD(resolve(&s->config, path));
    if (s->config.model.n_classes == 0) s->config.model.n_classes = COCO_CHANNELS;
    GUARD(build(s));
    GUARD(load_all(s, path));
    *session = s;
    return OK;
done:
    session_close(s);
    return status;
}

enum status session_know_classes(struct session *session, const struct coco_dataset *dataset)
{
    if (session->classes.n) {
        classes_compare(&session->classes, dataset);
        return OK;
    }
    return classes_from_dataset(dataset, session->config.data.raw_labels, &session->classes);
}
