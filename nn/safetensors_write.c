#include "nn/safetensors.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"

static const char *const dtype_names[] = {"F64", "F32", "F16", "BF16", "I64", "I32", "U8"};
static const size_t dtype_sizes[] = {8, 4, 2, 2, 8, 4, 1};

static size_t entry_bytes(const struct st_entry *entry)
{
    size_t n = dtype_sizes[entry->dtype];
    for (int i = 0; i < entry->rank; i++) n *= (size_t)entry->shape[i];
    return n;
}

static bool add_numbers(cJSON *object, const char *name, int n, const int64_t *values)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    for (int i = 0; array && i < n; i++)
        if (!cJSON_AddItemToArray(array, cJSON_CreateNumber((double)values[i]))) return false;
    return array != NULL;
}

// The header as text, padded with spaces to 8 bytes so that tensor data is aligned.
static enum status make_header(size_t n_entries, const struct st_entry *entries, size_t n_meta,
                               const struct st_meta *meta, char **text, size_t *n_text)
{
    cJSON *header = cJSON_CreateObject();
    char *json = NULL, *padded = NULL;
    bool good = header != NULL;
    if (n_meta && good) {
        cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
        good = object != NULL;
        for (size_t i = 0; i < n_meta && good; i++)
            good = cJSON_AddStringToObject(object, meta[i].key, meta[i].value) != NULL;
    }
    int64_t offset = 0;
    for (size_t i = 0; i < n_entries && good; i++) {
        cJSON *object = cJSON_CreateObject();
        // Appending without a search for the name keeps this linear.
        good = object && cJSON_AddItemToObject(header, entries[i].name, object);
        int64_t range[2] = {offset, offset + (int64_t)entry_bytes(&entries[i])};
        good = good && cJSON_AddStringToObject(object, "dtype", dtype_names[entries[i].dtype]) &&
               add_numbers(object, "shape", entries[i].rank, entries[i].shape) &&
               add_numbers(object, "data_offsets", 2, range);
        offset = range[1];
    }
    if (good) json = cJSON_PrintUnformatted(header);
    enum status status = OK;
    if (json) {
        size_t n = strlen(json), total = (n + 7) / 8 * 8;
        padded = (char *)mem_alloc(total + 1, 1);
        if (padded) {
            memset(padded, ' ', total);
            memcpy(padded, json, n);
            *text = padded;
            *n_text = total;
        }
    }
    if (!padded) status = fail(ERR_MEMORY, "out of memory: safetensors header");
    cJSON_free(json);
    cJSON_Delete(header);
    return status;
}

enum status st_write(const char *path, size_t n_entries, const struct st_entry *entries,
                     size_t n_meta, const struct st_meta *meta, st_produce produce, void *context)
{
    enum status status = OK;
    char *header = NULL;
    unsigned char *buffer = NULL;
    size_t n_header = 0, largest = 0;
    struct file_writer writer = {.stream = NULL};
    for (size_t i = 0; i < n_entries; i++)
        if (entry_bytes(&entries[i]) > largest) largest = entry_bytes(&entries[i]);
    GUARD(make_header(n_entries, entries, n_meta, meta, &header, &n_header));
    buffer = (unsigned char *)mem_alloc(largest, 1);
    if (!buffer) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(file_writer_begin(&writer, path));
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)n_header >> (8 * i));
    // Errors of the stream stay set and are reported by commit.
    fwrite(length, 1, sizeof length, writer.stream);
    fwrite(header, 1, n_header, writer.stream);
    for (size_t i = 0; i < n_entries; i++) {
        size_t n = entry_bytes(&entries[i]);
        GUARD(produce(context, i, buffer, n));
        if (fwrite(buffer, 1, n, writer.stream) != n) break;
    }
    GUARD(file_writer_commit(&writer));
done:
    file_writer_abort(&writer);
    mem_free(buffer);
    mem_free(header);
    return status;
}
