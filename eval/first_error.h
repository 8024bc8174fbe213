// The error of a parallel loop that a serial one would have met first.
#ifndef TARN_EVAL_FIRST_ERROR_H
#define TARN_EVAL_FIRST_ERROR_H

#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Start from {.place = SIZE_MAX}. Every element must be visited, so that the choice does not depend
// on threads.
struct first_error {
    size_t place;
    enum status status;
    char message[512];
};

// From any thread: keeps the message when `place` is the smallest so far.
void first_error_note(struct first_error *error, size_t place, enum status status,
                      const char *message);

#ifdef __cplusplus
}
#endif
#endif
