// The commands under `tarn bench`.
#ifndef TARN_CLI_CMD_BENCH_H
#define TARN_CLI_CMD_BENCH_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum status cmd_bench_pools(int argc, char **argv) MUST_USE; // argv[0] is "pools"

#ifdef __cplusplus
}
#endif
#endif
