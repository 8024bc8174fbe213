// What no single field can tell, and the pooling layers a config asks for.
#include <string.h>

#include "detect/detector.h"
#include "train/config_sections.h"

static int64_t either(int64_t value, int64_t otherwise)
{
    return value >= 0 ? value : otherwise;
}

void config_pool_layer(const struct config *config, enum pool_site site, struct pool *pool)
{
    const struct config_pool *from = &config->pools[site];
    const struct pool_def *def = from->def;
    *pool = (struct pool){.def = def, .site = site == POOL_AUX ? POOL_GLOBAL : site};
    if (!def) return;
    // In place of a stage's stride the window just tiles the map; at the end it is the whole map.
    int64_t kernel = def->default_kernel, stride = def->default_stride;
    int64_t padding = def->default_padding;
    if (site == POOL_DOWNSAMPLE) {
        kernel = stride = 2;
        padding = 0;
    } else if (site == POOL_GLOBAL || site == POOL_AUX) {
        kernel = padding = 0;
        stride = 1;
    }
    if (from->kernel >= 0) padding = from->kernel > 0 ? (from->kernel - 1) / 2 : 0;
    pool->window =
        window_square((int)either(from->kernel, kernel), (int)either(from->stride, stride),
                      (int)either(from->padding, padding));
    if (from->pad_begin >= 0)
        pool->window.pad_begin_h = pool->window.pad_begin_w = (int)from->pad_begin;
    pool->window.ceil_mode = from->ceil;
    memcpy(pool->args, from->args, sizeof pool->args);
}

static enum status check_default_pool(const struct config_pool *pool)
{
    const char *name = pool->kernel >= 0      ? "kernel"
                       : pool->stride >= 0    ? "stride"
                       : pool->padding >= 0   ? "padding"
                       : pool->pad_begin >= 0 ? "pad_begin"
                       : pool->ceil           ? "ceil"
                                              : NULL;
    if (!name) return OK;
    return fail(ERR_USAGE, "%s: needs a type beside it; 'default' is the original network", name);
}

static enum status check_pool(const struct config *config, enum pool_site site)
{
    const struct config_pool *from = &config->pools[site];
    const struct pool_def *def = from->def;
    if (!def) return check_default_pool(from);
    if (!(def->sites & 1u << (site == POOL_AUX ? POOL_GLOBAL : site)))
        return fail(ERR_USAGE, "type: '%s' does not work here: %s", def->name,
                    def->sites_refusal ? def->sites_refusal : "not one of its places");
    struct pool pool;
    config_pool_layer(config, site, &pool);
    const struct window *w = &pool.window;
    if (w->stride_h < 1) return fail(ERR_USAGE, "stride: 0 is not allowed; expected 1 or more");
    if (site != POOL_GLOBAL && site != POOL_AUX && w->kernel_h < 1)
        return fail(ERR_USAGE, "kernel: 0 (the whole map) works in backbone.pool.global and aux");
    if (w->kernel_h > 0 && w->pad_end_h > w->kernel_h / 2)
        return fail(ERR_USAGE, "padding: %d is more than half the kernel of %d", w->pad_end_h,
                    w->kernel_h);
    if (w->kernel_h > 0 && w->pad_begin_h >= w->kernel_h)
        return fail(ERR_USAGE, "pad_begin: %d leaves nothing of the kernel of %d", w->pad_begin_h,
                    w->kernel_h);
    return def->check ? def->check(&pool) : OK;
}

static enum status check_steps(const struct config *config)
{
    const struct field_floats *steps = &config->train.steps;
    double last = 0;
    for (int i = 0; i < steps->n; i++) {
        double at = steps->v[i] < 1 ? steps->v[i] * (double)config->train.iterations : steps->v[i];
        if (at < last) return fail(ERR_USAGE, "train.steps: must not descend");
        last = at;
    }
    return OK;
}

static enum status check_pair(const struct config *config, const char *images,
                              const char *annotations, const char *name)
{
    if (config->data.format == FORMAT_FOLDER && annotations[0])
        return fail(ERR_USAGE, "data.%s_annotations: data.format=folder has none, classes are "
                               "the folders in data.%s_images", name, name);
    if (config->data.format == FORMAT_FOLDER) return OK;
    if ((images[0] == 0) == (annotations[0] == 0)) return OK;
    return fail(ERR_USAGE, "data.%s_images and data.%s_annotations belong together", name, name);
}

bool config_has_masks(const struct config *config)
{
    return config->model.type == (int)DETECTOR_MASK_RCNN;
}

bool config_is_classifier(const struct config *config)
{
    return config->model.type == (int)DETECTOR_CLASSIFIER;
}

bool config_has_training_data(const struct config *config)
{
    return config->data.format == FORMAT_FOLDER ? config->data.train_images[0]
                                                : config->data.train_annotations[0];
}

bool config_has_validation_data(const struct config *config)
{
    return config->data.format == FORMAT_FOLDER ? config->data.val_images[0]
                                                : config->data.val_annotations[0];
}

static enum status check_classifier(const struct config *config)
{
    int n_aux = config->classifier.aux_stages.n;
    if (config->data.format == FORMAT_COCO && config_has_training_data(config))
        return fail(ERR_USAGE, "data.format: a classifier takes folder, list or coco_crops");
    if (config->crop.resize < config->crop.size)
        return fail(ERR_USAGE, "crop.resize: %d is less than crop.size, %d",
                    (int)config->crop.resize, (int)config->crop.size);
    if (config->crop.scale_min > config->crop.scale_max)
        return fail(ERR_USAGE, "crop.scale_min: %g is more than scale_max, %g",
                    config->crop.scale_min, config->crop.scale_max);
    for (int i = 1; i < n_aux; i++)
        if (config->classifier.aux_stages.v[i] <= config->classifier.aux_stages.v[i - 1])
            return fail(ERR_USAGE, "classifier.aux_stages: must ascend");
    if (n_aux && config->classifier.weights.n != n_aux + 1)
        return fail(ERR_USAGE, "classifier.weights: %d numbers, expected %d: of the auxiliary "
                               "classifiers and of the last layer",
                    config->classifier.weights.n, n_aux + 1);
    return OK;
}

// What only a classifier has would be ignored without a word.
static enum status check_detector(const struct config *config)
{
    if (config->data.format != FORMAT_COCO)
        return fail(ERR_USAGE, "data.format: a detector takes coco");
    if (config->classifier.aux_stages.n)
        return fail(ERR_USAGE, "classifier.aux_stages: needs model.type=classifier");
    if (config->pools[POOL_AUX].def)
        return fail(ERR_USAGE, "backbone.pool.aux: needs model.type=classifier");
    return OK;
}

static enum status check_augmentation(const struct config *config)
{
    bool has_masks = config_has_masks(config);
    if (config->data.lsj_min > config->data.lsj_max)
        return fail(ERR_USAGE, "data.lsj_min: %g is more than lsj_max, %g", config->data.lsj_min,
                    config->data.lsj_max);
    if (config->data.lsj_size > 0 && config->data.lsj_size < 32)
        return fail(ERR_USAGE, "data.lsj_size: %d is below 32", (int)config->data.lsj_size);
    if (config->data.copy_paste > 0 && config->data.lsj_size == 0)
        return fail(ERR_USAGE, "data.copy_paste: needs data.lsj_size, which makes all images of a "
                               "batch equal in size");
    if (config->data.copy_paste > 0 && !has_masks)
        return fail(ERR_USAGE, "data.copy_paste: needs masks, which model.type=mask_rcnn trains");
    if (config->data.copy_paste > 0 && config->train.batch_size < 2)
        return fail(ERR_USAGE, "data.copy_paste: objects come from another image of the batch, "
                               "train.batch_size is 1");
    if (config->eval.best_by == BEST_BY_SEGM && !has_masks)
        return fail(ERR_USAGE, "eval.best_by: segm needs masks, which model.type=mask_rcnn finds");
    return OK;
}

enum status config_check(const struct config *config)
{
    if (config->retinanet.match_low > config->retinanet.match_high)
        return fail(ERR_USAGE, "retinanet.match_low: %g is more than match_high, %g",
                    config->retinanet.match_low, config->retinanet.match_high);
    if (config->rpn.match_low > config->rpn.match_high)
        return fail(ERR_USAGE, "rpn.match_low: %g is more than match_high, %g",
                    config->rpn.match_low, config->rpn.match_high);
    if (config->rpn.anchor_sizes.n != RPN_LEVELS)
        return fail(ERR_USAGE, "rpn.anchor_sizes: %d sizes, expected one for each of %d levels",
                    config->rpn.anchor_sizes.n, RPN_LEVELS);
    if (config->data.min_size.n < 1)
        return fail(ERR_USAGE, "data.min_size: at least one size is needed");
    if (config->train.momentum >= 1)
        return fail(ERR_USAGE, "train.momentum: must be below 1");
    if (config->model.n_classes == 1)
        return fail(ERR_USAGE, config_is_classifier(config)
                                   ? "model.n_classes: 1 leaves nothing to tell apart"
                                   : "model.n_classes: 1 leaves no class beside the unused channel "
                                     "0");
    TRY(config_is_classifier(config) ? check_classifier(config) : check_detector(config));
    TRY(check_augmentation(config));
    TRY(check_steps(config));
    TRY(check_pair(config, config->data.train_images, config->data.train_annotations, "train"));
    TRY(check_pair(config, config->data.val_images, config->data.val_annotations, "val"));
    for (int site = 0; site < N_POOL_SITES; site++) {
        enum status status = check_pool(config, (enum pool_site)site);
        if (status != OK)
            return fail_context(status, "backbone.pool.%s.", pool_site_names[site]);
    }
    return OK;
}
