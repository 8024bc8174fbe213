// The command `tarn synth`.
#ifndef TARN_CLI_CMD_SYNTH_H
#define TARN_CLI_CMD_SYNTH_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// argv[0] is "synth".
enum status cmd_synth(int argc, char **argv) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
