#include "train/class_source.h"

#include "base/mem.h"
#include "coco/class_set.h"

static enum class_format format_of(const struct config *config)
{
    return config->data.format == FORMAT_FOLDER ? CLASS_FOLDERS
           : config->data.format == FORMAT_LIST ? CLASS_LIST
                                                : CLASS_CROPS;
}

enum status class_source_load(const struct config *config, bool is_training,
                              const struct classes *classes, struct coco_dataset **dataset)
{
    struct class_source source = {
        .format = format_of(config),
        .images = is_training ? config->data.train_images : config->data.val_images,
        .list = is_training ? config->data.train_annotations : config->data.val_annotations,
        .min_side = config->crop.min_side,
    };
    const char **names = NULL;
    if (classes) {
        names = (const char **)mem_alloc(classes->n, sizeof *names);
        if (!names) return ERR_MEMORY;
        for (size_t i = 0; i < classes->n; i++) names[i] = classes->entries[i].name;
        source.names = names;
        source.n_names = classes->n;
    }
    enum status status = class_set_load(&source, dataset);
    mem_free(names);
    return status;
}
