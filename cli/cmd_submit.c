#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/submit_job.h"
#include "eval/submission_check.h"

struct options {
    char checkpoint[FIELD_STRING_BYTES], config[FIELD_STRING_BYTES], images[FIELD_STRING_BYTES];
    char image_info[FIELD_STRING_BYTES], name[FIELD_STRING_BYTES], output[FIELD_STRING_BYTES];
    char device[DEVICE_BYTES];
    char testset[FIELD_STRING_BYTES], check[FIELD_STRING_BYTES], cut[FIELD_STRING_BYTES];
    int type;
    int64_t findings;
    bool restart;
};

#define TEXT(name, member, help)                                                                   \
    {name, FIELD_STRING, offsetof(struct options, member), "", 0, 0, NULL, help}
static const struct field fields[] = {
    TEXT("checkpoint", checkpoint, "Trained model (safetensors)."),
    TEXT("config", config, "Config of the model, for a checkpoint that tarn did not write."),
    TEXT("images", images, "Folder of the images."),
    TEXT("image-info", image_info,
         "The split's list of images and categories, e.g. image_info_test-dev2017.json."),
    TEXT("name", name, "Name of the algorithm, for the file's name."),
    {"type", FIELD_CHOICE, offsetof(struct options, type), "auto", 0, 0, "auto|bbox|segm",
     "Boxes or masks; auto: boxes, and for --check what the first entry holds."},
    TEXT("output", output, "Folder of the zip, and of what is under way."),
    TEXT("testset", testset, "Name of the test set, where that of --image-info does not tell it."),
    DEVICE_FIELD(struct options),
    {"restart", FIELD_BOOL, offsetof(struct options, restart), "false", 0, 0, NULL,
     "Begin anew: drop what is under way, replace a finished zip."},
    TEXT("check", check, "Check this finished zip instead."),
    TEXT("cut", cut, "With --check: write a copy with the best 100 results of each image."),
    {"findings", FIELD_INT, offsetof(struct options, findings), "10", 0, 1000000000, NULL,
     "With --check: findings shown of each kind; 0: all."},
    {.name = NULL},
};
#undef TEXT

static const struct command_help help = {
    .name = "submit",
    .arguments = "--checkpoint C --images DIR --image-info INFO.json --name ALG [--type bbox|segm] "
                 "--output DIR [section.key=value ...]\n"
                 "       tarn submit --check FILE.zip --image-info INFO.json [--cut OUT.zip]",
    .summary =
        "Runs a model over a split of COCO and writes what the evaluation server takes:\n"
        "DIR/detections_TESTSET_ALG_results.zip with the .json of the same name inside, at most\n"
        "100 results an image, coordinates rounded to 0.1, scores to 5 decimals. It can be\n"
        "interrupted, or killed, at any moment: the same command goes on where it was, if\n"
        "checkpoint, config and list of images are still the same. An image that cannot be read\n"
        "is reported and has no results; the exit code is then 4.\n"
        "\n"
        "--check tells of a finished file whether the server would take it: names, layout, ids,\n"
        "numbers, masks, results per image, repeated results. The exit code is 4 when it would\n"
        "not.",
    .options = fields,
};

static volatile sig_atomic_t stop_requested;

// The first signal asks the run to save and end; a second one ends the program at once.
static void on_signal(int number)
{
    (void)number;
    stop_requested = 1;
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static enum status make(const struct options *o, const struct arguments *arguments)
{
    struct submit_job job = {.checkpoint = o->checkpoint,
                             .images = o->images,
                             .output = o->output,
                             .is_restart = o->restart,
                             .type = o->type == SUBMISSION_MASKS ? EVAL_MASKS : EVAL_BOXES,
                             .stop = &stop_requested};
    char testset[SUBMISSION_WORD_BYTES];
    struct coco_dataset *split = NULL;
    struct session *session = NULL;
    enum status status = OK;
    if (!o->testset[0] && !submission_find_testset(o->image_info, testset))
        return fail(ERR_USAGE,
                    "%s: its name does not tell the test set; please give --testset "
                    "(%s, %s, %s)",
                    o->image_info, submission_testsets[0], submission_testsets[1],
                    submission_testsets[2]);
    TRY(submission_stem(o->testset[0] ? o->testset : testset, o->name, job.stem));
    if (o->testset[0] && !submission_knows_testset(o->testset))
        log_warn("COCO's server knows no test set '%s'", o->testset);
    GUARD(session_open_checkpoint(o->checkpoint, o->config[0] ? o->config : NULL, o->device,
                                  arguments->n_assignments, arguments->assignments, &session));
    GUARD(coco_dataset_load_images(o->image_info, &split));
    GUARD(session_know_classes(session, split));
    catch_signals();
    GUARD(submit_run(&job, session, split));
done:
    coco_dataset_destroy(split);
    session_close(session);
    return status;
}

static void print_finding(void *context, const struct submission_finding *finding)
{
    static const char *const severities[] = {"note", "warning", "error"};
    (void)context;
    printf("%s: ", severities[finding->severity]);
    if (finding->entry != FINDING_WHOLE) printf("entry %zu: ", finding->entry);
    printf("%s\n", finding->text);
}

static void print_summary(const struct options *o, const struct submission_summary *summary,
                          const struct coco_dataset *split)
{
    size_t n_hidden = 0, most = (size_t)o->findings;
    for (int i = 0; i < FINDING_KINDS && most; i++)
        if (summary->n_findings[i] > most) n_hidden += summary->n_findings[i] - most;
    if (n_hidden) printf("%zu more findings of these kinds (--findings 0 shows all)\n", n_hidden);
    printf("%zu results (%s) of %zu of %zu images; %.1f MB, %.1f MB packed\n", summary->n_results,
           summary->type == EVAL_MASKS ? "masks" : "boxes", summary->n_images_found,
           split->n_images, (double)summary->json_bytes * 1e-6, (double)summary->zip_bytes * 1e-6);
}

// The copy's folder and stem, from its path.
static enum status cut(const struct options *o, const struct submission_summary *summary)
{
    char folder[PATH_BYTES], stem[SUBMISSION_STEM_BYTES];
    const char *base = path_base(o->cut), *extension = path_extension(o->cut);
    size_t n = strlen(base) - strlen(extension);
    if (strcmp(extension, ".zip") != 0 || n >= sizeof stem)
        return fail(ERR_USAGE, "--cut: %s is no name of a zip", o->cut);
    snprintf(stem, sizeof stem, "%.*s", (int)n, base);
    if (!submission_stem_is_valid(stem, o->testset[0] ? o->testset : NULL))
        return fail(ERR_USAGE, "--cut: the file must be called "
                               "detections_TESTSET_ALGORITHM_results.zip");
    if (!summary->can_be_cut)
        return fail(ERR_DATA, "%s: has errors that cutting does not mend", o->check);
    snprintf(folder, sizeof folder, "%.*s", (int)(base - o->cut), o->cut);
    TRY(submission_cut(o->check, summary, folder[0] ? folder : ".", stem));
    printf("cut to %d results an image: %s\n", SUBMISSION_PER_IMAGE, o->cut);
    return OK;
}

static enum status check_file(const struct options *o)
{
    char testset[SUBMISSION_WORD_BYTES];
    struct coco_dataset *split = NULL;
    struct submission_summary summary = {.n_errors = 0};
    struct submission_check_options how = {.type = (enum submission_type)o->type,
                                           .max_reported = (size_t)o->findings,
                                           .wants_cut = o->cut[0] != 0,
                                           .report = print_finding};
    enum status status = OK;
    if (o->testset[0])
        how.testset = o->testset;
    else if (submission_find_testset(o->image_info, testset))
        how.testset = testset;
    TRY(coco_dataset_load_images(o->image_info, &split));
    GUARD(submission_check(o->check, split, &how, &summary));
    print_summary(o, &summary, split);
    if (o->cut[0])
        GUARD(cut(o, &summary));
    else if (summary.n_errors)
        status =
            fail(ERR_DATA, "%s: %zu error%s; it is not fit for the server%s", o->check,
                 summary.n_errors, summary.n_errors == 1 ? "" : "s",
                 summary.can_be_cut && summary.n_images_over ? "; --cut OUT.zip mends it" : "");
    else
        printf("nothing speaks against it\n");
done:
    submission_summary_free(&summary);
    coco_dataset_destroy(split);
    return status;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *o = (const struct options *)context;
    TRY(command_needs(&help, "image-info", o->image_info));
    if (o->check[0]) {
        if (o->checkpoint[0] || o->images[0] || o->name[0] || o->output[0] || o->config[0] ||
            o->restart)
            return fail(ERR_USAGE, "--check goes with --image-info, --type, --testset, --cut and "
                                   "--findings alone");
        TRY(command_refuses_assignments(&help, arguments));
        return check_file(o);
    }
    if (o->cut[0]) return fail(ERR_USAGE, "--cut goes with --check");
    TRY(command_needs(&help, "checkpoint", o->checkpoint));
    TRY(command_needs(&help, "images", o->images));
    TRY(command_needs(&help, "name", o->name));
    TRY(command_needs(&help, "output", o->output));
    return make(o, arguments);
}

enum status cmd_submit(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
