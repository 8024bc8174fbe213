#include "train/session.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "detect/load_weights.h"
#include "detect/paste_mask.h"
#include "nn/safetensors.h"
#include "nn/tape.h"
#include "train/checkpoint.h"
#include "train/class_source.h"
#include "train/detector_config.h"
#include "train/device.h"

enum { COCO_CHANNELS = 91, IMAGENET_CLASSES = 1000 };

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

static enum status build(struct session *session, const char *device)
{
    struct detector_config config;
    detector_config_from(&session->config, &config);
    TRY(device_open(device, (int)session->config.train.threads, &session->backend));
    TRY(device_set_precision(session->backend, session->config.train.precision));
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

// What Detectron2 computes in another way, and no file of weights says.
static void advise_detectron2(const struct config *config)
{
    bool is_retinanet = config->model.type == DETECTOR_RETINANET;
    bool is_mask = config->model.type == DETECTOR_MASK_RCNN;
    const struct {
        bool differs;
        const char *setting;
    } settings[] = {
        {config->model.anchors != ANCHORS_DETECTRON2, "model.anchors=detectron2"},
        {!is_retinanet && !config->roi.aligned, "roi.aligned=true"},
        {!is_retinanet && config->roi.sampling_ratio != 0, "roi.sampling_ratio=0"},
        {is_mask && config->mask.paste != PASTE_GRID, "mask.paste=grid"},
        {is_retinanet && config->retinanet.max_detections != 100, "retinanet.max_detections=100"},
    };
    log_info("  names of Detectron2: its values are mapped exactly");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (settings[i].differs)
            log_warn("to compute as Detectron2 by default, set %s", settings[i].setting);
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
    if (report.is_detectron2) advise_detectron2(&session->config);
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

static enum status load_class_images(struct session *session)
{
    const struct config *config = &session->config;
    TRY(class_source_load(config, true, NULL, &session->train));
    TRY(classes_from_dataset(session->train, true, &session->classes));
    TRY(check_classes(session));
    if (!config_has_validation_data(config)) return OK;
    return class_source_load(config, false, &session->classes, &session->val);
}

static enum status load_training_data(struct session *session)
{
    const struct config *config = &session->config;
    if (!config_has_training_data(config))
        return fail(ERR_USAGE, config_is_classifier(config)
                                   ? "data.train_images must be set, and data.train_annotations "
                                     "unless data.format=folder"
                                   : "data.train_images and data.train_annotations must be set");
    if (config_is_classifier(config)) return load_class_images(session);
    TRY(coco_dataset_load(config->data.train_annotations, &session->train));
    TRY(classes_from_dataset(session->train, config->data.raw_labels, &session->classes));
    TRY(check_classes(session));
    if (!config->data.val_annotations[0]) return OK;
    TRY(coco_dataset_load(config->data.val_annotations, &session->val));
    classes_compare(&session->classes, session->val);
    return OK;
}

// What the optimiser keeps beside the velocity.
static enum status prepare_training(struct session *session)
{
    struct params *params = detector_params(session->detector);
    if (session->config.train.optimizer == OPTIMIZER_ADAMW) TRY(params_need_second(params));
    return session->config.train.ema > 0 ? params_need_average(params) : OK;
}

enum status session_use_average(struct session *session, bool average)
{
    struct params *params = detector_params(session->detector);
    if (!params->average) return OK;
    params_use_average(params, average);
    return detector_refresh(session->detector);
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

enum status session_open_training(const struct config *config, const char *device, bool load_start,
                                  struct session **session)
{
    struct session *s = NULL;
    enum status status = OK;
    GUARD(session_create(config, &s));
    GUARD(resolve(&s->config, config->model.weights));
    GUARD(load_training_data(s));
    GUARD(build(s, device));
    if (load_start && config->model.weights[0]) GUARD(load_start_weights(s));
    GUARD(prepare_training(s));
    *session = s;
    return OK;
done:
    session_close(s);
    return status;
}

static void assume_classes(struct config *config)
{
    if (config->model.n_classes) return;
    config->model.n_classes = config_is_classifier(config) ? IMAGENET_CLASSES : COCO_CHANNELS;
}

enum status session_open_model(const struct config *config, const char *device,
                               struct session **session)
{
    struct session *s = NULL;
    enum status status = OK;
    GUARD(session_create(config, &s));
    GUARD(resolve(&s->config, NULL));
    assume_classes(&s->config);
    GUARD(build(s, device));
    *session = s;
    return OK;
done:
    session_close(s);
    return status;
}

static bool exchanges_pools(int n_overrides, const char *const *overrides)
{
    static const char section[] = "backbone.pool.";
    for (int i = 0; i < n_overrides; i++)
        if (strncmp(overrides[i], section, sizeof section - 1) == 0) return true;
    return false;
}

static enum status load_all(struct session *session, const char *path, bool exchanges)
{
    struct load_options options = {false};
    struct load_report report;
    TRY(load_weights(session->detector, path, &options, &report));
    enum status status = OK;
    if (report.is_detectron2) advise_detectron2(&session->config);
    if (report.missing.n && exchanges)
        status = fail(ERR_DATA,
                      "%s holds no %s (%zu tensors are missing in all): the pooling layer put in "
                      "has parameters that must be trained; choose one without",
                      path, report.missing.names[0], report.missing.n);
    else if (report.missing.n)
        status = fail(ERR_DATA, "%s: %zu tensors of the model are missing, among them %s", path,
                      report.missing.n, report.missing.names[0]);
    else if (exchanges)
        report_names("of the pooling layer taken out, unused", &report.unused);
    load_report_free(&report);
    return status;
}

enum status session_open_checkpoint(const char *path, const char *config_path, const char *device,
                                    int n_overrides, const char *const *overrides,
                                    struct session **session)
{
    struct session *s = NULL;
    enum status status = OK;
    GUARD(session_create(NULL, &s));
    if (config_path)
        GUARD(config_load(config_path, &s->config));
    else
        GUARD(checkpoint_read_config(path, &s->config, &s->classes));
    s->config.train.threads = 0; // this machine's, not those of the one that trained it
    if (!device_is_gpu(device)) s->config.train.precision = PRECISION_F32;
    GUARD(config_override(&s->config, n_overrides, overrides));
    GUARD(config_check(&s->config));
    GUARD(resolve(&s->config, path));
    assume_classes(&s->config);
    GUARD(build(s, device));
    GUARD(load_all(s, path, exchanges_pools(n_overrides, overrides)));
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
    bool raw_labels = session->config.data.raw_labels || config_is_classifier(&session->config);
    return classes_from_dataset(dataset, raw_labels, &session->classes);
}
