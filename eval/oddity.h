// What files may hold although it is hardly meant: a warning, or an error for who is strict.
#ifndef TARN_EVAL_ODDITY_H
#define TARN_EVAL_ODDITY_H

#include <stdbool.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// ERR_DATA with the message when is_strict; else a warning, or only a note, and OK.
enum status oddity_warn(bool is_strict, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
enum status oddity_note(bool is_strict, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
