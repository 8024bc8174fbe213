#include "detect/old_names.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DIGITS = 3 };

// Reads "<number>." at *text and steps over it.
static bool take_number(const char **text, int *number)
{
    const char *p = *text;
    int value = 0, digits = 0;
    while (*p >= '0' && *p <= '9' && digits < MAX_DIGITS) {
        value = 10 * value + (*p++ - '0');
        digits++;
    }
    if (digits == 0 || *p != '.') return false;
    *text = p + 1;
    *number = value;
    return true;
}

static bool take_prefix(const char **text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(*text, prefix, n) != 0) return false;
    *text += n;
    return true;
}

static bool is_leaf(const char *text)
{
    return strcmp(text, "weight") == 0 || strcmp(text, "bias") == 0;
}

static bool fits(int written, size_t n_bytes)
{
    return written > 0 && (size_t)written < n_bytes;
}

bool old_name_to_new(const char *old, char *name, size_t n_bytes)
{
    static const char *const fpn[] = {"backbone.fpn.inner_blocks.", "backbone.fpn.layer_blocks."};
    static const char *const towers[] = {"head.classification_head.conv.",
                                         "head.regression_head.conv."};
    int i = 0;
    for (size_t k = 0; k < 2; k++) {
        const char *rest = old;
        if (take_prefix(&rest, fpn[k]) && take_number(&rest, &i) && is_leaf(rest))
            return fits(snprintf(name, n_bytes, "%s%d.0.%s", fpn[k], i, rest), n_bytes);
        // A convolution and its ReLU were two entries of one list: convolutions at 0, 2, 4, 6.
        rest = old;
        if (take_prefix(&rest, towers[k]) && take_number(&rest, &i) && i % 2 == 0 && is_leaf(rest))
            return fits(snprintf(name, n_bytes, "%s%d.0.%s", towers[k], i / 2, rest), n_bytes);
    }
    const char *rest = old;
    if (take_prefix(&rest, "rpn.head.conv.") && is_leaf(rest))
        return fits(snprintf(name, n_bytes, "rpn.head.conv.0.0.%s", rest), n_bytes);
    rest = old;
    if (take_prefix(&rest, "roi_heads.mask_head.mask_fcn") && take_number(&rest, &i) && i >= 1 &&
        is_leaf(rest))
        return fits(snprintf(name, n_bytes, "roi_heads.mask_head.%d.0.%s", i - 1, rest), n_bytes);
    return false;
}
