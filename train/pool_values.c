#include "train/pool_values.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_SINGLE = 4, ENTRY_BYTES = sizeof((struct param *)NULL)->name + 64 + 128 };

static bool is_shown(const struct param *param)
{
    return param->group == PARAM_POOL && param->trainable;
}

static double shown_value(const struct param *param, float stored)
{
    return param->shown.value ? param->shown.value((double)stored) : (double)stored;
}

static int write_name(const struct param *param, char *text, size_t bytes)
{
    const char *dot = param->shown.name ? strrchr(param->name, '.') : NULL;
    if (!param->shown.name) return snprintf(text, bytes, "\"%s\":", param->name);
    return snprintf(text, bytes, "\"%.*s%s\":", dot ? (int)(dot - param->name) + 1 : 0,
                    param->name, param->shown.name);
}

static int write_values(const struct param *param, const float *values, char *text, size_t bytes)
{
    size_t n = tensor_count(&param->tensor);
    double least = shown_value(param, values[0]), largest = least, sum = 0.0;
    int used = 0;
    for (size_t i = 0; i < n; i++) {
        double value = shown_value(param, values[i]);
        if (n <= MAX_SINGLE)
            used += snprintf(text + used, bytes - (size_t)used, "%s%.7g", i ? "," : "[", value);
        least = value < least ? value : least;
        largest = value > largest ? value : largest;
        sum += value;
    }
    if (n <= MAX_SINGLE) return used + snprintf(text + used, bytes - (size_t)used, "]");
    return snprintf(text, bytes, "{\"mean\":%.7g,\"min\":%.7g,\"max\":%.7g}", sum / (double)n,
                    least, largest);
}

// Appends one parameter's entry; the text has room for it.
static enum status add_entry(const struct params *params, const struct param *param, char *text,
                             size_t *used, size_t bytes)
{
    float *values = (float *)mem_alloc(tensor_count(&param->tensor), sizeof *values);
    if (!values) return ERR_MEMORY;
    enum status status = params_get(params, param, values);
    if (status == OK) {
        if (*used > 1) text[(*used)++] = ',';
        *used += (size_t)write_name(param, text + *used, bytes - *used);
        *used += (size_t)write_values(param, values, text + *used, bytes - *used);
    }
    mem_free(values);
    return status;
}

enum status pool_values_json(const struct params *params, char **out)
{
    size_t n = 0, used = 0;
    for (size_t i = 0; i < params->n; i++) n += is_shown(params->items[i]);
    *out = NULL;
    if (n == 0) return OK;
    size_t bytes = n * ENTRY_BYTES + 4;
    char *text = (char *)mem_alloc(bytes, 1);
    if (!text) return ERR_MEMORY;
    text[used++] = '{';
    for (size_t i = 0; i < params->n; i++) {
        if (!is_shown(params->items[i])) continue;
        enum status status = add_entry(params, params->items[i], text, &used, bytes);
        if (status == OK) continue;
        mem_free(text);
        return status;
    }
    snprintf(text + used, bytes - used, "}");
    *out = text;
    return OK;
}
