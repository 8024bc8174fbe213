// SIGINT and SIGTERM, for commands that save before they end.
#ifndef TARN_CLI_STOP_SIGNAL_H
#define TARN_CLI_STOP_SIGNAL_H

#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

// Catches them from now on; the value becomes 1 at the first. A second one ends the program.
const volatile sig_atomic_t *stop_signal_catch(void);

#ifdef __cplusplus
}
#endif
#endif
