// Images of classification: one part of a file each.
#include "base/file.h"
#include "coco/collate.h"

// What of the file is the image, before anything is drawn.
static void whole_of(const struct loader_config *config, const struct coco_image *entry, int width,
                     int height, struct crop *whole)
{
    const struct coco_object *object = &config->dataset->objects[entry->first];
    *whole = (struct crop){0, 0, width, height};
    if (config->crop.is_boxed)
        crop_of_box(object->box, config->crop.margin, width, height, whole);
}

// The same place in an image that was decoded in another size.
static void scale_crop(struct crop *crop, int width, int height, const struct image *image)
{
    if (image->width == width && image->height == height) return;
    double x = (double)image->width / width, y = (double)image->height / height;
    int right = (int)((crop->left + crop->width) * x + 0.5);
    int bottom = (int)((crop->top + crop->height) * y + 0.5);
    crop->left = (int)(crop->left * x + 0.5);
    crop->top = (int)(crop->top * y + 0.5);
    crop->width = (right > image->width ? image->width : right) - crop->left;
    crop->height = (bottom > image->height ? image->height : bottom) - crop->top;
}

static enum status read_part(const struct loader_config *config, int64_t number, int slot,
                             const struct file_map *map, const char *path,
                             struct collate_item *item)
{
    const struct coco_image *entry = &config->dataset->images[item->index];
    const struct crop_config *how = &config->crop;
    int width = 0, height = 0, orientation, reduction = 1;
    struct crop crop;
    struct image file;
    TRY(image_measure(map->bytes, map->n_bytes, path, config->exif, &width, &height));
    whole_of(config, entry, width, height, &crop);
    if (config->is_training) {
        struct rng rng;
        struct crop whole = crop;
        augment_rng(config->seed, number, slot, AUGMENT_CROP, &rng);
        crop_draw(how, &whole, &rng, &crop);
        reduction = crop_reduction(&crop, how->size);
    }
    TRY(image_decode_reduced(map->bytes, map->n_bytes, path, config->exif, reduction, &file,
                             &orientation));
    enum status status = collate_check_size(path, entry, width, height, orientation);
    scale_crop(&crop, width, height, &file);
    if (status == OK && config->is_training) {
        struct rng_block draw =
            rng_philox(config->seed, RNG_AUGMENT, (uint32_t)number, (uint64_t)slot);
        bool flip = (double)rng_to_uniform(draw.v[0]) < config->flip_probability;
        status = crop_resized(&file, &crop, how->size, flip, &item->image);
    } else if (status == OK)
        status = crop_center(how, &file, &crop, &item->image);
    image_free(&file);
    item->original_width = width;
    item->original_height = height;
    return status;
}

enum status collate_prepare_crop(const struct loader_config *config, int64_t number, int slot,
                                 struct collate_item *item)
{
    const struct coco_dataset *dataset = config->dataset;
    const struct coco_image *entry = &dataset->images[item->index];
    char path[PATH_BYTES];
    struct file_map map;
    TRY(path_join(path, config->image_folder, entry->file_name));
    TRY(file_map_open(path, &map));
    enum status status = read_part(config, number, slot, &map, path, item);
    file_map_close(&map);
    TRY(status);
    if (config->is_training) collate_change_colors(config, number, slot, &item->image);
    int category = dataset->objects[entry->first].category;
    int64_t label = category < 0 ? -1 : dataset->categories[category].id;
    struct collate_object object = {.label = (int32_t)label};
    item->n_annotated = 1;
    item->new_width = item->shown_width = config->crop.size;
    item->new_height = item->shown_height = config->crop.size;
    return collate_objects_add(&item->objects, &object);
}
