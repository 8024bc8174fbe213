// The commands under `tarn pools`.
#ifndef TARN_CLI_CMD_POOLS_H
#define TARN_CLI_CMD_POOLS_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// argv[0] is "similarity" or "picture".
enum status cmd_similarity(int argc, char **argv) MUST_USE;
enum status cmd_picture(int argc, char **argv) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
