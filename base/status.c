#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[2048];

enum status fail(enum status status, const char *format, ...)
{
    // The arguments may point into the old message, so format beside it.
    char text[sizeof message];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    return status;
}

enum status fail_context(enum status status, const char *format, ...)
{
    char text[sizeof message];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, "%s", message);
    memcpy(message, text, sizeof message);
    return status;
}

const char *fail_message(void)
{
    return message;
}

int status_exit_code(enum status status)
{
    switch (status) {
    case OK: return 0;
    case ERR_USAGE: return 2;
    case ERR_IO: return 3;
    case ERR_PARSE:
    case ERR_DATA: return 4;
    case ERR_MEMORY: return 5;
    case ERR_UNSUPPORTED:
    case ERR_DEVICE: return 6;
    case ERR_NUMERIC: return 7;
    case ERR_INTERRUPTED: return 130;
    }
    return 1;
}
