#include "cli/cmd_synth.h"

#include <stdio.h>

#include "base/log.h"
#include "cli/command.h"
#include "coco/synth.h"

struct options {
    char output[FIELD_STRING_BYTES], size[FIELD_STRING_BYTES];
    int64_t images, val, seed, classes;
    double smallest, tinted;
    bool classification;
};

static const struct field fields[] = {
    {"output", FIELD_STRING, offsetof(struct options, output), "", 0, 0, NULL,
     "The folder to write: new, or empty, or with a set of the same settings."},
    {"images", FIELD_INT, offsetof(struct options, images), "200", 1, 1e6, NULL,
     "Number of images in all."},
    {"val", FIELD_INT, offsetof(struct options, val), "-1", -1, 1e6, NULL,
     "How many of them are for validation; -1: a fifth."},
    {"classification", FIELD_BOOL, offsetof(struct options, classification), "false", 0, 0, NULL,
     "One shape an image, in a folder for each class."},
    {"seed", FIELD_INT, offsetof(struct options, seed), "1", 0, 9007199254740992.0, NULL,
     "The same seed and settings give the same pictures."},
    {"size", FIELD_STRING, offsetof(struct options, size), "256x256", 0, 0, NULL,
     "Width and height of the images."},
    {"classes", FIELD_INT, offsetof(struct options, classes), "4", 1, SYNTH_MAX_CLASSES, NULL,
     "How many of disc, square, triangle, star, cross, crescent, arrow, heart, in this order."},
    {"smallest", FIELD_FLOAT, offsetof(struct options, smallest), "0.12", 0.05, 0.5, NULL,
     "Diameter of the smallest shapes as a share of the images' short side."},
    {"tinted", FIELD_FLOAT, offsetof(struct options, tinted), "0", 0, 1, NULL,
     "Share of shapes whose hue follows their class: an easier set for short trainings."},
    {.name = NULL},
};

static const struct command_help help = {
    .name = "synth",
    .arguments = "--output DIR [--images N] [--val N] [--seed S] [--size WxH] [--classes K]"
                 " [--classification]",
    .summary =
        "Makes a data set in COCO layout: textured shapes over uneven backgrounds, with boxes\n"
        "and polygon masks. DIR gets images/*.jpg, annotations/train.json and\n"
        "annotations/val.json. With --classification: train/CLASS/*.jpg and val/CLASS/*.jpg,\n"
        "which `tarn pretrain` takes with data.format=folder data.train_images=DIR/train\n"
        "data.val_images=DIR/val.",
    .options = fields,
    .no_assignments = true,
};

static enum status parse_size(const char *text, int *width, int *height)
{
    int w = 0, h = 0, used = 0;
    if (sscanf(text, "%5dx%5d%n", &w, &h, &used) != 2 || text[used])
        return fail(ERR_USAGE, "--size: '%.40s' is not WIDTHxHEIGHT, e.g. 320x240", text);
    *width = w;
    *height = h;
    return OK;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    struct synth_config config = {
        .output = options->output,
        .n_images = (int)options->images,
        .n_val = (int)(options->val >= 0 ? options->val : options->images / 5),
        .n_classes = (int)options->classes,
        .smallest = options->smallest,
        .tinted = options->tinted,
        .seed = (uint64_t)options->seed,
        .classification = options->classification,
    };
    (void)arguments;
    TRY(command_needs(&help, "output", options->output));
    TRY(parse_size(options->size, &config.width, &config.height));
    TRY(synth_write(&config));
    log_info("%s: %d images for training, %d for validation", config.output,
             config.n_images - config.n_val, config.n_val);
    return OK;
}

enum status cmd_synth(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
