// Annotation files and the JSON readers beneath them.
#define _GNU_SOURCE // memfd_create
#include "base/json.h"
#include "coco/dataset.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

static void check_dataset(const struct coco_dataset *data)
{
    size_t n_objects = 0;
    for (size_t i = 0; i < data->n_images; i++) {
        const struct coco_image *image = &data->images[i];
        require(image->first == n_objects && image->file_name[0]);
        require(i == 0 || data->images[i - 1].id < image->id);
        n_objects += image->n_objects;
    }
    require(n_objects == data->n_objects);
    for (size_t i = 0; i < data->n_objects; i++) {
        const struct coco_object *object = &data->objects[i];
        require(object->box[2] > object->box[0] && object->box[3] > object->box[1]);
        require(object->category >= 0 && (size_t)object->category < data->n_categories);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct coco_dataset *dataset = NULL;
    cJSON *tree = NULL;
    // The reader of whole files, and cJSON on what it let through.
    if (json_parse("input", (const char *)data, size, true, &tree) == OK) {
        char *text = cJSON_PrintUnformatted(tree);
        cJSON_Delete(tree);
        cJSON_free(text);
    }
    int fd = memory_file(path, data, size);
    if (coco_dataset_load(path, &dataset) == OK)
        check_dataset(dataset);
    else
        require(dataset == NULL && fail_message()[0]);
    coco_dataset_destroy(dataset);
    close(fd);
    return 0;
}
