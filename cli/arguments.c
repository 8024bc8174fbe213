#include <string.h>

#include "base/mem.h"
#include "cli/command.h"
#include "train/config.h"

static void print_help(const struct command_help *help)
{
    printf("usage: tarn %s %s\n\n%s\n", help->name, help->arguments, help->summary);
    if (help->options && help->options->name) {
        printf("\nOptions\n");
        fields_print_help(stdout, help->options, "--");
    }
    if (help->more) help->more(stdout);
}

// Text that begins like a key of the config, so that a file name with a '=' stays a file name.
static bool is_assignment(const char *text)
{
    char section[64];
    size_t n = strcspn(text, ".=");
    if (text[n] != '.' || !strchr(text + n, '=') || n >= sizeof section) return false;
    snprintf(section, sizeof section, "%.*s", (int)n, text);
    return config_has_section(section) || (!strchr(text, '/') && !strchr(text + n + 1, '.'));
}

static enum status set_option(const struct command_help *help, void *options, const char *name,
                              const char *value)
{
    enum status status = fields_set_text(help->options, options, name, value);
    return status == OK ? OK : fail_context(status, "--");
}

// "--set section.key=value" says the same as without --set.
static enum status add_assignment(const struct command_help *help, int argc, char **argv, int i,
                                  const char *value, struct arguments *arguments, int *used)
{
    *used = value ? 1 : 2;
    if (!value && i + 1 < argc) value = argv[i + 1];
    if (!value || !is_assignment(value))
        return fail(ERR_USAGE, "tarn %s: --set needs section.key=value%s%s", help->name,
                    value ? ", not " : "", value ? value : "");
    arguments->assignments[arguments->n_assignments++] = value;
    return OK;
}

// One "--..." argument; *used is the number of argv entries it took.
static enum status parse_option(const struct command_help *help, int argc, char **argv, int i,
                                void *options, struct arguments *arguments, int *used)
{
    char name[64];
    const char *text = argv[i] + 2, *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : (int)sizeof name - 1, text);
    if (strcmp(name, "set") == 0)
        return add_assignment(help, argc, argv, i, equals ? equals + 1 : NULL, arguments, used);
    const struct field *field = fields_find(help->options, name);
    if (!field) {
        const char *nearest = fields_nearest(help->options, name);
        if (nearest)
            return fail(ERR_USAGE, "tarn %s: unknown option --%s; did you mean --%s?", help->name,
                        name, nearest);
        return fail(ERR_USAGE, "tarn %s: unknown option --%s; `tarn %s --help` lists them",
                    help->name, name, help->name);
    }
    *used = 1;
    if (equals) return set_option(help, options, name, equals + 1);
    if (field->type == FIELD_BOOL) return set_option(help, options, name, "true");
    if (i + 1 >= argc) return fail(ERR_USAGE, "tarn %s: --%s needs a value", help->name, name);
    *used = 2;
    return set_option(help, options, name, argv[i + 1]);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static enum status parse(const struct command_help *help, int argc, char **argv, void *options,
                         struct arguments *arguments)
{
    bool options_ended = false;
    for (int i = 1, used = 1; i < argc; i += used) {
        used = 1;
        if (!options_ended && strcmp(argv[i], "--") == 0)
            options_ended = true;
        else if (!options_ended && strncmp(argv[i], "--", 2) == 0)
            TRY(parse_option(help, argc, argv, i, options, arguments, &used));
        else if (!options_ended && argv[i][0] == '-' && argv[i][1])
            return fail(ERR_USAGE, "tarn %s: unknown option %s", help->name, argv[i]);
        else if (!options_ended && is_assignment(argv[i]))
            arguments->assignments[arguments->n_assignments++] = argv[i];
        else
            arguments->paths[arguments->n_paths++] = argv[i];
    }
    return OK;
}

static enum status check_paths(const struct command_help *help, const struct arguments *arguments)
{
    int n = arguments->n_paths;
    if (n > help->max_paths)
        return fail(ERR_USAGE, "tarn %s: '%s' is one argument too many\nusage: tarn %s %s",
                    help->name, arguments->paths[help->max_paths], help->name, help->arguments);
    if (n < help->min_paths)
        return fail(ERR_USAGE, "usage: tarn %s %s", help->name, help->arguments);
    return OK;
}

enum status command_run(const struct command_help *help, int argc, char **argv, void *options,
                        enum status (*run)(const void *options, const struct arguments *arguments))
{
    struct arguments arguments = {.n_paths = 0};
    enum status status = OK;
    if (wants_help(argc, argv)) {
        print_help(help);
        return OK;
    }
    if (argc > ARGUMENTS_MAX) return fail(ERR_USAGE, "too many arguments");
    arguments.paths = (const char **)mem_alloc((size_t)argc, sizeof *arguments.paths);
    arguments.assignments = (const char **)mem_alloc((size_t)argc, sizeof *arguments.assignments);
    if (!arguments.paths || !arguments.assignments) {
        status = ERR_MEMORY;
        goto done;
    }
    fields_defaults(help->options, options);
    GUARD(parse(help, argc, argv, options, &arguments));
    if (help->no_assignments) GUARD(command_refuses_assignments(help, &arguments));
    GUARD(check_paths(help, &arguments));
    GUARD(run(options, &arguments));
done:
    mem_free(arguments.paths);
    mem_free(arguments.assignments);
    return status;
}

enum status command_needs(const struct command_help *help, const char *option, const char *value)
{
    if (value[0]) return OK;
    return fail(ERR_USAGE, "tarn %s: --%s is missing\nusage: tarn %s %s", help->name, option,
                help->name, help->arguments);
}

enum status command_refuses_assignments(const struct command_help *help,
                                        const struct arguments *arguments)
{
    if (arguments->n_assignments == 0) return OK;
    return fail(ERR_USAGE, "tarn %s: '%s' has no effect here\nusage: tarn %s %s", help->name,
                arguments->assignments[0], help->name, help->arguments);
}

enum status arguments_size(const char *option, const char *text, int *height, int *width)
{
    int h = 0, w = 0, used = 0;
    enum { MAX_SIDE = 16384 };
    if (sscanf(text, "%5dx%5d%n", &h, &w, &used) != 2 || text[used] || h < 1 || w < 1 ||
        h > MAX_SIDE || w > MAX_SIDE)
        return fail(ERR_USAGE, "--%s: '%.40s' is not HEIGHTxWIDTH, e.g. 800x1344", option, text);
    *height = h;
    *width = w;
    return OK;
}
