// tarn: trains, evaluates and runs object detectors.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "cli/cmd_data.h"
#include "cli/cmd_synth.h"
#include "cli/command.h"
#include "version.h"

static const struct command {
    const char *name, *arguments, *summary;
    enum status (*run)(int argc, char **argv);
} commands[] = {
    {"train", "CONFIG --output DIR [--resume] [section.key=value ...]", "train a detector",
     cmd_train},
    {"pretrain", "CONFIG --output DIR [--resume] [section.key=value ...]",
     "train a classifier, whose backbone a detector starts from", cmd_pretrain},
    {"experiment", "EXPERIMENT.json --output DIR [section.key=value ...]",
     "train models with several pooling layers and seeds, and print the table", cmd_experiment},
    {"eval", "--annotations GT.json (--checkpoint C --images DIR | --results R.json)",
     "measure COCO's average precision, or how often a classifier is right", cmd_eval},
    {"compare", "A.json B.json (--annotations GT.json | --classification)",
     "tell whether two results differ, by resampling images or McNemar's test", cmd_compare},
    {"submit", "--checkpoint C --images DIR --image-info INFO.json --name ALG --output DIR",
     "make or check a submission to COCO's server", cmd_submit},
    {"detect", "--checkpoint C PATH... --output DIR", "find objects in images", cmd_detect},
    {"classify", "--checkpoint C PATH...", "tell the classes of images", cmd_classify},
    {"data", "check ANNOTATIONS --images DIR | preview CONFIG --output DIR",
     "examine a data set, or see what a network is trained on", cmd_data},
    {"synth", "--output DIR --images N --seed S", "make a synthetic data set", cmd_synth},
    {"info", "[CONFIG|CHECKPOINT]", "describe this build, or a model layer by layer", cmd_info},
    {"pools", "[NAME | similarity --images DIR | picture IMAGE --output F.png]",
     "pooling layers: a list, one explained, what they do to images", cmd_pools},
    {"bench", "model CONFIG --size HxW [--train] | pools", "measure speed", cmd_bench},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *stream)
{
    fprintf(stream, "tarn %s: trains, evaluates and runs object detectors and their backbones\n\n",
            TARN_VERSION);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(stream, "  tarn %s %s\n      %s\n", commands[i].name, commands[i].arguments,
                commands[i].summary);
    fprintf(stream, "\n`tarn COMMAND --help` lists a command's options; `tarn train --help` also "
                    "all config keys.\n");
}

static enum status unknown_command(const char *name)
{
    const char *best = NULL;
    int least = 1000;
    for (int i = 0; i < N_COMMANDS; i++) {
        int distance = text_distance(name, commands[i].name);
        if (distance >= least) continue;
        least = distance;
        best = commands[i].name;
    }
    if (best && text_is_near(name, least))
        return fail(ERR_USAGE, "'%s' is no command; did you mean 'tarn %s'?", name, best);
    return fail(ERR_USAGE, "'%s' is no command; `tarn --help` lists them", name);
}

static enum status run(int argc, char **argv)
{
    const char *name = argv[1];
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0) {
        printf("tarn %s%s%s\n", TARN_VERSION, TARN_GIT[0] ? " " : "", TARN_GIT);
        return OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return OK;
    }
    return unknown_command(name);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return status_exit_code(ERR_USAGE);
    }
    enum status status = run(argc, argv);
    if (status == OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = fail(ERR_IO, "standard output: cannot write");
    if (status != OK) fprintf(stderr, "tarn: %s\n", fail_message());
    return status_exit_code(status);
}
