#include <string.h>

#include "cli/cmd_pools.h"
#include "cli/command.h"
#include "cli/pools_text.h"

static const struct field fields[] = {{.name = NULL}};

static const struct command_help help = {
    .name = "pools",
    .arguments = "[NAME | similarity ... | picture ...]",
    .summary =
        "Without arguments: all pooling layers. With a name: its formula, options and places.\n"
        "`tarn pools similarity --help` and `tarn pools picture --help` describe the\n"
        "experiments.",
    .options = fields,
    .max_paths = 1,
    .no_assignments = true,
};

static enum status run(const void *options, const struct arguments *arguments)
{
    (void)options;
    return arguments->n_paths ? pools_print_one(arguments->paths[0]) : pools_print_list();
}

enum status cmd_pools(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "similarity") == 0) return cmd_similarity(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "picture") == 0) return cmd_picture(argc - 1, argv + 1);
    return command_run(&help, argc, argv, NULL, run);
}
