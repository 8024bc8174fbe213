#include "cli/cmd_data.h"

#include <string.h>

#include "cli/command.h"

static const struct field fields[] = {{.name = NULL}};

static const struct command_help help = {"data", "check ... | preview ...",
                                         "Looks at data sets. `tarn data check --help`: what an "
                                         "annotation file and its images hold, and\n"
                                         "what is wrong with them. `tarn data preview --help`: "
                                         "pictures of what a network is trained on.",
                                         fields, NULL};

enum status cmd_data(int argc, char **argv)
{
    struct arguments arguments;
    int unused;
    if (argc > 1 && strcmp(argv[1], "check") == 0) return cmd_check(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "preview") == 0) return cmd_preview(argc - 1, argv + 1);
    TRY(arguments_parse(&help, argc, argv, &unused, &arguments));
    enum status status = OK;
    if (!arguments.help)
        status = fail(ERR_USAGE, "tarn data: %s%s%s\nusage: tarn data %s",
                      arguments.n_paths ? "'" : "", arguments.n_paths ? arguments.paths[0] : "",
                      arguments.n_paths ? "' is neither check nor preview"
                                        : "check or preview is missing",
                      help.arguments);
    arguments_free(&arguments);
    return status;
}
