#include "coco/dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_stream.h"
#include "base/log.h"
#include "base/mem.h"
#include "coco/dataset_entry.h"

enum { IMAGES, ANNOTATIONS, CATEGORIES, N_ARRAYS };
static const char *const array_names[N_ARRAYS] = {"images", "annotations", "categories"};

struct array_place {
    bool is_present;
    uint64_t offset;
    size_t n;
};

// One pass over everything: syntax, places and lengths. Arrays are then allocated once, at
// their size, whatever their order in the file.
static enum status survey(struct json_stream *stream, struct array_place places[N_ARRAYS])
{
    struct json_member member;
    struct json_element element;
    for (;;) {
        TRY(json_stream_member(stream, &member));
        if (!member.name) break;
        if (!stream->is_object)
            return fail(ERR_DATA,
                        "%s: is an array (a results file?), expected an object with "
                        "\"images\", \"annotations\" and \"categories\"",
                        stream->path);
        int which = 0;
        while (which < N_ARRAYS && strcmp(member.name, array_names[which]) != 0) which++;
        if (which == N_ARRAYS) continue;
        struct array_place *place = &places[which];
        if (place->is_present)
            return fail(ERR_DATA, "%s: byte %" PRIu64 ": a second \"%s\"", stream->path,
                        member.offset, array_names[which]);
        place->is_present = true;
        place->offset = member.offset;
        for (;;) {
            TRY(json_stream_element(stream, &element));
            if (!element.bytes) break;
            place->n++;
        }
    }
    if (!places[IMAGES].is_present) return fail(ERR_DATA, "%s: has no \"images\"", stream->path);
    if (!places[CATEGORIES].is_present && places[ANNOTATIONS].n > 0)
        return fail(ERR_DATA, "%s: has no \"categories\"", stream->path);
    if (places[ANNOTATIONS].n > UINT32_MAX || places[CATEGORIES].n > INT32_MAX)
        return fail(ERR_DATA, "%s: too many entries", stream->path);
    return OK;
}

static int compare_ids(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_categories(const void *a, const void *b)
{
    return compare_ids(((const struct coco_category *)a)->id,
                       ((const struct coco_category *)b)->id);
}

static int compare_images(const void *a, const void *b)
{
    return compare_ids(((const struct coco_image *)a)->id, ((const struct coco_image *)b)->id);
}

static int compare_int64(const void *a, const void *b)
{
    return compare_ids(*(const int64_t *)a, *(const int64_t *)b);
}

static enum status read_categories(struct json_stream *stream, const struct array_place *place,
                                   struct coco_dataset *data)
{
    data->categories = (struct coco_category *)mem_alloc(place->n, sizeof *data->categories);
    if (!data->categories) return ERR_MEMORY;
    if (place->is_present) json_stream_seek(stream, array_names[CATEGORIES], place->offset);
    for (; data->n_categories < place->n; data->n_categories++) {
        struct json_element element;
        TRY(json_stream_element(stream, &element));
        TRY(coco_read_category(stream, &element, &data->names,
                               &data->categories[data->n_categories]));
    }
    qsort(data->categories, data->n_categories, sizeof *data->categories, compare_categories);
    for (size_t i = 1; i < data->n_categories; i++)
        if (data->categories[i].id == data->categories[i - 1].id)
            return fail(ERR_DATA, "%s: categories: id %" PRId64 " occurs twice (\"%s\", \"%s\")",
                        data->path, data->categories[i].id, data->categories[i - 1].name,
                        data->categories[i].name);
    return OK;
}

// Of several entries for one image only equal ones are forgiven.
static enum status merge_duplicate_images(struct coco_dataset *data)
{
    size_t kept = 0;
    for (size_t i = 0; i < data->n_images; i++) {
        const struct coco_image *image = &data->images[i];
        const struct coco_image *last = kept ? &data->images[kept - 1] : NULL;
        if (!last || last->id != image->id) {
            data->images[kept++] = *image;
            continue;
        }
        if (strcmp(last->file_name, image->file_name) != 0 || last->width != image->width ||
            last->height != image->height)
            return fail(ERR_DATA, "%s: images: id %" PRId64 " occurs twice (\"%s\", \"%s\")",
                        data->path, image->id, last->file_name, image->file_name);
        data->dropped.duplicate_images++;
    }
    data->n_images = kept;
    return OK;
}

static enum status read_images(struct json_stream *stream, const struct array_place *place,
                               struct coco_dataset *data)
{
    data->images = (struct coco_image *)mem_alloc(place->n, sizeof *data->images);
    if (!data->images) return ERR_MEMORY;
    json_stream_seek(stream, array_names[IMAGES], place->offset);
    for (; data->n_images < place->n; data->n_images++) {
        struct json_element element;
        TRY(json_stream_element(stream, &element));
        TRY(coco_read_image(stream, &element, &data->names, &data->images[data->n_images]));
    }
    qsort(data->images, data->n_images, sizeof *data->images, compare_images);
    return merge_duplicate_images(data);
}

static float clamp(float value, int limit)
{
    if (value < 0.0f) return 0.0f;
    return limit > 0 && value > (float)limit ? (float)limit : value;
}

// Clamps the box to its image; false when nothing is left of it.
static bool fit_box(const struct coco_image *image, struct coco_object *object,
                    struct coco_dropped *dropped)
{
    float *box = object->box;
    if (!(box[2] > box[0] && box[3] > box[1])) {
        dropped->no_area++;
        return false;
    }
    for (int i = 0; i < 4; i++) box[i] = clamp(box[i], i % 2 ? image->height : image->width);
    if (box[2] > box[0] && box[3] > box[1]) return true;
    dropped->outside++;
    return false;
}

// objects in file order; image_of[i] is the index of the image of objects[i].
static enum status read_objects(struct json_stream *stream, const struct array_place *place,
                                struct coco_dataset *data, uint32_t *image_of)
{
    if (place->is_present) json_stream_seek(stream, array_names[ANNOTATIONS], place->offset);
    for (size_t i = 0; i < place->n; i++) {
        struct coco_object *object = &data->objects[data->n_objects];
        struct json_place where = {data->path, array_names[ANNOTATIONS], i};
        struct json_element element;
        int64_t image_id, category_id;
        TRY(json_stream_element(stream, &element));
        TRY(coco_read_object(stream, &element, object, &image_id, &category_id));
        const struct coco_image *image = coco_image_find(data, image_id);
        if (!image)
            return json_fail(ERR_DATA, &where, "image_id %" PRId64 " is not in \"images\"",
                             image_id);
        object->category = coco_category_index(data, category_id);
        if (object->category < 0)
            return json_fail(ERR_DATA, &where, "category_id %" PRId64 " is not in \"categories\"",
                             category_id);
        if (!fit_box(image, object, &data->dropped)) continue;
        if (object->is_crowd)
            data->dropped.crowd++;
        else
            data->categories[object->category].n_objects++;
        image_of[data->n_objects++] = (uint32_t)(image - data->images);
        data->images[image - data->images].n_objects++;
    }
    return OK;
}

// Puts objects together by image, in place: order[i] becomes where objects[i] belongs.
static void group_by_image(struct coco_dataset *data, uint32_t *order)
{
    size_t first = 0;
    for (size_t i = 0; i < data->n_images; i++) {
        data->images[i].first = first;
        first += data->images[i].n_objects;
        data->images[i].n_objects = 0;
    }
    for (size_t i = 0; i < data->n_objects; i++) {
        struct coco_image *image = &data->images[order[i]];
        order[i] = (uint32_t)(image->first + image->n_objects++);
    }
    for (size_t i = 0; i < data->n_objects; i++) {
        while (order[i] != i) { // each swap puts one object where it belongs
            size_t target = order[i];
            struct coco_object object = data->objects[target];
            data->objects[target] = data->objects[i];
            data->objects[i] = object;
            order[i] = order[target];
            order[target] = (uint32_t)target;
        }
    }
}

static enum status refuse_duplicate_objects(const struct coco_dataset *data)
{
    int64_t *ids = (int64_t *)mem_alloc(data->n_objects, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    enum status status = OK;
    for (size_t i = 0; i < data->n_objects; i++) ids[i] = data->objects[i].id;
    qsort(ids, data->n_objects, sizeof *ids, compare_int64);
    for (size_t i = 1; i < data->n_objects && status == OK; i++)
        if (ids[i] == ids[i - 1])
            status =
                fail(ERR_DATA, "%s: annotations: id %" PRId64 " occurs twice", data->path, ids[i]);
    mem_free(ids);
    return status;
}

static void report_dropped(const struct coco_dataset *data)
{
    const struct coco_dropped *dropped = &data->dropped;
    if (dropped->no_area || dropped->outside)
        log_warn("%s: dropped %" PRId64 " boxes without area and %" PRId64 " outside their image",
                 data->path, dropped->no_area, dropped->outside);
    if (dropped->duplicate_images)
        log_warn("%s: dropped %" PRId64 " repeated image entries", data->path,
                 dropped->duplicate_images);
}

static enum status load(const char *path, bool *has_annotations, struct coco_dataset **dataset)
{
    struct json_stream stream = {0};
    struct array_place places[N_ARRAYS] = {{0}};
    uint32_t *image_of = NULL;
    enum status status = ERR_MEMORY;
    struct coco_dataset *data = (struct coco_dataset *)mem_alloc(1, sizeof *data);
    if (!data) return ERR_MEMORY;
    arena_init(&data->names, &arena_host_source);
    data->path = mem_strdup(path);
    if (!data->path) goto done;
    GUARD(json_stream_open(&stream, path));
    GUARD(survey(&stream, places));
    GUARD(read_categories(&stream, &places[CATEGORIES], data));
    GUARD(read_images(&stream, &places[IMAGES], data));
    data->objects = (struct coco_object *)mem_alloc(places[ANNOTATIONS].n, sizeof *data->objects);
    image_of = (uint32_t *)mem_alloc(places[ANNOTATIONS].n, sizeof *image_of);
    if (!data->objects || !image_of) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(read_objects(&stream, &places[ANNOTATIONS], data, image_of));
    group_by_image(data, image_of);
    mem_free(image_of);
    image_of = NULL;
    GUARD(refuse_duplicate_objects(data));
    report_dropped(data);
    *has_annotations = places[ANNOTATIONS].is_present;
    *dataset = data;
    data = NULL;
done:
    mem_free(image_of);
    json_stream_close(&stream);
    coco_dataset_destroy(data);
    return status;
}

enum status coco_dataset_load(const char *path, struct coco_dataset **dataset)
{
    bool has_annotations;
    TRY(load(path, &has_annotations, dataset));
    if (!has_annotations) log_info("%s: has no \"annotations\": all images count as empty", path);
    return OK;
}

enum status coco_dataset_load_images(const char *path, struct coco_dataset **dataset)
{
    bool has_annotations;
    return load(path, &has_annotations, dataset);
}

void coco_dataset_destroy(struct coco_dataset *dataset)
{
    if (!dataset) return;
    arena_free(&dataset->names);
    mem_free(dataset->categories);
    mem_free(dataset->images);
    mem_free(dataset->objects);
    mem_free(dataset->path);
    mem_free(dataset);
}

const struct coco_image *coco_image_find(const struct coco_dataset *dataset, int64_t id)
{
    struct coco_image key = {.id = id};
    return (const struct coco_image *)bsearch(&key, dataset->images, dataset->n_images, sizeof key,
                                              compare_images);
}

int coco_category_index(const struct coco_dataset *dataset, int64_t id)
{
    struct coco_category key = {.id = id};
    const struct coco_category *found = (const struct coco_category *)bsearch(
        &key, dataset->categories, dataset->n_categories, sizeof key, compare_categories);
    return found ? (int)(found - dataset->categories) : -1;
}
