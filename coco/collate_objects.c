#include "coco/collate_objects.h"

#include <inttypes.h>

#include "base/mem.h"

void collate_objects_free(struct collate_objects *objects)
{
    mem_free(objects->list);
    mem_free(objects->masks.bytes);
    *objects = (struct collate_objects){0};
}

enum status collate_objects_add(struct collate_objects *objects,
                                const struct collate_object *object)
{
    TRY(mem_reserve(&objects->list, &objects->capacity, objects->n + 1, sizeof *objects->list));
    objects->list[objects->n++] = *object;
    return OK;
}

// A box of the annotation as the window shows it; false when it has no area there.
static bool transform_box(const struct image_window *window, int image_width, int image_height,
                          const float in[4], float out[4])
{
    float width = (float)image_width, height = (float)image_height;
    float scale[2] = {(float)window->new_width / width, (float)window->new_height / height};
    bool is_cut = window->width != window->new_width || window->height != window->new_height;
    float box[4];
    for (int i = 0; i < 4; i++) { // the annotation may not have told the image's size
        float limit = i % 2 ? height : width;
        box[i] = in[i] > limit ? limit : in[i];
    }
    if (window->flip) {
        float x1 = box[0];
        box[0] = width - box[2];
        box[2] = width - x1;
    }
    for (int i = 0; i < 4; i++) out[i] = box[i] * scale[i % 2];
    for (int i = 0; i < 4 && is_cut; i++) {
        float limit = (float)(i % 2 ? window->height : window->width);
        float value = out[i] - (float)(i % 2 ? window->top : window->left);
        out[i] = value < 0.0f ? 0.0f : value > limit ? limit : value;
    }
    return out[2] > out[0] && out[3] > out[1];
}

struct mask_work {
    struct mask_view view;
    struct mask_reader reader;
    struct rle rle;
};

static enum status add_mask(const struct mask_file *file, const struct coco_object *object,
                            struct mask_work *work, struct collate_objects *objects,
                            struct collate_object *out)
{
    const struct mask_view *view = &work->view;
    TRY(mask_file_read(file, object, view->image_height, view->image_width, &work->reader,
                       &work->rle, NULL));
    out->start = objects->masks.n;
    enum status status = mask_frame_append(&work->rle, view, &objects->masks, out->frame);
    if (status != ERR_DATA) return status;
    return fail_context(status, "%s: annotation %" PRId64 ": ", file->path, object->id);
}

enum status collate_objects_read(const struct loader_config *config, const struct mask_file *masks,
                                 size_t index, int image_width, int image_height,
                                 const struct image_window *window, struct collate_objects *objects)
{
    const struct coco_dataset *dataset = config->dataset;
    const struct coco_image *entry = &dataset->images[index];
    struct mask_work work = {0};
    enum status status = OK;
    if (masks) GUARD(mask_view_init(image_width, image_height, window, &work.view));
    for (size_t i = 0; i < entry->n_objects; i++) {
        const struct coco_object *object = &dataset->objects[entry->first + i];
        struct collate_object out = {0};
        if (object->is_crowd ||
            !transform_box(window, image_width, image_height, object->box, out.box))
            continue;
        out.label = config->raw_labels ? (int32_t)dataset->categories[object->category].id
                                       : object->category + 1;
        if (masks) GUARD(add_mask(masks, object, &work, objects, &out));
        GUARD(collate_objects_add(objects, &out));
    }
done:
    mask_view_free(&work.view);
    mask_reader_free(&work.reader);
    rle_free(&work.rle);
    return status;
}
