// What people read about pooling layers: `tarn pools` and `tarn pools NAME`. Everything comes from
// struct pool_def.
#ifndef TARN_CLI_POOLS_TEXT_H
#define TARN_CLI_POOLS_TEXT_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum status pools_print_list(void) MUST_USE;
enum status pools_print_one(const char *name) MUST_USE; // ERR_USAGE: no such pool

#ifdef __cplusplus
}
#endif
#endif
