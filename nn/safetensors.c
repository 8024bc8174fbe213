#include "nn/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100000000 };

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [ST_F64] = {"F64", 8}, [ST_F32] = {"F32", 4}, [ST_F16] = {"F16", 2},  [ST_BF16] = {"BF16", 2},
    [ST_I64] = {"I64", 8}, [ST_I32] = {"I32", 4}, [ST_U8] = {"U8", 1},
};
enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0] };

static enum st_dtype find_dtype(const char *name)
{
    for (int i = 0; i < N_DTYPES; i++)
        if (strcmp(name, dtypes[i].name) == 0) return (enum st_dtype)i;
    return ST_OTHER;
}

// A whole number in 0..2^53: exact as a double.
static bool whole_number(const cJSON *item, size_t *out)
{
    if (!cJSON_IsNumber(item)) return false;
    double value = item->valuedouble;
    if (!(value >= 0 && value <= 9007199254740992.0) || floor(value) != value) return false;
    *out = (size_t)value;
    return true;
}

static enum status bad_entry(const struct st_file *file, const char *name, const char *what)
{
    return fail(ERR_PARSE, "%s: tensor \"%s\": %s", file->path, name, what);
}

// One header entry {"dtype", "shape", "data_offsets"}; `data` bytes follow the header.
static enum status read_entry(struct st_file *file, const cJSON *item, const unsigned char *data,
                              size_t n_data, struct st_tensor *tensor)
{
    const char *name = item->string;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsString(dtype)) return bad_entry(file, name, "no dtype");
    if (!cJSON_IsArray(shape)) return bad_entry(file, name, "no shape");
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2)
        return bad_entry(file, name, "no data_offsets");

    size_t begin, end, count = 1;
    if (!whole_number(offsets->child, &begin) || !whole_number(offsets->child->next, &end) ||
        begin > end || end > n_data)
        return bad_entry(file, name, "data_offsets lie outside the file");
    *tensor = (struct st_tensor){.dtype = find_dtype(dtype->valuestring)};
    const cJSON *axis;
    cJSON_ArrayForEach(axis, shape)
    {
        size_t length;
        if (tensor->rank == ST_MAX_RANK) return bad_entry(file, name, "more than 8 axes");
        if (!whole_number(axis, &length) || !size_mul(count, length, &count))
            return bad_entry(file, name, "an absurd shape");
        tensor->shape[tensor->rank++] = (int64_t)length;
    }
    tensor->n_elements = count;
    tensor->n_bytes = end - begin;
    tensor->bytes = data + begin;
    size_t expected;
    if (tensor->dtype != ST_OTHER &&
        (!size_mul(count, dtypes[tensor->dtype].bytes, &expected) || expected != end - begin))
        return bad_entry(file, name, "its shape does not fit its data_offsets");
    tensor->name = mem_strdup(name);
    return tensor->name ? OK : ERR_MEMORY;
}

static enum status read_metadata(struct st_file *file, const cJSON *item)
{
    if (!cJSON_IsObject(item)) return bad_entry(file, item->string, "not an object");
    size_t n = (size_t)cJSON_GetArraySize(item);
    file->meta_keys = (char **)mem_alloc(n, sizeof(char *));
    file->meta_values = (char **)mem_alloc(n, sizeof(char *));
    if (!file->meta_keys || !file->meta_values) return ERR_MEMORY;
    const cJSON *pair;
    cJSON_ArrayForEach(pair, item)
    {
        if (!cJSON_IsString(pair)) return bad_entry(file, "__metadata__", "a value is no string");
        size_t i = file->n_meta++;
        file->meta_keys[i] = mem_strdup(pair->string);
        file->meta_values[i] = mem_strdup(pair->valuestring);
        if (!file->meta_keys[i] || !file->meta_values[i]) return ERR_MEMORY;
    }
    return OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct st_tensor *)a)->name, ((const struct st_tensor *)b)->name);
}

static int by_position(const void *a, const void *b)
{
    const struct st_tensor *x = *(const struct st_tensor *const *)a;
    const struct st_tensor *y = *(const struct st_tensor *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

// Names must be unique and byte ranges must not overlap. Expects tensors sorted by name.
static enum status check_layout(struct st_file *file)
{
    for (size_t i = 1; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
            return bad_entry(file, file->tensors[i].name, "stands twice in the header");
    const struct st_tensor **order =
        (const struct st_tensor **)mem_alloc(file->n_tensors, sizeof(struct st_tensor *));
    if (!order) return ERR_MEMORY;
    for (size_t i = 0; i < file->n_tensors; i++) order[i] = &file->tensors[i];
    if (file->n_tensors) qsort(order, file->n_tensors, sizeof *order, by_position);
    enum status status = OK;
    for (size_t i = 1; i < file->n_tensors && status == OK; i++)
        if (order[i - 1]->bytes + order[i - 1]->n_bytes > order[i]->bytes)
            status = fail(ERR_PARSE, "%s: tensors \"%s\" and \"%s\" overlap", file->path,
                          order[i - 1]->name, order[i]->name);
    mem_free(order);
    return status;
}

static enum status read_header(struct st_file *file, const cJSON *header,
                               const unsigned char *data, size_t n_data)
{
    file->tensors = (struct st_tensor *)mem_alloc((size_t)cJSON_GetArraySize(header),
                                                  sizeof *file->tensors);
    if (!file->tensors) return ERR_MEMORY;
    const cJSON *item;
    cJSON_ArrayForEach(item, header)
    {
        if (strcmp(item->string, "__metadata__") == 0) {
            if (file->meta_keys) return bad_entry(file, item->string, "stands twice");
            TRY(read_metadata(file, item));
            continue;
        }
        if (!cJSON_IsObject(item)) return bad_entry(file, item->string, "not an object");
        TRY(read_entry(file, item, data, n_data, &file->tensors[file->n_tensors]));
        file->n_tensors++;
    }
    if (file->n_tensors) qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_name);
    return check_layout(file);
}

enum status st_open(const char *path, struct st_file *out)
{
    struct st_file file = {.n_tensors = 0};
    cJSON *header = NULL;
    enum status status;
    snprintf(file.path, sizeof file.path, "%s", path);
    TRY(file_map_open(path, &file.map));
    const unsigned char *bytes = file.map.bytes;
    size_t n_bytes = file.map.n_bytes;
    uint64_t length = 0;
    if (n_bytes < LENGTH_BYTES) {
        status = fail(ERR_PARSE, "%s: %zu bytes, too short for a safetensors file", path, n_bytes);
        goto done;
    }
    for (int i = 0; i < LENGTH_BYTES; i++) length |= (uint64_t)bytes[i] << (8 * i);
    if (length > MAX_HEADER_BYTES || length > n_bytes - LENGTH_BYTES) {
        status = fail(ERR_PARSE,
                      "%s: not a safetensors file, or truncated: its header would have %" PRIu64
                      " bytes, the file has %zu",
                      path, length, n_bytes);
        goto done;
    }
    const char *json = (const char *)bytes + LENGTH_BYTES, *end = NULL;
    header = cJSON_ParseWithLengthOpts(json, (size_t)length, &end, false);
    if (!cJSON_IsObject(header)) {
        status = fail(ERR_PARSE, "%s: broken JSON header near byte %td", path,
                      end ? end - json + LENGTH_BYTES : 0);
        goto done;
    }
    status = read_header(&file, header, bytes + LENGTH_BYTES + length,
                         n_bytes - LENGTH_BYTES - (size_t)length);
done:
    cJSON_Delete(header);
    if (status != OK)
        st_close(&file);
    else
        *out = file;
    return status;
}

void st_close(struct st_file *file)
{
    // An entry that failed half-way may hold a name beyond n_tensors; names are set last.
    for (size_t i = 0; i < file->n_tensors; i++) mem_free(file->tensors[i].name);
    for (size_t i = 0; i < file->n_meta; i++) {
        mem_free(file->meta_keys[i]);
        mem_free(file->meta_values[i]);
    }
    mem_free(file->tensors);
    mem_free(file->meta_keys);
    mem_free(file->meta_values);
    file_map_close(&file->map);
    memset(file, 0, sizeof *file);
}

const struct st_tensor *st_find(const struct st_file *file, const char *name)
{
    size_t low = 0, high = file->n_tensors;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, file->tensors[middle].name);
        if (order == 0) return &file->tensors[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *st_meta(const struct st_file *file, const char *key)
{
    for (size_t i = 0; i < file->n_meta; i++)
        if (strcmp(file->meta_keys[i], key) == 0) return file->meta_values[i];
    return NULL;
}

static float half_to_float(uint16_t half)
{
    int sign = half >> 15, exponent = half >> 10 & 31, mantissa = half & 1023;
    double value = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                   : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                  : ldexp(mantissa, -24);
    return (float)(sign ? -value : value);
}

static float bf16_to_float(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

#define CONVERT(type, expression)                                                                  \
    for (size_t i = 0; i < n; i++) {                                                               \
        type v;                                                                                    \
        memcpy(&v, bytes + i * sizeof v, sizeof v);                                                \
        out[i] = (expression);                                                                     \
    }                                                                                              \
    break

enum status st_to_float(const struct st_file *file, const struct st_tensor *tensor, float *out)
{
    const unsigned char *bytes = tensor->bytes;
    size_t n = tensor->n_elements;
    switch (tensor->dtype) {
    case ST_F32: memcpy(out, bytes, n * sizeof *out); break;
    case ST_F64: CONVERT(double, (float)v);
    case ST_F16: CONVERT(uint16_t, half_to_float(v));
    case ST_BF16: CONVERT(uint16_t, bf16_to_float(v));
    case ST_I64: CONVERT(int64_t, (float)v);
    case ST_I32: CONVERT(int32_t, (float)v);
    case ST_U8: CONVERT(uint8_t, (float)v);
    case ST_OTHER:
        return fail(ERR_UNSUPPORTED, "%s: tensor \"%s\" has a dtype that is not supported",
                    file->path, tensor->name);
    }
    return OK;
}
