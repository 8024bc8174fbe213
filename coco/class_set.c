#include "coco/class_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "coco/class_list.h"

struct building {
    const struct class_source *source;
    struct coco_dataset *set;
    size_t image_capacity, object_capacity;
};

static enum status keep_name(struct coco_dataset *set, const char *name, char **kept)
{
    size_t n = strlen(name) + 1;
    *kept = (char *)arena_alloc(&set->names, n);
    if (!*kept) return ERR_MEMORY;
    memcpy(*kept, name, n);
    return OK;
}

static enum status set_classes(struct building *b, size_t n, const char *const *names)
{
    struct coco_dataset *set = b->set;
    set->categories = (struct coco_category *)mem_alloc(n, sizeof *set->categories);
    if (!set->categories) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        set->categories[i].id = (int64_t)i;
        TRY(keep_name(set, names[i], &set->categories[i].name));
    }
    set->n_categories = n;
    return OK;
}

static enum status find_class(const struct building *b, const char *name, int *class)
{
    const struct coco_dataset *set = b->set;
    for (size_t i = 0; i < set->n_categories; i++) {
        if (strcmp(set->categories[i].name, name) != 0) continue;
        *class = (int)i;
        return OK;
    }
    return fail(ERR_DATA, "%s: class '%s' is not among the model's %zu", set->path, name,
                set->n_categories);
}

// A box of zeros for images that are whole files; class -1: not known.
static enum status add_image(struct building *b, const struct coco_image *image, const char *name,
                             int class, const float box[4])
{
    struct coco_dataset *set = b->set;
    TRY(mem_reserve(&set->images, &b->image_capacity, set->n_images + 1, sizeof *set->images));
    TRY(mem_reserve(&set->objects, &b->object_capacity, set->n_objects + 1, sizeof *set->objects));
    struct coco_object *object = &set->objects[set->n_objects];
    *object = (struct coco_object){.id = image->id, .category = class};
    memcpy(object->box, box, sizeof object->box);
    struct coco_image *added = &set->images[set->n_images++];
    *added = *image;
    added->first = set->n_objects++;
    added->n_objects = 1;
    if (class >= 0) set->categories[class].n_objects++;
    return keep_name(set, name, &added->file_name);
}

static enum status add_file(struct building *b, const char *name, int class)
{
    static const float no_box[4] = {0};
    struct coco_image image = {.id = (int64_t)b->set->n_images + 1};
    return add_image(b, &image, name, class, no_box);
}

static enum status read_files(struct building *b)
{
    for (size_t i = 0; i < b->source->n_files; i++)
        TRY(add_file(b, b->source->files[i], -1));
    return OK;
}

static bool is_image(const char *path)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcmp(path_extension(path), endings[i]) == 0) return true;
    return false;
}

static enum status read_class_folder(struct building *b, const char *folder, int class)
{
    struct path_list files;
    char name[PATH_BYTES];
    enum status status = OK;
    TRY(folder_list(folder, &files));
    for (size_t i = 0; i < files.n; i++) {
        if (!is_image(files.paths[i])) continue;
        GUARD(path_join(name, path_base(folder), path_base(files.paths[i])));
        GUARD(add_file(b, name, class));
    }
done:
    path_list_free(&files);
    return status;
}

static enum status read_folders(struct building *b)
{
    const struct class_source *source = b->source;
    struct path_list folders;
    enum status status = OK;
    const char **names = NULL;
    TRY(folder_list_folders(source->images, &folders));
    if (!source->names) {
        names = (const char **)mem_alloc(folders.n, sizeof *names);
        if (!names) {
            status = ERR_MEMORY;
            goto done;
        }
        for (size_t i = 0; i < folders.n; i++) names[i] = path_base(folders.paths[i]);
        GUARD(set_classes(b, folders.n, names));
    }
    for (size_t i = 0; i < folders.n; i++) {
        int class = (int)i;
        if (source->names) GUARD(find_class(b, path_base(folders.paths[i]), &class));
        GUARD(read_class_folder(b, folders.paths[i], class));
    }
done:
    mem_free(names);
    path_list_free(&folders);
    return status;
}

static enum status read_list(struct building *b)
{
    const struct class_source *source = b->source;
    struct class_list list;
    enum status status = OK;
    TRY(class_list_read(source->list, &list));
    int *class_of = (int *)mem_alloc(list.n_classes, sizeof *class_of);
    if (!class_of) {
        status = ERR_MEMORY;
        goto done;
    }
    if (!source->names) GUARD(set_classes(b, list.n_classes, list.classes));
    for (size_t i = 0; i < list.n_classes; i++)
        GUARD(find_class(b, list.classes[i], &class_of[i]));
    for (size_t i = 0; i < list.n; i++)
        GUARD(add_file(b, list.lines[i].path, class_of[list.lines[i].channel]));
done:
    mem_free(class_of);
    class_list_free(&list);
    return status;
}

static int compare_ids(const void *a, const void *b)
{
    const struct coco_image *x = (const struct coco_image *)a, *y = (const struct coco_image *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static enum status sort_by_id(struct coco_dataset *set)
{
    if (set->n_images) qsort(set->images, set->n_images, sizeof *set->images, compare_ids);
    for (size_t i = 1; i < set->n_images; i++)
        if (set->images[i].id == set->images[i - 1].id)
            return fail(ERR_DATA, "%s: two annotations have the id %" PRId64, set->path,
                        set->images[i].id);
    return OK;
}

static enum status add_boxes(struct building *b, const struct coco_dataset *from,
                             const int *class_of)
{
    size_t n_small = 0;
    for (size_t i = 0; i < from->n_images; i++) {
        const struct coco_image *file = &from->images[i];
        for (size_t k = 0; k < file->n_objects; k++) {
            const struct coco_object *object = &from->objects[file->first + k];
            struct coco_image image = *file;
            double width = (double)(object->box[2] - object->box[0]);
            double height = (double)(object->box[3] - object->box[1]);
            if (object->is_crowd) continue;
            if (width < b->source->min_side || height < b->source->min_side) {
                n_small++;
                continue;
            }
            image.id = object->id;
            TRY(add_image(b, &image, file->file_name, class_of[object->category], object->box));
        }
    }
    if (n_small)
        log_info("%s: %zu boxes with a side below %g pixels left out", from->path, n_small,
                 b->source->min_side);
    return sort_by_id(b->set);
}

static enum status read_crops(struct building *b)
{
    const struct class_source *source = b->source;
    struct coco_dataset *from = NULL;
    const char **names = NULL;
    int *class_of = NULL;
    enum status status = OK;
    TRY(coco_dataset_load(source->list, &from));
    names = (const char **)mem_alloc(from->n_categories, sizeof *names);
    class_of = (int *)mem_alloc(from->n_categories, sizeof *class_of);
    if (!names || !class_of) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < from->n_categories; i++) names[i] = from->categories[i].name;
    if (!source->names) GUARD(set_classes(b, from->n_categories, names));
    for (size_t i = 0; i < from->n_categories; i++)
        GUARD(find_class(b, names[i], &class_of[i]));
    GUARD(add_boxes(b, from, class_of));
done:
    mem_free(names);
    mem_free(class_of);
    coco_dataset_destroy(from);
    return status;
}

static enum status read_all(struct building *b)
{
    const struct class_source *source = b->source;
    struct coco_dataset *set = b->set;
    const char *path = source->format == CLASS_FOLDERS || source->format == CLASS_FILES
                           ? source->images
                           : source->list;
    set->path = mem_strdup(path);
    if (!set->path) return ERR_MEMORY;
    if (source->names) TRY(set_classes(b, source->n_names, source->names));
    switch (source->format) {
    case CLASS_FILES: TRY(read_files(b)); break;
    case CLASS_FOLDERS: TRY(read_folders(b)); break;
    case CLASS_LIST: TRY(read_list(b)); break;
    case CLASS_CROPS: TRY(read_crops(b)); break;
    }
    if (set->n_images == 0) return fail(ERR_DATA, "%s: no images", set->path);
    return OK;
}

enum status class_set_load(const struct class_source *source, struct coco_dataset **dataset)
{
    struct coco_dataset *set = (struct coco_dataset *)mem_alloc(1, sizeof *set);
    if (!set) return ERR_MEMORY;
    arena_init(&set->names, &arena_host_source);
    struct building b = {.source = source, .set = set};
    enum status status = read_all(&b);
    if (status != OK) {
        coco_dataset_destroy(set);
        return status;
    }
    *dataset = set;
    return OK;
}
