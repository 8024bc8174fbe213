#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "coco/survey_parts.h"

// The size that boxes are in: the file's word, else the image's.
static void size_of(const struct survey_image *image, int *width, int *height)
{
    *width = image->entry.width ? image->entry.width : image->width;
    *height = image->entry.height ? image->entry.height : image->height;
}

static enum status check_box(struct survey *s, struct survey_object *object)
{
    const struct survey_image *image = &s->images[object->image];
    const int64_t *image_id = &image->entry.id, *id = &object->object.id;
    const float *b = object->object.box;
    int width, height;
    size_of(image, &width, &height);
    double w = (double)(b[2] - b[0]), h = (double)(b[3] - b[1]);
    if (!(w > 0 && h > 0))
        return defects_add(&s->defects, DEFECT_KIND_NO_AREA, image_id, id, "%g x %g", w, h);
    if (width > 0 && height > 0) {
        double out = fmax(fmax((double)-b[0], (double)-b[1]),
                          fmax((double)b[2] - width, (double)b[3] - height));
        if (b[2] <= 0 || b[3] <= 0 || b[0] >= (float)width || b[1] >= (float)height)
            return defects_add(&s->defects, DEFECT_KIND_OUTSIDE, image_id, id,
                               "from (%g, %g) to (%g, %g), the image has %d x %d", (double)b[0],
                               (double)b[1], (double)b[2], (double)b[3], width, height);
        if (out > 1)
            TRY(defects_add(&s->defects, DEFECT_KIND_REACHES_OUT, image_id, id,
                            "by %g pixels: from (%g, %g) to (%g, %g), the image has %d x %d", out,
                            (double)b[0], (double)b[1], (double)b[2], (double)b[3], width, height));
    }
    object->is_valid = object->object.category >= 0 && !object->object.is_crowd;
    return OK;
}

static int by_box(const void *left, const void *right)
{
    const struct survey_object *a = *(const struct survey_object *const *)left;
    const struct survey_object *b = *(const struct survey_object *const *)right;
    if (a->object.category != b->object.category)
        return a->object.category < b->object.category ? -1 : 1;
    for (int i = 0; i < 4; i++)
        if (a->object.box[i] < b->object.box[i] || a->object.box[i] > b->object.box[i])
            return a->object.box[i] < b->object.box[i] ? -1 : 1;
    return a->object.id < b->object.id ? -1 : a->object.id > b->object.id;
}

static bool is_same(const struct survey_object *a, const struct survey_object *b)
{
    return a->object.category == b->object.category &&
           memcmp(a->object.box, b->object.box, sizeof a->object.box) == 0;
}

static enum status find_duplicates(struct survey *s, const struct survey_image *image,
                                   const struct survey_object **order)
{
    size_t n = 0;
    for (size_t i = 0; i < image->entry.n_objects; i++) {
        const struct survey_object *object = &s->objects[image->entry.first + i];
        if (object->is_valid) order[n++] = object;
    }
    if (n) qsort(order, n, sizeof *order, by_box);
    for (size_t i = 1; i < n; i++)
        if (is_same(order[i], order[i - 1]))
            TRY(defects_add(&s->defects, DEFECT_KIND_DUPLICATE_BOX, &image->entry.id,
                            &order[i]->object.id, "as annotation %lld",
                            (long long)order[i - 1]->object.id));
    return OK;
}

static enum status check_image(struct survey *s, size_t index, size_t *last_image,
                               const struct survey_object **order)
{
    struct survey_image *image = &s->images[index];
    const int64_t *id = &image->entry.id;
    for (size_t i = 0; i < image->entry.n_objects; i++) {
        struct survey_object *object = &s->objects[image->entry.first + i];
        TRY(check_box(s, object));
        if (object->object.is_crowd) {
            image->n_crowds++;
            TRY(defects_add(&s->defects, DEFECT_KIND_CROWD, id, &object->object.id, "%s",
                            object->object.category < 0
                                ? "of an unknown category"
                                : s->categories[object->object.category].name));
        }
        if (!object->is_valid) continue;
        int category = object->object.category;
        image->n_valid++;
        s->categories[category].n_objects++;
        if (last_image[category] == index + 1) continue;
        last_image[category] = index + 1;
        s->category_images[category]++;
    }
    if (image->n_valid == 0)
        TRY(defects_add(&s->defects, DEFECT_KIND_EMPTY_IMAGE, id, NULL, "%s",
                        image->entry.file_name));
    return find_duplicates(s, image, order);
}

enum status survey_check_boxes(struct survey *survey)
{
    struct survey *s = survey;
    enum status status = ERR_MEMORY;
    size_t *last_image = (size_t *)mem_alloc(s->n_categories, sizeof *last_image);
    const struct survey_object **order =
        (const struct survey_object **)mem_alloc(s->n_objects, sizeof *order);
    s->category_images = (size_t *)mem_alloc(s->n_categories, sizeof *s->category_images);
    if (!last_image || !order || !s->category_images) goto done;
    status = OK;
    for (size_t i = 0; i < s->n_images; i++) GUARD(check_image(s, i, last_image, order));
    for (size_t i = 0; i < s->n_categories; i++)
        if (s->categories[i].n_objects == 0)
            GUARD(defects_add(&s->defects, DEFECT_KIND_EMPTY_CATEGORY, NULL, NULL, "%s (id %lld)",
                              s->categories[i].name, (long long)s->categories[i].id));
done:
    mem_free(last_image);
    mem_free(order);
    return status;
}
