#include "coco/dataset_entry.h"

#include <math.h>
#include <string.h>

enum { MAX_SIDE = 1 << 28 };

static enum status copy_name(const struct json_place *place, const char *text, struct arena *names,
                             char **copy)
{
    size_t n = strlen(text);
    if (n == 0) return json_fail(ERR_DATA, place, "has an empty name");
    char *bytes = (char *)arena_alloc(names, n + 1);
    if (!bytes) return fail_context(ERR_MEMORY, "%s: ", place->file);
    memcpy(bytes, text, n + 1);
    *copy = bytes;
    return OK;
}

enum status coco_read_category(const struct json_stream *stream, const struct json_element *element,
                               struct arena *names, struct coco_category *category)
{
    struct json_place place = {stream->path, "categories", element->index};
    const char *name;
    cJSON *tree;
    TRY(json_stream_parse(stream, element, NULL, NULL, &tree));
    enum status status = OK;
    *category = (struct coco_category){0};
    GUARD(json_get_id(tree, &place, "id", &category->id));
    GUARD(json_get_string(tree, &place, "name", &name));
    GUARD(copy_name(&place, name, names, &category->name));
done:
    cJSON_Delete(tree);
    return status;
}

// A side that may be absent or null: 0.
static enum status get_side(const cJSON *tree, const struct json_place *place, const char *name,
                            int *side)
{
    const cJSON *member = json_find(tree, name);
    *side = 0;
    if (!member || cJSON_IsNull(member)) return OK;
    return json_get_int(tree, place, name, 1, MAX_SIDE, side);
}

enum status coco_read_image(const struct json_stream *stream, const struct json_element *element,
                            struct arena *names, struct coco_image *image)
{
    struct json_place place = {stream->path, "images", element->index};
    const char *name;
    cJSON *tree;
    TRY(json_stream_parse(stream, element, NULL, NULL, &tree));
    enum status status = OK;
    *image = (struct coco_image){0};
    GUARD(json_get_id(tree, &place, "id", &image->id));
    GUARD(get_side(tree, &place, "width", &image->width));
    GUARD(get_side(tree, &place, "height", &image->height));
    GUARD(json_get_string(tree, &place, "file_name", &name));
    GUARD(copy_name(&place, name, names, &image->file_name));
done:
    cJSON_Delete(tree);
    return status;
}

enum status coco_read_object(const struct json_stream *stream, const struct json_element *element,
                             struct coco_object *object, int64_t *image_id, int64_t *category_id)
{
    struct json_place place = {stream->path, "annotations", element->index};
    struct json_element mask;
    double box[4];
    cJSON *tree;
    // Masks are most of a file's bytes: only their place is kept.
    TRY(json_stream_parse(stream, element, "segmentation", &mask, &tree));
    enum status status = OK;
    *object = (struct coco_object){0};
    GUARD(json_get_id(tree, &place, "id", &object->id));
    GUARD(json_get_id(tree, &place, "image_id", image_id));
    GUARD(json_get_id(tree, &place, "category_id", category_id));
    GUARD(json_get_numbers(tree, &place, "bbox", 4, box));
    GUARD(json_get_flag(tree, &place, "iscrowd", &object->is_crowd));
    const cJSON *area = json_find(tree, "area");
    object->area = box[2] * box[3];
    if (area && !cJSON_IsNull(area)) GUARD(json_get_number(tree, &place, "area", &object->area));
    const double edges[4] = {box[0], box[1], box[0] + box[2], box[1] + box[3]};
    for (int i = 0; i < 4; i++) {
        if (!(fabs(edges[i]) <= 1e9)) {
            status = json_fail(ERR_DATA, &place, "\"bbox\" reaches to %.17g", edges[i]);
            goto done;
        }
        object->box[i] = (float)edges[i];
    }
    // A width of 0 stays one, whatever the sum was rounded to.
    if (box[2] <= 0.0) object->box[2] = object->box[0];
    if (box[3] <= 0.0) object->box[3] = object->box[1];
    if (mask.bytes && *mask.bytes != 'n') { // not null
        if (mask.n_bytes > UINT32_MAX) {
            status = json_fail(ERR_DATA, &place, "\"segmentation\" has %zu bytes", mask.n_bytes);
            goto done;
        }
        object->segmentation_offset = mask.offset;
        object->segmentation_bytes = (uint32_t)mask.n_bytes;
    }
done:
    cJSON_Delete(tree);
    return status;
}
