// The commands under `tarn data`.
#ifndef TARN_CLI_CMD_DATA_H
#define TARN_CLI_CMD_DATA_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum status cmd_data(int argc, char **argv) MUST_USE;

// argv[0] is "preview" or "check".
enum status cmd_preview(int argc, char **argv) MUST_USE;
enum status cmd_check(int argc, char **argv) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
