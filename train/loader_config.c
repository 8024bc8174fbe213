#include "train/loader_config.h"

int loader_config_min_size(const struct config *config)
{
    int64_t size = config->data.val_min_size;
    return size ? (int)size : (int)config->data.min_size.v[config->data.min_size.n - 1];
}

// Without classification its size is 0: whole images.
static void set_crop(const struct config *config, struct loader_config *out)
{
    if (!config_is_classifier(config)) return;
    out->crop = (struct crop_config){
        .size = (int)config->crop.size,
        .resize = (int)config->crop.resize,
        .scale_min = config->crop.scale_min,
        .scale_max = config->crop.scale_max,
        .ratio = config->crop.ratio,
        .cut = (int)config->crop.cut,
        .is_boxed = config->data.format == FORMAT_CROPS,
        .margin = config->crop.margin,
    };
    out->raw_labels = true; // channel = category id, see coco/class_set.h
    out->group_by_aspect = false;
    out->masks = false;
    out->keep_empty = true;
}

void loader_config_training(const struct config *config, const struct coco_dataset *dataset,
                            int64_t first_batch, struct loader_config *out)
{
    *out = (struct loader_config){
        .dataset = dataset,
        .image_folder = config->data.train_images,
        .batch_size = (int)config->train.batch_size,
        .is_training = true,
        .n_min_sizes = config->data.min_size.n,
        .max_size = (int)config->data.max_size,
        .flip_probability = config->data.flip,
        .group_by_aspect = config->data.group_by_aspect,
        .keep_empty = config->data.keep_empty,
        .masks = config_has_masks(config),
        .augment =
            {
                .color = {config->data.brightness, config->data.contrast, config->data.saturation,
                          config->data.hue},
                .lsj_size = (int)config->data.lsj_size,
                .lsj_min = config->data.lsj_min,
                .lsj_max = config->data.lsj_max,
                .copy_paste = config->data.copy_paste,
            },
        .raw_labels = config->data.raw_labels,
        .exif = (enum exif_mode)config->data.exif,
        .seed = (uint64_t)config->train.seed,
        .first_iteration = first_batch,
        .n_threads = (int)config->data.threads,
        .queue_length = (int)config->data.queue,
    };
    for (int i = 0; i < out->n_min_sizes; i++)
        out->min_sizes[i] = (int)config->data.min_size.v[i];
    set_crop(config, out);
}

void loader_config_evaluation(const struct config *config, const struct coco_dataset *dataset,
                              const char *image_folder, struct loader_config *out)
{
    *out = (struct loader_config){
        .dataset = dataset,
        .image_folder = image_folder,
        .batch_size = (int)config->eval.batch_size,
        .n_min_sizes = 1,
        .min_sizes = {loader_config_min_size(config)},
        .max_size = (int)config->data.max_size,
        .keep_empty = true,
        .raw_labels = config->data.raw_labels,
        .exif = (enum exif_mode)config->data.exif,
        .seed = (uint64_t)config->train.seed,
        .n_threads = (int)config->data.threads,
        .queue_length = (int)config->data.queue,
    };
    set_crop(config, out);
}
