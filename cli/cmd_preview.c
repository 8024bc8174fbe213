#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cmd_data.h"
#include "cli/command.h"
#include "draw/canvas.h"
#include "train/loader_config.h"

struct options {
    char output[FIELD_STRING_BYTES];
    int64_t images;
};

static const struct field fields[] = {
    {"output", FIELD_STRING, offsetof(struct options, output), "", 0, 0, NULL,
     "Folder for the pictures."},
    {"images", FIELD_INT, offsetof(struct options, images), "16", 1, 100000, NULL,
     "How many images."},
    {.name = NULL},
};

static const struct command_help help = {
    .name = "data preview",
    .arguments = "CONFIG --output DIR [--images N] [section.key=value ...]",
    .summary =
        "Draws the first images of a training as the network gets them: after mirroring,\n"
        "resizing and all other augmentation, with boxes, class names and, for models with\n"
        "masks, the masks. The pictures are DIR/0001_NAME.png, 0002_..., in the order of the\n"
        "training.",
    .options = fields,
    .min_paths = 1,
    .max_paths = 1,
};

struct run {
    const struct options *options;
    const struct coco_dataset *dataset;
    bool raw_labels;
    int64_t n_images, n_objects;
};

// The way back from normalised values, of the part that the network takes for the image.
static enum status restore_pixels(const struct batch *batch, int slot, struct image *image)
{
    float normalised[256][4];
    int height = (int)batch->sizes[2 * slot], width = (int)batch->sizes[2 * slot + 1];
    size_t row = 3 * (size_t)batch->width;
    const float *canvas = batch->images + (size_t)slot * (size_t)batch->height * row;
    image_normalisation(normalised);
    image->width = width;
    image->height = height;
    image->rgb = (uint8_t *)mem_alloc((size_t)height * (size_t)width, 3);
    if (!image->rgb) return ERR_MEMORY;
    for (int y = 0; y < height; y++)
        for (int i = 0; i < 3 * width; i++) {
            float black = normalised[0][i % 3], white = normalised[255][i % 3];
            float value = (canvas[(size_t)y * row + (size_t)i] - black) / (white - black) * 255.0f;
            image->rgb[(size_t)y * 3 * (size_t)width + (size_t)i] =
                (uint8_t)lroundf(fminf(fmaxf(value, 0.0f), 255.0f));
        }
    return OK;
}

// A mask of the whole image from its frame; `whole` is zeroed working memory and is so again.
static enum status restore_mask(const struct batch *batch, size_t at, int height, int width,
                                uint8_t *whole, struct rle *rle)
{
    const int32_t *f = batch->mask_frames + 4 * at;
    const uint8_t *mask = batch->masks + batch->mask_starts[at];
    for (int32_t y = 0; y < f[3]; y++)
        memcpy(whole + (size_t)(f[1] + y) * (size_t)width + (size_t)f[0], mask + (size_t)(y * f[2]),
               (size_t)f[2]);
    TRY(rle_encode(whole, height, width, rle));
    memset(whole, 0, (size_t)height * (size_t)width);
    return OK;
}

static const char *name_of(const struct run *run, int32_t label, int *index)
{
    *index = run->raw_labels ? coco_category_index(run->dataset, label) : label - 1;
    return run->dataset->categories[*index].name;
}

static enum status draw(struct run *run, const struct batch *batch, int slot, const char *path)
{
    struct image image = {0, 0, NULL}, drawn = {0, 0, NULL};
    size_t n = (size_t)batch->counts[slot], first = (size_t)slot * (size_t)batch->max_objects;
    struct canvas_object *objects = (struct canvas_object *)mem_alloc(n, sizeof *objects);
    struct canvas_style *styles = (struct canvas_style *)mem_alloc(n, sizeof *styles);
    struct rle *masks = (struct rle *)mem_alloc(n, sizeof *masks);
    uint8_t *whole = NULL;
    enum status status = ERR_MEMORY;
    if (!objects || !styles || !masks) goto done;
    GUARD(restore_pixels(batch, slot, &image));
    whole = (uint8_t *)mem_alloc((size_t)image.width * (size_t)image.height, 1);
    if (!whole) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        int index;
        objects[i] = (struct canvas_object){.score = (double)NAN};
        objects[i].name = name_of(run, batch->labels[first + i], &index);
        objects[i].class_index = index + 1; // the colour that detections of this class have
        for (int k = 0; k < 4; k++)
            objects[i].box[k] = (double)batch->boxes[4 * (first + i) + (size_t)k];
        styles[i].color = palette_class(objects[i].class_index);
        if (!batch->masks) continue;
        GUARD(restore_mask(batch, first + i, image.height, image.width, whole, &masks[i]));
        styles[i].mask = &masks[i];
    }
    GUARD(canvas_draw_styled(&image, objects, styles, n, &drawn));
    status = canvas_save(path, &drawn);
    run->n_objects += (int64_t)n;
done:
    for (size_t i = 0; masks && i < n; i++) rle_free(&masks[i]);
    mem_free(masks);
    mem_free(whole);
    mem_free(styles);
    mem_free(objects);
    image_free(&drawn);
    image_free(&image);
    return status;
}

static enum status draw_batch(struct run *run, const struct batch *batch)
{
    for (int slot = 0; slot < batch->n && run->n_images < run->options->images; slot++) {
        char name[PATH_BYTES], path[PATH_BYTES];
        const char *base = path_base(run->dataset->images[batch->image_index[slot]].file_name);
        int stem = (int)(strlen(base) - strlen(path_extension(base)));
        snprintf(name, sizeof name, "%04lld_%.*s.png", (long long)++run->n_images, stem, base);
        TRY(path_join(path, run->options->output, name));
        TRY(draw(run, batch, slot, path));
    }
    return OK;
}

static enum status preview(const struct options *options, const struct config *config)
{
    struct coco_dataset *dataset = NULL;
    struct loader_config loading;
    struct loader *loader = NULL;
    enum status status = OK;
    GUARD(coco_dataset_load(config->data.train_annotations, &dataset));
    struct run run = {options, dataset, config->data.raw_labels, 0, 0};
    GUARD(folder_create(options->output));
    loader_config_training(config, dataset, 0, &loading);
    GUARD(loader_create(&loading, &loader));
    while (run.n_images < options->images) {
        struct batch *batch;
        GUARD(loader_next(loader, &batch));
        GUARD(draw_batch(&run, batch));
    }
    printf("%lld images with %lld objects: %s\n", (long long)run.n_images, (long long)run.n_objects,
           options->output);
done:
    loader_destroy(loader);
    coco_dataset_destroy(dataset);
    return status;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    TRY(command_needs(&help, "output", options->output));
    struct config *config = (struct config *)mem_alloc(1, sizeof *config);
    if (!config) return ERR_MEMORY;
    enum status status = OK;
    config_defaults(config);
    GUARD(config_load(arguments->paths[0], config));
    GUARD(config_override(config, arguments->n_assignments, arguments->assignments));
    GUARD(config_check(config));
    if (!config->data.train_images[0])
        status = fail(ERR_USAGE, "%s: data.train_images and data.train_annotations are missing",
                      arguments->paths[0]);
    if (status == OK) status = preview(options, config);
done:
    mem_free(config);
    return status;
}

enum status cmd_preview(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
