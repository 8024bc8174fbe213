#include "base/json_number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The digits of a number as an integer: value = mantissa * 10^exponent, exact unless is_long.
struct digits {
    uint64_t mantissa;
    int exponent;
    bool is_negative, is_long, is_plain; // is_plain: neither fraction nor exponent
};

static bool stop(struct json_cursor *cursor, const unsigned char *at, const char *error)
{
    cursor->at = at;
    cursor->error = at >= cursor->end ? "unexpected end of file" : error;
    return false;
}

// Appends a run of decimal digits; returns the byte behind it.
static const unsigned char *take_digits(const unsigned char *p, const unsigned char *end,
                                        struct digits *digits)
{
    uint64_t mantissa = digits->mantissa;
    for (; p < end; p++) {
        unsigned digit = (unsigned)*p - '0';
        if (digit > 9) break;
        if (mantissa > (UINT64_MAX - 9) / 10) digits->is_long = true;
        mantissa = mantissa * 10 + digit;
    }
    digits->mantissa = mantissa;
    return p;
}

static bool take_exponent(struct json_cursor *cursor, const unsigned char **at,
                          struct digits *digits)
{
    const unsigned char *p = *at + 1, *end = cursor->end;
    bool is_minus = p < end && *p == '-';
    if (p < end && (*p == '+' || *p == '-')) p++;
    const unsigned char *first = p;
    int exponent = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (exponent < 100000) exponent = exponent * 10 + (*p - '0');
    if (p == first) return stop(cursor, p, "expected a digit");
    digits->exponent += is_minus ? -exponent : exponent;
    digits->is_plain = false;
    *at = p;
    return true;
}

static bool take_number(struct json_cursor *cursor, struct digits *digits)
{
    const unsigned char *p = cursor->at, *end = cursor->end, *begin = p;
    *digits = (struct digits){.is_plain = true};
    if (p < end && *p == '-') {
        digits->is_negative = true;
        p++;
    }
    const unsigned char *first = p;
    p = take_digits(p, end, digits);
    if (p == first) return stop(cursor, p, p == begin ? "expected a number" : "expected a digit");
    if (*first == '0' && p - first > 1) return stop(cursor, first + 1, "a number begins with 0");
    if (p < end && *p == '.') {
        const unsigned char *fraction = p + 1;
        p = take_digits(fraction, end, digits);
        if (p == fraction) return stop(cursor, p, "expected a digit");
        digits->exponent = -(int)(p - fraction < 100000 ? p - fraction : 100000);
        digits->is_plain = false;
    }
    if (p < end && (*p == 'e' || *p == 'E') && !take_exponent(cursor, &p, digits)) return false;
    if (p - begin > JSON_MAX_NUMBER_BYTES)
        return stop(cursor, begin, "a number of more than 63 characters");
    cursor->at = p;
    return true;
}

// One exact operation on exact operands rounds once (W. D. Clinger, "How to read floating point
// numbers accurately", 1990).
static bool convert_exact(const struct digits *digits, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int e = digits->exponent;
    if (digits->mantissa > (uint64_t)1 << 53 || e < -22 || e > 22) return false;
    double m = (double)digits->mantissa;
    *value = e < 0 ? m / powers[-e] : m * powers[e];
    return true;
}

#if LDBL_MANT_DIG == 64
// The same with the 64-bit mantissas of x87, rounded once more to 53 bits. The second rounding
// can only go wrong where the first ended exactly half way between two doubles.
static bool convert_extended(const struct digits *digits, double *value)
{
    static const long double powers[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
                                         1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
                                         1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L,
                                         1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    int e = digits->exponent;
    if (e < -27 || e > 27 || digits->mantissa == 0) return false;
    long double m = (long double)digits->mantissa;
    long double product = e < 0 ? m / powers[-e] : m * powers[e];
    uint64_t bits;
    memcpy(&bits, &product, sizeof bits); // the explicit mantissa
    if ((bits & 0x7FF) == 0x400) return false;
    *value = (double)product;
    return true;
}
#else
static bool convert_extended(const struct digits *digits, double *value)
{
    (void)digits, (void)value;
    return false;
}
#endif

// The C library rounds correctly but reads the locale's decimal point.
static double convert_slow(const unsigned char *text, size_t n)
{
    char copy[JSON_MAX_NUMBER_BYTES + 16];
    const unsigned char *dot = memchr(text, '.', n);
    size_t before = dot ? (size_t)(dot - text) : n;
    const char *point = dot ? localeconv()->decimal_point : "";
    snprintf(copy, sizeof copy, "%.*s%.8s%.*s", (int)before, (const char *)text, point,
             (int)(dot ? n - before - 1 : 0), (const char *)(dot ? dot + 1 : text));
    return strtod(copy, NULL);
}

static bool find_integer(const struct digits *digits, double value, int64_t *integer)
{
    if (digits->is_plain) {
        uint64_t limit = (uint64_t)INT64_MAX + digits->is_negative;
        if (digits->is_long || digits->mantissa > limit) return false;
        *integer =
            digits->is_negative ? (int64_t)(0 - digits->mantissa) : (int64_t)digits->mantissa;
        return true;
    }
    if (!(fabs(value) <= 9007199254740992.0) || value != floor(value)) return false;
    *integer = (int64_t)value;
    return true;
}

bool json_read_number(struct json_cursor *cursor, struct json_number *number)
{
    struct digits digits;
    double value;
    json_skip_space(cursor);
    const unsigned char *begin = cursor->at;
    if (!take_number(cursor, &digits)) return false;
    if (!digits.is_long && (convert_exact(&digits, &value) || convert_extended(&digits, &value)))
        value = digits.is_negative ? -value : value;
    else
        value = convert_slow(begin, (size_t)(cursor->at - begin));
    struct json_number read = {.value = value};
    read.is_integer = find_integer(&digits, value, &read.integer);
    *number = read;
    return true;
}
