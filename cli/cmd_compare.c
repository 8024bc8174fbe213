#include "cli/command.h"
#include "cli/compare_classes.h"
#include "eval/compare.h"

struct options {
    char annotations[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES];
    int type;
    int64_t resamples, seed;
    bool classification;
};

enum { RESAMPLES = 1000 };

static const struct field fields[] = {
    {"annotations", FIELD_STRING, offsetof(struct options, annotations), "", 0, 0, NULL,
     "Ground truth in COCO's format."},
    {"type", FIELD_CHOICE, offsetof(struct options, type), "bbox", 0, 0, "bbox|segm",
     "Boxes or masks."},
    {"resamples", FIELD_INT, offsetof(struct options, resamples), "1000", 1, 1000000, NULL,
     "Resamples of the bootstrap."},
    {"seed", FIELD_INT, offsetof(struct options, seed), "0", 0, 9007199254740991.0, NULL,
     "Seed of the resamples."},
    {"classification", FIELD_BOOL, offsetof(struct options, classification), "false", 0, 0, NULL,
     "The files are those of classifiers (`tarn eval --save-results`): McNemar's test."},
    {"json", FIELD_STRING, offsetof(struct options, json), "", 0, 0, NULL,
     "Write all numbers, of every class too, as JSON."},
    {.name = NULL},
};

static const struct command_help help = {
    .name = "compare",
    .arguments =
        "A.json B.json (--annotations GT.json [--type bbox|segm] [--resamples 1000] [--seed S] |"
        " --classification) [--json OUT.json]",
    .summary =
        "Compares two results files on the same images: AP, AP50 and AP75 of A and B, the\n"
        "difference B - A, and how sure it is; the same for each class.\n"
        "\n"
        "Resampled are the images of the ground truth, all of them, with replacement and for A\n"
        "and B alike (a paired bootstrap); objects and detections are not matched again. The\n"
        "interval of 95 % is the percentile interval, centred: quantiles of the resampled\n"
        "differences, moved so that their mean lies on the observed difference. p is the share\n"
        "of resamples that lie as far from their mean as the observed difference lies from\n"
        "zero. A star marks intervals without zero; of twenty classes one gets a star by\n"
        "chance. What another training seed would change is not in the interval. More in\n"
        "docs/compare.md.\n"
        "\n"
        "With --classification: on how many images both, one or none of two classifiers are\n"
        "right, and McNemar's test, which looks only at the images where one alone is right:\n"
        "chi-squared, plain and continuity-corrected, and the exact binomial test. More in\n"
        "docs/classification.md.",
    .options = fields,
    .min_paths = 2,
    .max_paths = 2,
    .no_assignments = true,
};

static enum status check_classes(const struct options *o)
{
    if (o->annotations[0])
        return fail(ERR_USAGE, "--annotations does not go with --classification: the files hold "
                               "the images' classes");
    if (o->type || o->resamples != RESAMPLES || o->seed)
        return fail(ERR_USAGE, "--type, --resamples and --seed do not go with --classification");
    return OK;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *o = (const struct options *)context;
    struct comparison comparison;
    struct compare_options how = {o->type ? EVAL_MASKS : EVAL_BOXES, (int)o->resamples,
                                  (uint64_t)o->seed, 0};
    if (o->classification) {
        TRY(check_classes(o));
        return compare_classes(arguments->paths[0], arguments->paths[1], o->json);
    }
    TRY(command_needs(&help, "annotations", o->annotations));
    TRY(compare_files(o->annotations, arguments->paths[0], arguments->paths[1], &how, &comparison));
    comparison_print(&comparison);
    enum status status = o->json[0] ? comparison_save_json(&comparison, o->json) : OK;
    comparison_free(&comparison);
    return status;
}

enum status cmd_compare(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
