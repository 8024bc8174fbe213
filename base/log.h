// Messages for people, on stderr. Progress lines are the trainer's own business.
#ifndef TARN_BASE_LOG_H
#define TARN_BASE_LOG_H

#include <stdbool.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2); // prefixed "warning: "
void log_set_quiet(bool quiet);                           // drops log_info

// Seconds from an arbitrary start, monotonic.
double clock_seconds(void);

#ifdef __cplusplus
}
#endif
#endif
