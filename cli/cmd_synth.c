// tarn synth: writes a synthetic data set (coco/synth.h).
#include "cli/cmd_synth.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/field.h"
#include "base/log.h"
#include "coco/synth.h"

struct options {
    char output[FIELD_STRING_BYTES];
    int64_t images, val, seed, classes;
    struct field_ints size;
};

static const struct field table[] = {
    {"output", FIELD_STRING, offsetof(struct options, output), "", 0, 0, NULL,
     "the folder to write: must be new, or empty, or hold a set of the same settings"},
    {"images", FIELD_INT, offsetof(struct options, images), "200", 1, 1e6, NULL,
     "number of images in all"},
    {"val", FIELD_INT, offsetof(struct options, val), "-1", -1, 1e6, NULL,
     "how many of them go to annotations/val.json instead of train.json; -1: a fifth"},
    {"seed", FIELD_INT, offsetof(struct options, seed), "1", 0, 9007199254740992.0, NULL,
     "the same seed and settings give the same pictures"},
    {"size", FIELD_INTS, offsetof(struct options, size), "256,256", 32, 4096, NULL,
     "width and height of the images, also written 320x240"},
    {"classes", FIELD_INT, offsetof(struct options, classes), "4", 1, SYNTH_MAX_CLASSES, NULL,
     "how many of disc, square, triangle, star, cross, crescent, arrow, heart"},
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};

static void print_help(void)
{
    puts("tarn synth --output DIR [--images N] [--val N] [--seed S] [--size WxH] [--classes K]\n"
         "\n"
         "Writes a data set in COCO layout: textured shapes with boxes and polygon masks.\n"
         "DIR/images/*.jpg, DIR/annotations/train.json, DIR/annotations/val.json\n");
    fields_print_help(stdout, table, "--");
}

// 320x240 for the list 320,240.
static enum status set_option(struct options *options, const char *name, const char *value)
{
    char list[64];
    const char *times = strchr(value, 'x');
    if (strcmp(name, "size") == 0 && times && strlen(value) < sizeof list) {
        snprintf(list, sizeof list, "%s", value);
        list[times - value] = ',';
        value = list;
    }
    enum status status = fields_set_text(table, options, name, value);
    return status == OK ? OK : fail_context(status, "--");
}

static enum status parse(int argc, char **argv, struct options *options, bool *is_help)
{
    *is_help = false;
    fields_defaults(table, options);
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            *is_help = true;
            return OK;
        }
        if (strncmp(argument, "--", 2) != 0)
            return fail(ERR_USAGE, "synth: unexpected argument \"%s\"; see tarn synth --help",
                        argument);
        const char *equals = strchr(argument, '='), *value = equals ? equals + 1 : argv[i + 1];
        char name[64];
        size_t n = equals ? (size_t)(equals - argument) - 2 : strlen(argument) - 2;
        if (!value) return fail(ERR_USAGE, "synth: %s needs a value", argument);
        if (n >= sizeof name) return fail(ERR_USAGE, "synth: unknown option %s", argument);
        memcpy(name, argument + 2, n);
        name[n] = 0;
        TRY(set_option(options, name, value));
        if (!equals) i++;
    }
    if (!options->output[0]) return fail(ERR_USAGE, "synth: --output DIR is missing");
    if (options->size.n != 2) return fail(ERR_USAGE, "synth: --size needs two numbers: 320x240");
    return OK;
}

enum status cmd_synth(int argc, char **argv)
{
    struct options options;
    bool is_help;
    TRY(parse(argc, argv, &options, &is_help));
    if (is_help) {
        print_help();
        return OK;
    }
    int64_t n_val = options.val >= 0 ? options.val : options.images / 5;
    struct synth_config config = {
        .output = options.output,
        .n_images = (int)options.images,
        .n_val = (int)n_val,
        .width = (int)options.size.v[0],
        .height = (int)options.size.v[1],
        .n_classes = (int)options.classes,
        .seed = (uint64_t)options.seed,
    };
    TRY(synth_write(&config));
    log_info("%s: %" PRId64 " images for training, %" PRId64 " for validation", options.output,
             options.images - n_val, n_val);
    return OK;
}
