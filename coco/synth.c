#define _POSIX_C_SOURCE 200809L
#include "coco/synth.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "coco/synth_classes.h"
#include "coco/synth_scene.h"

enum { JPEG_QUALITY = 88, SETTINGS_BYTES = 512 };

static enum status check(const struct synth_config *config)
{
    if (config->n_images < 1 || config->n_images > 1000000)
        return fail(ERR_USAGE, "number of images %d, expected 1 to 1000000", config->n_images);
    if (config->n_val < 0 || config->n_val >= config->n_images)
        return fail(ERR_USAGE, "number of validation images %d, expected 0 to %d", config->n_val,
                    config->n_images - 1);
    if (config->width < 32 || config->width > 4096 || config->height < 32 || config->height > 4096)
        return fail(ERR_USAGE, "image size %dx%d, expected 32x32 to 4096x4096", config->width,
                    config->height);
    if (!(config->smallest >= 0.05 && config->smallest <= 0.5))
        return fail(ERR_USAGE, "smallest shape %g, expected 0.05 to 0.5", config->smallest);
    if (!(config->tinted >= 0 && config->tinted <= 1))
        return fail(ERR_USAGE, "share of tinted shapes %g, expected 0 to 1", config->tinted);
    if (config->n_classes < 1 || config->n_classes > SYNTH_MAX_CLASSES)
        return fail(ERR_USAGE, "number of classes %d, expected 1 to %d", config->n_classes,
                    SYNTH_MAX_CLASSES);
    return OK;
}

static void describe(const struct synth_config *config, char text[SETTINGS_BYTES])
{
    snprintf(text, SETTINGS_BYTES,
             "{\"generator\": \"tarn synth 1\", %s\"images\": %d, \"val\": %d, \"width\": %d, "
             "\"height\": %d, \"classes\": %d, \"smallest\": %g, \"tinted\": %g, "
             "\"seed\": %" PRIu64
             "}\n",
             config->classification ? "\"classification\": true, " : "", config->n_images,
             config->n_val, config->width, config->height, config->n_classes,
             config->smallest, config->tinted, config->seed);
}

static enum status is_empty_folder(const char *path, bool *is_empty)
{
    DIR *folder = opendir(path);
    if (!folder) return fail(ERR_IO, "%s: cannot open folder", path);
    *is_empty = true;
    for (const struct dirent *entry; *is_empty && (entry = readdir(folder));)
        *is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    return OK;
}

// Decides whether the folder may be written; *is_done: it holds this very set.
static enum status inspect(const struct synth_config *config, const char *settings_path,
                           const char *last_path, const char *settings, bool *is_done)
{
    *is_done = false;
    if (!file_exists(config->output)) return OK;
    bool is_empty = false;
    if (file_is_folder(config->output)) TRY(is_empty_folder(config->output, &is_empty));
    if (is_empty) return OK;
    char *text = NULL;
    bool is_same =
        file_read(settings_path, SETTINGS_BYTES, &text, NULL) == OK && strcmp(text, settings) == 0;
    mem_free(text);
    if (!is_same)
        return fail(ERR_USAGE,
                    "%s: holds something else: choose another folder, or remove it first",
                    config->output);
    *is_done = file_exists(last_path);
    return OK;
}

// One annotation file in the making.
struct part {
    struct file_writer writer;
    char *objects; // text of "annotations", written after "images"
    size_t n_bytes, capacity;
    int64_t n_images, n_objects;
};

static enum status append(struct part *part, const char *text)
{
    size_t n = strlen(text);
    TRY(mem_reserve(&part->objects, &part->capacity, part->n_bytes + n + 1, 1));
    memcpy(part->objects + part->n_bytes, text, n + 1);
    part->n_bytes += n;
    return OK;
}

static enum status append_object(struct part *part, const struct polygon *outline, int kind,
                                 int64_t image_id)
{
    char text[512];
    double bounds[4];
    polygon_bounds(outline, bounds);
    snprintf(text, sizeof text,
             "%s{\"id\": %" PRId64 ", \"image_id\": %" PRId64 ", \"category_id\": %d, "
             "\"iscrowd\": 0, \"area\": %.4f, \"bbox\": [%.2f, %.2f, %.2f, %.2f], "
             "\"segmentation\": [[",
             part->n_objects ? ",\n" : "", part->n_objects + 1, image_id, kind + 1,
             polygon_area(outline), bounds[0], bounds[1], bounds[2] - bounds[0],
             bounds[3] - bounds[1]);
    TRY(append(part, text));
    for (int i = 0; i < outline->n; i++) {
        snprintf(text, sizeof text, "%s%.2f, %.2f", i ? ", " : "", outline->x[i], outline->y[i]);
        TRY(append(part, text));
    }
    part->n_objects++;
    return append(part, "]]}");
}

static enum status add_image(const struct synth_config *config, int index, const char *folder,
                             struct part *part)
{
    struct scene *scene = (struct scene *)mem_alloc(1, sizeof *scene);
    if (!scene) return ERR_MEMORY;
    char name[32], path[PATH_BYTES];
    enum status status = OK;
    snprintf(name, sizeof name, "%06d.jpg", index + 1);
    GUARD(path_join(path, folder, name));
    GUARD(scene_create(config, index, scene));
    GUARD(image_save_jpeg(path, &scene->image, JPEG_QUALITY));
    fprintf(part->writer.stream,
            "%s{\"id\": %d, \"file_name\": \"%s\", \"width\": %d, \"height\": %d}",
            part->n_images++ ? ",\n" : "", index + 1, name, config->width, config->height);
    for (int i = 0; i < scene->n_objects; i++)
        GUARD(append_object(part, &scene->outlines[i], scene->kinds[i], index + 1));
done:
    scene_free(scene);
    mem_free(scene);
    return status;
}

static enum status write_part(const struct synth_config *config, const char *path,
                              const char *folder, int from, int to)
{
    struct part part = {.objects = NULL};
    enum status status = OK;
    TRY(file_writer_begin(&part.writer, path));
    FILE *stream = part.writer.stream;
    fprintf(stream,
            "{\"info\": {\"description\": \"tarn synth, seed %" PRIu64 "\"},\n\"images\": [\n",
            config->seed);
    GUARD(append(&part, ""));
    for (int i = from; i < to; i++) GUARD(add_image(config, i, folder, &part));
    fprintf(stream, "\n],\n\"annotations\": [\n%s\n],\n\"categories\": [\n", part.objects);
    for (int k = 0; k < config->n_classes; k++)
        fprintf(stream, "%s{\"id\": %d, \"name\": \"%s\", \"supercategory\": \"shape\"}",
                k ? ",\n" : "", k + 1, synth_class_names[k]);
    fprintf(stream, "\n]}\n");
    status = file_writer_commit(&part.writer);
done:
    file_writer_abort(&part.writer);
    mem_free(part.objects);
    return status;
}

enum status synth_write(const struct synth_config *config)
{
    char images[PATH_BYTES], annotations[PATH_BYTES], settings_path[PATH_BYTES];
    char train[PATH_BYTES], val[PATH_BYTES], settings[SETTINGS_BYTES];
    bool is_done;
    TRY(check(config));
    TRY(path_join(images, config->output, "images"));
    TRY(path_join(annotations, config->output, "annotations"));
    TRY(path_join(settings_path, config->output, "synth.json"));
    TRY(path_join(train, annotations, "train.json"));
    TRY(path_join(val, annotations, "val.json"));
    describe(config, settings);
    // train.json comes last: where it is, all is.
    if (config->classification) TRY(synth_class_path(config, 0, train));
    TRY(inspect(config, settings_path, train, settings, &is_done));
    if (is_done) return OK;
    TRY(folder_create(config->output));
    TRY(file_write(settings_path, settings, strlen(settings)));
    if (config->classification) return synth_classes_write(config);
    TRY(folder_create(images));
    TRY(folder_create(annotations));
    int n_train = config->n_images - config->n_val;
    if (config->n_val > 0) TRY(write_part(config, val, images, n_train, config->n_images));
    return write_part(config, train, images, 0, n_train);
}
