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
    "compare",
    "A.json B.json (--annotations GT.json [--type bbox|segm] [--resamples 1000] [--seed S] |"
    " --classification) [--json OUT.json]",
    "Compares two results files on the same images: AP, AP50 and AP75 of A and B, the difference\n"
    "B - A, and how sure it is; the same for each class.\n"
    "\n"
    "Resampled are the images of the ground truth, all of them, with replacement and for A and B\n"
    "alike (a paired bootstrap); objects and detections are not matched again. The interval of\n"
    "95 % is the percentile interval, centred: quantiles of the resampled differences, moved so\n"
    "that their mean lies on the observed difference. p is the share of resamples that lie as far\n"
    "from their mean as the observed difference lies from zero. A star marks intervals without\n"
    "zero; of twenty classes one gets a star by chance. What another training seed would change\n"
    "is not in the interval. More in docs/compare.md.\n"
    "\n"
    "With --classification: on how many images both, one or none of two classifiers are right,\n"
    "and McNemar's test, which looks only at the images where one alone is right: chi-squared,\n"
    "plain and continuity-corrected, and the exact binomial test. More in docs/classification.md.",
    fields, NULL};

static enum status check_classes(const struct options *o)
{
    if (o->annotations[0])
        return fail(ERR_USAGE, "--annotations does not go with --classification: the files hold "
                               "the images' classes");
    if (o->type || o->resamples != RESAMPLES || o->seed)
        return fail(ERR_USAGE, "--type, --resamples and --seed do not go with --classification");
    return OK;
}

static enum status compare(const struct options *o, const struct arguments *arguments)
{
    struct comparison comparison;
    struct compare_options how = {o->type ? EVAL_MASKS : EVAL_BOXES, (int)o->resamples,
                                  (uint64_t)o->seed, 0};
    TRY(arguments_expect(&help, arguments, 2, 2));
    TRY(arguments_no_assignments(&help, arguments));
    if (o->classification) {
        TRY(check_classes(o));
        return compare_classes(arguments->paths[0], arguments->paths[1], o->json);
    }
    if (!o->annotations[0])
        return fail(ERR_USAGE, "--annotations is missing\nusage: tarn compare %s", help.arguments);
    TRY(compare_files(o->annotations, arguments->paths[0], arguments->paths[1], &how, &comparison));
    comparison_print(&comparison);
    enum status status = o->json[0] ? comparison_save_json(&comparison, o->json) : OK;
    comparison_free(&comparison);
    return status;
}

enum status cmd_compare(int argc, char **argv)
{
    struct options options;
    struct arguments arguments;
    TRY(arguments_parse(&help, argc, argv, &options, &arguments));
    enum status status = arguments.help ? OK : compare(&options, &arguments);
    arguments_free(&arguments);
    return status;
}
