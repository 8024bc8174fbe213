#include "cli/cmd_data.h"

#include <string.h>

#include "cli/command.h"

static const struct field fields[] = {{.name = NULL}};

static const struct command_help help = {
    .name = "data",
    .arguments = "check ... | preview ...",
    .summary =
        "Looks at data sets. `tarn data check --help`: what an annotation file and its images\n"
        "hold, and what is wrong with them. `tarn data preview --help`: pictures of what a\n"
        "network is trained on.",
    .options = fields,
    .max_paths = ARGUMENTS_MAX,
};

static enum status refuse(const void *options, const struct arguments *arguments)
{
    const char *word = arguments->n_paths ? arguments->paths[0] : NULL;
    (void)options;
    return fail(
        ERR_USAGE, "tarn data: %s%s%s\nusage: tarn data %s", word ? "'" : "", word ? word : "",
        word ? "' is neither check nor preview" : "check or preview is missing", help.arguments);
}

enum status cmd_data(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "check") == 0) return cmd_check(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "preview") == 0) return cmd_preview(argc - 1, argv + 1);
    return command_run(&help, argc, argv, NULL, refuse);
}
