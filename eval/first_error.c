#include "eval/first_error.h"

#include <stdio.h>

void first_error_note(struct first_error *error, size_t place, enum status status,
                      const char *message)
{
#pragma omp critical(first_error)
    if (place < error->place) {
        error->place = place;
        error->status = status;
        snprintf(error->message, sizeof error->message, "%s", message);
    }
}
