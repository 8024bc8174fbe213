// The commands of the program, and how each reads its command line.
#ifndef TARN_CLI_COMMAND_H
#define TARN_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/field.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// argv[0] is the command's name. Each prints its own --help; main prints errors.
enum status cmd_train(int argc, char **argv) MUST_USE;
enum status cmd_pretrain(int argc, char **argv) MUST_USE;
enum status cmd_experiment(int argc, char **argv) MUST_USE;
enum status cmd_eval(int argc, char **argv) MUST_USE;
enum status cmd_compare(int argc, char **argv) MUST_USE;
enum status cmd_submit(int argc, char **argv) MUST_USE;
enum status cmd_detect(int argc, char **argv) MUST_USE;
enum status cmd_classify(int argc, char **argv) MUST_USE;
enum status cmd_info(int argc, char **argv) MUST_USE;
enum status cmd_bench(int argc, char **argv) MUST_USE;
enum status cmd_pools(int argc, char **argv) MUST_USE;

// The option --device of a command whose options are `type`, for session_open_* of train/.
enum { DEVICE_BYTES = FIELD_STRING_BYTES };
#define DEVICE_FIELD(type)                                                                         \
    {                                                                                              \
        "device", FIELD_STRING, offsetof(type, device), "auto", 0, 0, NULL,                        \
            "Where to compute: cpu, cuda, cuda:N, or auto: the first GPU, where there is one."     \
    }

// One command's line: "tarn NAME ARGUMENTS", what it does, its options (names as typed, without
// "--"; a FIELD_BOOL option takes no value).
struct command_help {
    const char *name, *arguments, *summary;
    const struct field *options;
    void (*more)(FILE *stream); // what --help says after the options; may be NULL
    int min_paths, max_paths;   // how many arguments are no option
    bool no_assignments;        // section.key=value is refused
};

// What is no option, in order.
enum { ARGUMENTS_MAX = 65536 };
struct arguments {
    const char **paths;       // positional arguments
    int n_paths;
    // section.key=value, where the first word is a config's section; --set may stand before it
    const char **assignments;
    int n_assignments;
};

// Sets `options` (a struct that help->options describes) to defaults and then to what argv says:
// "--name value" or "--name=value"; "--" ends the options. Then runs the command with them, unless
// --help was given. ERR_USAGE: unknown option (with the nearest), missing or bad value, too few or
// too many arguments.
enum status command_run(const struct command_help *help, int argc, char **argv, void *options,
                        enum status (*run)(const void *options,
                                           const struct arguments *arguments)) MUST_USE;

// ERR_USAGE when an option without which a command cannot run has no value.
enum status command_needs(const struct command_help *help, const char *option,
                          const char *value) MUST_USE;

// Refuses assignments where some options leave no use for them.
enum status command_refuses_assignments(const struct command_help *help,
                                        const struct arguments *arguments) MUST_USE;

// "800x1344" as height and width, each 1 to 16384.
enum status arguments_size(const char *option, const char *text, int *height, int *width) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
