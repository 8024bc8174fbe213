#include <string.h>

#include "cli/cmd_pools.h"
#include "cli/command.h"
#include "cli/pools_text.h"

static const struct field fields[] = {{.name = NULL}};

static const struct command_help help = {
    "pools", "[NAME | similarity ... | picture ...]",
    "Without arguments: all pooling layers. With a name: its formula, options and places.\n"
    "`tarn pools similarity --help` and `tarn pools picture --help` describe the experiments.",
    fields, NULL};

enum status cmd_pools(int argc, char **argv)
{
    struct arguments arguments;
    int unused;
    if (argc > 1 && strcmp(argv[1], "similarity") == 0) return cmd_similarity(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "picture") == 0) return cmd_picture(argc - 1, argv + 1);
    TRY(arguments_parse(&help, argc, argv, &unused, &arguments));
    enum status status = OK;
    if (!arguments.help) {
        GUARD(arguments_no_assignments(&help, &arguments));
        GUARD(arguments_expect(&help, &arguments, 0, 1));
        GUARD(arguments.n_paths ? pools_print_one(arguments.paths[0]) : pools_print_list());
    }
done:
    arguments_free(&arguments);
    return status;
}
