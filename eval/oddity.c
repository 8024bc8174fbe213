#include "eval/oddity.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

enum { TEXT_BYTES = 1024 };

enum status oddity_warn(bool is_strict, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (is_strict) return fail(ERR_DATA, "%s", text);
    log_warn("%s", text);
    return OK;
}

enum status oddity_note(bool is_strict, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (is_strict) return fail(ERR_DATA, "%s", text);
    log_info("%s", text);
    return OK;
}
