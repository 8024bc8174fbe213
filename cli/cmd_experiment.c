#include <stdio.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/stop_signal.h"
#include "train/experiment_accuracy.h"
#include "train/experiment_run.h"
#include "train/experiment_table.h"

struct options {
    char output[FIELD_STRING_BYTES];
    bool list;
};

static const struct field fields[] = {
    {"output", FIELD_STRING, offsetof(struct options, output), "", 0, 0, NULL,
     "Folder of the experiment: a folder for each run, table.md, table.json."},
    {"list", FIELD_BOOL, offsetof(struct options, list), "false", 0, 0, NULL,
     "Print the runs and train nothing."},
    {.name = NULL},
};

static void more_help(FILE *stream)
{
    fputs("\nThe file is JSON with comments:\n"
          "  models      [{\"name\": TEXT, \"base\": CONFIG, \"configs\": {POOLING: CONFIG},\n"
          "                \"set\": {KEY: VALUE}}, ...]\n"
          "  poolings    [{\"name\": TEXT, \"of\": POOLING, \"set\": {KEY: VALUE}}, ...]; the\n"
          "              others are compared with the first; with \"of\" nothing is trained: that\n"
          "              pooling's checkpoint is measured with the pools of \"set\" instead\n"
          "  set         {KEY: VALUE} for all runs\n",
          stream);
    fields_print_help(stream, experiment_fields, "");
    fputs("\nA run's config is that of its model for its pooling (configs), else the model's base, "
          "else\nthe experiment's; then set of the experiment, the model and the pooling, then\n"
          "section.key=value on the command line, then the seed. `tarn train --help` lists the\n"
          "keys. The same command continues what was interrupted and skips what is finished.\n",
          stream);
}

static const struct command_help help = {
    .name = "experiment",
    .arguments = "EXPERIMENT.json --output DIR [--list] [section.key=value ...]",
    .summary =
        "Trains models with several pooling layers and seeds, one run after another, and prints\n"
        "the table: AP of each detector or accuracy of each classifier, its spread over the\n"
        "seeds, and how sure the differences are.",
    .options = fields,
    .more = more_help,
    .min_paths = 1,
    .max_paths = 1,
};

static void list(const struct experiment *experiment)
{
    int64_t iterations = 0;
    for (size_t i = 0; i < experiment->n_runs; i++) {
        const struct experiment_run *run = &experiment->runs[i];
        const struct experiment_run *source = experiment_source(experiment, run);
        const struct config *config = &run->config;
        if (source != run) {
            printf("%-40s measures %s\n", run->name, source->name);
            continue;
        }
        iterations += config->train.iterations;
        printf("%-40s %lld iterations of %lld images\n", run->name,
               (long long)config->train.iterations,
               (long long)(config->train.batch_size * config->train.accumulate));
    }
    printf("%zu runs, %lld iterations\n", experiment->n_runs, (long long)iterations);
}

static enum status tabulate_detection(const struct experiment *experiment, const char *folder,
                                      const char *markdown, const char *json)
{
    struct experiment_table table;
    enum status status = OK;
    TRY(experiment_table_build(experiment, folder, &table));
    GUARD(experiment_table_print(&table, stdout));
    GUARD(experiment_table_save_markdown(&table, markdown));
    GUARD(experiment_table_save_json(&table, json));
done:
    experiment_table_free(&table);
    return status;
}

static enum status tabulate_accuracy(const struct experiment *experiment, const char *folder,
                                     const char *markdown, const char *json)
{
    struct accuracy_table table;
    enum status status = OK;
    TRY(accuracy_table_build(experiment, folder, &table));
    GUARD(accuracy_table_print(&table, stdout));
    GUARD(accuracy_table_save_markdown(&table, markdown));
    GUARD(accuracy_table_save_json(&table, json));
done:
    accuracy_table_free(&table);
    return status;
}

static enum status tabulate(const struct experiment *experiment, const char *folder)
{
    char markdown[PATH_BYTES], json[PATH_BYTES];
    TRY(path_join(markdown, folder, "table.md"));
    TRY(path_join(json, folder, "table.json"));
    putchar('\n');
    TRY(experiment->is_classification ? tabulate_accuracy(experiment, folder, markdown, json)
                                      : tabulate_detection(experiment, folder, markdown, json));
    printf("\nsaved: %s, %s\n", markdown, json);
    return OK;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    struct experiment *experiment = NULL;
    enum status status = OK;
    if (!options->list) TRY(command_needs(&help, "output", options->output));
    TRY(experiment_load(arguments->paths[0], arguments->n_assignments, arguments->assignments,
                        &experiment));
    if (options->list) {
        list(experiment);
        goto done;
    }
    GUARD(experiment_claim_folder(experiment, options->output));
    GUARD(experiment_run_all(experiment, options->output, stop_signal_catch()));
    GUARD(tabulate(experiment, options->output));
done:
    experiment_free(experiment);
    return status;
}

enum status cmd_experiment(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}
