#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/stop_signal.h"
#include "train/config.h"
#include "train/trainer.h"

struct options {
    char output[FIELD_STRING_BYTES], device[DEVICE_BYTES];
    bool resume, help_markdown;
};

static const struct field fields[] = {
    {"output", FIELD_STRING, offsetof(struct options, output), "", 0, 0, NULL,
     "Folder of the run: log, charts, checkpoints."},
    {"resume", FIELD_BOOL, offsetof(struct options, resume), "false", 0, 0, NULL,
     "Continue the run in that folder; without CONFIG with its own config.json."},
    DEVICE_FIELD(struct options),
    {"help-markdown", FIELD_BOOL, offsetof(struct options, help_markdown), "false", 0, 0, NULL,
     "Print the config keys as docs/config.md has them."},
    {.name = NULL},
};

static void more_help(FILE *stream)
{
    fputs("\nA config is JSON with comments; \"base\" names a parent, relative to the file. Later\n"
          "settings win: defaults, the parent, the file, then section.key=value on the command\n"
          "line. All other paths are relative to the current folder.\n",
          stream);
    config_print_help(stream);
}

static const struct command_help train_help = {
    .name = "train",
    .arguments = "CONFIG --output DIR [--resume] [section.key=value ...]",
    .summary = "Trains a detector on images with COCO annotations.",
    .options = fields,
    .more = more_help,
    .max_paths = 1,
};

static const struct command_help pretrain_help = {
    .name = "pretrain",
    .arguments = "CONFIG --output DIR [--resume] [section.key=value ...]",
    .summary = "Trains a classifier of images (model.type=classifier). A detector starts from its\n"
               "backbone with model.weights=DIR/last.safetensors.",
    .options = fields,
    .more = more_help,
    .max_paths = 1,
};

static enum status load_config(const struct options *options, const struct arguments *arguments,
                               struct config *config)
{
    char own[PATH_BYTES];
    config_defaults(config);
    if (arguments->n_paths) {
        TRY(config_load(arguments->paths[0], config));
    } else {
        TRY(path_join(own, options->output, "config.json"));
        TRY(config_load(own, config));
    }
    TRY(config_override(config, arguments->n_assignments, arguments->assignments));
    return config_check(config);
}

// A classifier trains as a detector does; two commands, so that nobody waits for boxes.
static enum status check_kind(const struct config *config, const struct command_help *used)
{
    bool wants_classifier = used == &pretrain_help;
    if (config_is_classifier(config) == wants_classifier) return OK;
    return fail(ERR_USAGE, "model.type: %s; `tarn %s` trains it",
                wants_classifier ? "a detector" : "a classifier",
                wants_classifier ? "train" : "pretrain");
}

static enum status train(const struct command_help *used, const struct options *options,
                         const struct arguments *arguments)
{
    struct trainer_options trainer = {.output = options->output, .resume = options->resume};
    struct session *session = NULL;
    bool continues = false;
    struct config *config = (struct config *)mem_alloc(1, sizeof *config);
    enum status status = config ? OK : ERR_MEMORY;
    if (!config) goto done;
    GUARD(load_config(options, arguments, config));
    GUARD(check_kind(config, used));
    GUARD(trainer_check_output(&trainer, &continues));
    GUARD(session_open_training(config, options->device, !continues, &session));
    trainer.stop = stop_signal_catch();
    GUARD(trainer_run(session, &trainer));
done:
    session_close(session);
    mem_free(config);
    return status;
}

static enum status run(const struct command_help *help, const struct options *options,
                       const struct arguments *arguments)
{
    if (options->help_markdown) {
        config_print_markdown(stdout);
        return OK;
    }
    if (!options->resume && !arguments->n_paths)
        return fail(ERR_USAGE, "usage: tarn %s %s", help->name, help->arguments);
    TRY(command_needs(help, "output", options->output));
    return train(help, options, arguments);
}

static enum status run_train(const void *options, const struct arguments *arguments)
{
    return run(&train_help, (const struct options *)options, arguments);
}

static enum status run_pretrain(const void *options, const struct arguments *arguments)
{
    return run(&pretrain_help, (const struct options *)options, arguments);
}

enum status cmd_train(int argc, char **argv)
{
    struct options options;
    return command_run(&train_help, argc, argv, &options, run_train);
}

enum status cmd_pretrain(int argc, char **argv)
{
    struct options options;
    return command_run(&pretrain_help, argc, argv, &options, run_pretrain);
}
