// JSON numbers read straight from text, correctly rounded and independent of the locale.
#ifndef TARN_BASE_JSON_NUMBER_H
#define TARN_BASE_JSON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json_scan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_number {
    double value;    // nearest double, ties to even; infinite beyond the range (1e999)
    int64_t integer; // exact when is_integer
    bool is_integer; // a whole number that fits: written without fraction and exponent, or a whole
                     // double up to 2^53 in magnitude (7.0, 1e3)
};

// Skips space, reads one number and ends behind it; false with the cursor's error set otherwise.
// Same grammar and limits as json_skip_value.
bool json_read_number(struct json_cursor *cursor, struct json_number *number);

#ifdef __cplusplus
}
#endif
#endif
