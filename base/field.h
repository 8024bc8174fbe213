// Descriptions of struct members that people set by name: config sections, pool parameters,
// command options. Parser, validation, --help and docs follow from one table.
#ifndef TARN_BASE_FIELD_H
#define TARN_BASE_FIELD_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum field_type {
    FIELD_BOOL,   // bool
    FIELD_INT,    // int64_t
    FIELD_FLOAT,  // double
    FIELD_CHOICE, // int: index into `choices`
    FIELD_STRING, // char[FIELD_STRING_BYTES]
    FIELD_INTS,   // struct field_ints: a JSON array or "1,2,3"
    FIELD_FLOATS, // struct field_floats
};

enum { FIELD_STRING_BYTES = 1024, FIELD_LIST_MAX = 32 };

struct field_ints {
    int n;
    long v[FIELD_LIST_MAX];
};

struct field_floats {
    int n;
    double v[FIELD_LIST_MAX];
};

struct field {
    const char *name; // within its section; NULL ends a table
    enum field_type type;
    size_t offset;          // in the struct
    const char *initial;    // default, written as on the command line
    double min, max;        // numbers only; inclusive
    const char *choices;    // "a|b|c" for FIELD_CHOICE, else NULL
    const char *help;       // one sentence
};

#ifdef __cplusplus
}
#endif
#endif
