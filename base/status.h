// Errors: every function that can fail returns `enum status`; the message is kept per thread.
//
//     if (n != 4)
//         return fail(ERR_PARSE, "%s: annotations[%zu].bbox has %d numbers, expected 4", ...);
//     TRY(other());                       // return early, message untouched
//
// A function that owns something releases it at one `done:` label and uses GUARD there.
// Out-parameters are written only on success.
#ifndef TARN_BASE_STATUS_H
#define TARN_BASE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

enum status {
    OK = 0,
    ERR_USAGE,       // a wrong command line or config
    ERR_IO,          // a file cannot be opened, read or written
    ERR_PARSE,       // a file's syntax is broken
    ERR_DATA,        // a file's syntax is right, its meaning is not
    ERR_MEMORY,      // allocation failed, or a size is absurd
    ERR_UNSUPPORTED, // valid, but this build or backend does not do it
    ERR_DEVICE,      // a device or its library failed
    ERR_NUMERIC,     // a value that must be finite is not
    ERR_INTERRUPTED, // SIGINT or SIGTERM asked us to stop
};

#if defined(__GNUC__)
#define MUST_USE         __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define MUST_USE
#define PRINTF_LIKE(f, a)
#endif

// Sets this thread's message and returns `status`.
enum status fail(enum status status, const char *format, ...) PRINTF_LIKE(2, 3);

// Puts text before this thread's message ("loading x: " + message) and returns `status`.
enum status fail_context(enum status status, const char *format, ...) PRINTF_LIKE(2, 3);

// This thread's last message; never NULL. Borrowed until the next fail on this thread.
const char *fail_message(void);

// Process exit code for a status: 0, 2 usage, 3 i/o, 4 parse or data, 5 memory, 6 device or
// unsupported, 7 numeric, 130 interrupted.
int status_exit_code(enum status status);

#define TRY(expression)                                                                            \
    do {                                                                                           \
        enum status try_status_ = (expression);                                                    \
        if (try_status_ != OK) return try_status_;                                                 \
    } while (0)

// As TRY, for functions with a `done:` label and a variable `status`.
#define GUARD(expression)                                                                          \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status != OK) goto done;                                                               \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
