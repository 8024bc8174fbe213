#include "cli/eval_options.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct eval_options, member)
#define TEXT(name, member, help)                                                                   \
    {                                                                                              \
        name, FIELD_STRING, AT(member), "", 0, 0, NULL, help                                       \
    }
#define SWITCH(name, member, help)                                                                 \
    {                                                                                              \
        name, FIELD_BOOL, AT(member), "false", 0, 0, NULL, help                                    \
    }
const struct field eval_option_fields[] = {
    TEXT("annotations", annotations, "Ground truth in COCO's format."),
    TEXT("results", results, "Evaluate this COCO results file instead of a model."),
    TEXT("checkpoint", checkpoint, "Model to evaluate (safetensors)."),
    TEXT("config", config, "Config of the model, for a checkpoint that tarn did not write."),
    TEXT("images", images, "Folder of the images; with --results only for the report's."),
    TEXT("save-results", save_results,
         "Write the model's detections as a COCO results file; a classifier's results as JSON."),
    {"type", FIELD_CHOICE, AT(type), "bbox", 0, 0, "bbox|segm", "Boxes or masks."},
    SWITCH("per-class", per_class,
           "Print a table of the classes; always, where a model is evaluated (of a classifier only "
           "up to 50)."),
    TEXT("json", json, "Write the numbers as JSON, each class's too."),
    TEXT("tensors", tensors, "Write precision, recall and scores (safetensors)."),
    TEXT("charts", charts,
         "Of a classifier: a folder for the pictures of the confusion matrix and of each class."),
    TEXT("report", report, "Write a page with curves, errors and the worst images (HTML)."),
    {"iou", FIELD_FLOATS, AT(iou), "", 1e-9, 1, NULL,
     "IoU thresholds instead of COCO's 0.50:0.05:0.95."},
    TEXT("areas", areas,
         "Area ranges instead of small, medium and large: label:low:high,... in pixels, both "
         "ends included. 'all' (0 to 1e10) comes first unless it is given."),
    {"max-detections", FIELD_INTS, AT(max_detections), "1,10,100", 1, INT32_MAX, NULL,
     "Limits per image and class, ascending. AP is taken at 100, or at the largest without it."},
    {"max-per-image", FIELD_INT, AT(max_per_image), "0", 0, INT32_MAX, NULL,
     "Keep only so many of an image's detections over all classes, the best, as COCO's server "
     "does with 100; 0: all."},
    SWITCH("class-agnostic", class_agnostic, "All classes are one."),
    SWITCH("honor-ignore", honor_ignore,
           "Objects with a true \"ignore\" count neither as found nor as missed."),
    SWITCH("fix-id0", fix_id0, "An object with the id 0 can be found; in pycocotools it never is."),
    {"area-from", FIELD_CHOICE, AT(area_from), "file", 0, 0, "file|bbox|mask",
     "What tells small from large: the objects' \"area\" (and the results' boxes or masks), or "
     "boxes, or masks, for objects and results."},
    SWITCH("area-from-box", area_from_box,
           "Results with masks and boxes: areas are the boxes', as in pycocotools."),
    SWITCH("derive-area", derive_area,
           "An object without \"area\" has that of its mask (segm) or box (bbox)."),
    SWITCH("pycocotools-dups", pycocotools_dups,
           "Annotations of one id are no error: the last stands in place of each."),
    SWITCH("skip-unknown-images", skip_unknown_images,
           "Leave out results for images that the annotations do not list."),
    DEVICE_FIELD(struct eval_options),
    SWITCH("strict", strict, "What is warned about in the two files is an error."),
    {.name = NULL},
};
#undef AT
#undef TEXT
#undef SWITCH

void eval_options_reading(const struct eval_options *options, struct eval_reading *reading)
{
    static const enum eval_area_source sources[] = {AREA_OF_FILE, AREA_OF_BOX, AREA_OF_MASK};
    *reading = (struct eval_reading){
        .type = options->type ? EVAL_MASKS : EVAL_BOXES,
        .area = sources[options->area_from],
        .result_area_of_box = options->area_from_box,
        .derive_area = options->derive_area,
        .count_id0 = options->fix_id0,
        .repeat_last = options->pycocotools_dups,
        .any_category = options->class_agnostic,
        .skip_unknown_images = options->skip_unknown_images,
        .is_strict = options->strict,
    };
}

// "low:high", up to a ',' or the end, which *end gets.
static bool read_range(const char *text, struct eval_area *area, const char **end)
{
    char *stop;
    area->low = strtod(text, &stop);
    if (stop == text || *stop != ':') return false;
    text = stop + 1;
    area->high = strtod(text, &stop);
    *end = stop;
    return stop != text && (*stop == ',' || *stop == 0);
}

static enum status read_areas(const char *text, struct eval_params *params)
{
    params->n_areas = 0;
    if (strncmp(text, "all:", 4) != 0 && !strstr(text, ",all:"))
        params->areas[params->n_areas++] = (struct eval_area){"all", 0, 1e10};
    for (const char *p = text;; p++) {
        if (params->n_areas == EVAL_MAX_AREAS)
            return fail(ERR_USAGE, "--areas: %d ranges at the most, with 'all'", EVAL_MAX_AREAS);
        struct eval_area *area = &params->areas[params->n_areas++];
        size_t n = strcspn(p, ":,");
        *area = (struct eval_area){.label = ""};
        if (n > 0 && n < sizeof area->label && p[n] == ':') memcpy(area->label, p, n);
        if (!area->label[0] || !read_range(p + n + 1, area, &p))
            return fail(ERR_USAGE,
                        "--areas: '%s' is not label:low:high,... with labels of up to %zu bytes",
                        text, sizeof area->label - 1);
        if (*p == 0) return OK;
    }
}

enum status eval_options_params(const struct eval_options *options, struct eval_params *params)
{
    eval_params_init(params);
    params->type = options->type ? EVAL_MASKS : EVAL_BOXES;
    params->use_categories = !options->class_agnostic;
    params->honor_ignore = options->honor_ignore;
    params->max_per_image = (int)options->max_per_image;
    if (options->iou.n) {
        params->n_thresholds = options->iou.n;
        memcpy(params->thresholds, options->iou.v, (size_t)options->iou.n * sizeof *options->iou.v);
    }
    if (options->areas[0]) TRY(read_areas(options->areas, params));
    if (options->max_detections.n > EVAL_MAX_LIMITS)
        return fail(ERR_USAGE, "--max-detections: %d limits at the most", EVAL_MAX_LIMITS);
    params->n_limits = options->max_detections.n;
    for (int i = 0; i < params->n_limits; i++)
        params->limits[i] = (int)options->max_detections.v[i];
    return eval_params_check(params);
}
