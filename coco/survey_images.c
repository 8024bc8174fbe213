#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "coco/image.h"
#include "coco/survey_parts.h"

struct work {
    struct survey *survey;
    const char *folder;
};

static enum status check_size(struct survey *s, const struct survey_image *image, int orientation)
{
    const struct coco_image *entry = &image->entry;
    if ((entry->width == 0 || entry->width == image->width) &&
        (entry->height == 0 || entry->height == image->height))
        return OK;
    bool is_turned =
        orientation >= 5 && entry->width == image->height && entry->height == image->width;
    return defects_add(&s->defects, DEFECT_KIND_SIZE_MISMATCH, &entry->id, NULL,
                       "%s: %d x %d, the annotations say %d x %d%s", entry->file_name, image->width,
                       image->height, entry->width, entry->height,
                       is_turned ? ", which is the upright image: data.exif=apply" : "");
}

static enum status check_colors(struct survey *s, const struct coco_image *entry,
                                const struct file_map *map)
{
    static const enum defect_kind kinds[] = {[IMAGE_GREY] = DEFECT_KIND_GREY,
                                             [IMAGE_CMYK] = DEFECT_KIND_CMYK,
                                             [IMAGE_ALPHA] = DEFECT_KIND_ALPHA};
    enum image_colors colors = image_colors_of(map->bytes, map->n_bytes);
    if (colors == IMAGE_RGB) return OK;
    return defects_add(&s->defects, kinds[colors], &entry->id, NULL, "%s", entry->file_name);
}

static enum status check_file(struct survey *s, struct survey_image *image, const char *path,
                              const struct file_map *map)
{
    const struct coco_image *entry = &image->entry;
    struct image pixels;
    int orientation = 1;
    // EXIF_APPLY keeps quiet about tags; the size is then turned back.
    enum status status =
        image_decode(map->bytes, map->n_bytes, path, EXIF_APPLY, &pixels, &orientation);
    if (status == ERR_MEMORY) return status;
    if (status != OK)
        return defects_add(&s->defects, DEFECT_KIND_BROKEN_IMAGE, &entry->id, NULL, "%s",
                           fail_message());
    image->width = orientation >= 5 ? pixels.height : pixels.width;
    image->height = orientation >= 5 ? pixels.width : pixels.height;
    image_free(&pixels);
    TRY(check_colors(s, entry, map));
    if (orientation != 1)
        TRY(defects_add(&s->defects, DEFECT_KIND_ROTATED, &entry->id, NULL, "%s: orientation %d",
                        entry->file_name, orientation));
    return check_size(s, image, orientation);
}

static enum status check_image(void *context, int thread, size_t i)
{
    const struct work *work = (const struct work *)context;
    struct survey *s = work->survey;
    struct survey_image *image = &s->images[i];
    char path[PATH_BYTES];
    struct file_map map;
    (void)thread;
    enum status status = path_join(path, work->folder, image->entry.file_name);
    if (status == OK && !file_exists(path))
        return defects_add(&s->defects, DEFECT_KIND_MISSING_FILE, &image->entry.id, NULL, "%s",
                           path);
    if (status == OK) status = file_map_open(path, &map);
    if (status != OK)
        return defects_add(&s->defects, DEFECT_KIND_BROKEN_IMAGE, &image->entry.id, NULL, "%s",
                           fail_message());
    status = check_file(s, image, path, &map);
    file_map_close(&map);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum status check_names(struct survey *s, const char *folder)
{
    struct path_list files = {NULL, 0};
    enum status status = OK;
    const char **names = (const char **)mem_alloc(s->n_images, sizeof *names);
    if (!names) return ERR_MEMORY;
    for (size_t i = 0; i < s->n_images; i++) names[i] = s->images[i].entry.file_name;
    if (s->n_images) qsort(names, s->n_images, sizeof *names, by_name);
    for (size_t i = 1; i < s->n_images; i++)
        if (strcmp(names[i], names[i - 1]) == 0 && (i < 2 || strcmp(names[i - 2], names[i]) != 0))
            GUARD(defects_add(&s->defects, DEFECT_KIND_SHARED_FILE, NULL, NULL, "%s", names[i]));
    if (folder_list(folder, &files) != OK) goto done; // every image is missing then, and named
    for (size_t i = 0; i < files.n; i++) {
        const char *name = path_base(files.paths[i]);
        if (!s->n_images || !bsearch(&name, names, s->n_images, sizeof *names, by_name))
            GUARD(defects_add(&s->defects, DEFECT_KIND_UNUSED_FILE, NULL, NULL, "%s", name));
    }
done:
    path_list_free(&files);
    mem_free(names);
    return status;
}

enum status survey_check_images(struct survey *survey, const struct survey_options *options)
{
    struct work work = {survey, options->image_folder};
    TRY(survey_parallel(options, "images", survey->n_images, check_image, &work));
    return check_names(survey, options->image_folder);
}
