#include "coco/synth_classes.h"

#include <stdio.h>

#include "base/mem.h"
#include "coco/synth_scene.h"

enum { JPEG_QUALITY = 88 };

static enum status class_folder(const struct synth_config *config, int index,
                                char path[PATH_BYTES])
{
    char part[PATH_BYTES];
    bool is_val = index >= config->n_images - config->n_val;
    TRY(path_join(part, config->output, is_val ? "val" : "train"));
    return path_join(path, part, synth_class_names[index % config->n_classes]);
}

enum status synth_class_path(const struct synth_config *config, int index, char path[PATH_BYTES])
{
    char folder[PATH_BYTES], name[32];
    TRY(class_folder(config, index, folder));
    snprintf(name, sizeof name, "%06d.jpg", index + 1);
    return path_join(path, folder, name);
}

static enum status write_image(const struct synth_config *config, int index)
{
    char path[PATH_BYTES];
    struct scene *scene = (struct scene *)mem_alloc(1, sizeof *scene);
    if (!scene) return ERR_MEMORY;
    enum status status = scene_create(config, index, scene);
    if (status == OK) status = synth_class_path(config, index, path);
    if (status == OK) status = image_save_jpeg(path, &scene->image, JPEG_QUALITY);
    scene_free(scene);
    mem_free(scene);
    return status;
}

// Every class has its folder in both parts, also one that few images leave empty.
static enum status create_folders(const struct synth_config *config)
{
    static const char *const parts[] = {"train", "val"};
    for (int i = 0; i < (config->n_val > 0 ? 2 : 1); i++) {
        char part[PATH_BYTES], folder[PATH_BYTES];
        TRY(path_join(part, config->output, parts[i]));
        TRY(folder_create(part));
        for (int k = 0; k < config->n_classes; k++) {
            TRY(path_join(folder, part, synth_class_names[k]));
            TRY(folder_create(folder));
        }
    }
    return OK;
}

enum status synth_classes_write(const struct synth_config *config)
{
    TRY(create_folders(config));
    for (int i = config->n_images - 1; i >= 0; i--) TRY(write_image(config, i));
    return OK;
}
