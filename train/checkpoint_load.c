#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "nn/safetensors.h"
#include "train/checkpoint.h"
#include "train/checkpoint_file.h"

static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 16777619u;
    return hash;
}

uint32_t checkpoint_layout_hash(const struct params *params)
{
    uint32_t hash = 2166136261u; // FNV-1a
    for (size_t i = 0; i < params->n; i++) {
        const struct param *p = params->items[i];
        uint64_t place[2] = {p->offset, tensor_count(&p->tensor)};
        if (!p->trainable) continue;
        hash = hash_bytes(hash, p->name, strlen(p->name));
        hash = hash_bytes(hash, place, sizeof place);
    }
    return hash;
}

static enum status need_meta(const struct st_file *file, const char *key, const char **value)
{
    *value = st_meta(file, key);
    if (*value) return OK;
    return fail(ERR_DATA, "%s: no '%s' in its metadata", file->path, key);
}

static enum status meta_number(const struct st_file *file, const char *key, double min, double max,
                               double *value)
{
    const char *text;
    char *end = NULL;
    TRY(need_meta(file, key, &text));
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number < min || number > max)
        return fail(ERR_DATA, "%s: metadata %s is '%.40s', expected a number from %g to %g",
                    file->path, key, text, min, max);
    *value = number;
    return OK;
}

static enum status meta_integer(const struct st_file *file, const char *key, double max,
                                int64_t *value)
{
    double number = 0;
    TRY(meta_number(file, key, 0, max, &number));
    *value = (int64_t)number;
    return OK;
}

static enum status read_progress(const struct st_file *file, struct progress *progress)
{
    const double iterations = 1e9, bytes = 9e15;
    int64_t log_bytes = 0;
    TRY(meta_integer(file, CHECKPOINT_ITERATION, iterations, &progress->iteration));
    TRY(meta_integer(file, CHECKPOINT_EVALUATED, iterations, &progress->evaluated));
    TRY(meta_integer(file, CHECKPOINT_BEST_ITERATION, iterations, &progress->best_iteration));
    TRY(meta_number(file, CHECKPOINT_BEST_AP, -1, 1, &progress->best_ap));
    TRY(meta_integer(file, CHECKPOINT_LOG_BYTES, bytes, &log_bytes));
    progress->log_bytes = (uint64_t)log_bytes;
    return OK;
}

static enum status find_tensor(const struct st_file *file, const char *name, int rank,
                               const int64_t *shape, const struct st_tensor **tensor)
{
    const struct st_tensor *t = st_find(file, name);
    if (!t) return fail(ERR_DATA, "%s: tensor %s is missing", file->path, name);
    bool is_same = t->dtype == ST_F32 && t->rank == rank;
    for (int i = 0; is_same && i < rank; i++) is_same = t->shape[i] == shape[i];
    if (!is_same)
        return fail(ERR_DATA, "%s: tensor %s has another type or shape than this model's",
                    file->path, name);
    *tensor = t;
    return OK;
}

static enum status load_flat(const struct st_file *file, const char *name, struct params *params,
                             float *flat, size_t n)
{
    const int64_t shape[1] = {(int64_t)n};
    const struct st_tensor *tensor = NULL;
    TRY(find_tensor(file, name, 1, shape, &tensor));
    if (tensor->n_bytes == 0) return OK;
    TRY(params->backend->upload(params->backend, flat, tensor->bytes, tensor->n_bytes));
    return params->backend->synchronize(params->backend);
}

static enum status load_optimizer(const struct st_file *file, struct params *params)
{
    int64_t layout = 0;
    size_t n_trainable = params->group_begin[N_PARAM_GROUPS];
    TRY(meta_integer(file, CHECKPOINT_LAYOUT, UINT32_MAX, &layout));
    if ((uint32_t)layout != checkpoint_layout_hash(params))
        return fail(ERR_DATA, "%s: trained other layers than this config does", file->path);
    TRY(load_flat(file, CHECKPOINT_VELOCITY, params, params->velocity, n_trainable));
    if (params->second)
        TRY(load_flat(file, CHECKPOINT_SECOND, params, params->second, n_trainable));
    if (!params->average) return OK;
    return load_flat(file, CHECKPOINT_AVERAGE, params, params->average, params->n_values);
}

static enum status load_params(const struct st_file *file, struct params *params)
{
    enum status status = OK;
    size_t largest = 0;
    for (size_t i = 0; i < params->n; i++)
        if (tensor_count(&params->items[i]->tensor) > largest)
            largest = tensor_count(&params->items[i]->tensor);
    float *values = (float *)mem_alloc(largest, sizeof *values);
    if (!values) return ERR_MEMORY;
    for (size_t i = 0; i < params->n; i++) {
        struct param *p = params->items[i];
        const struct st_tensor *tensor = NULL;
        int64_t shape[TENSOR_MAX_RANK];
        int rank = params_file_shape(p, shape);
        GUARD(find_tensor(file, p->name, rank, shape, &tensor));
        GUARD(st_to_float(file, tensor, values));
        GUARD(params_set(params, p, values));
        p->loaded = true;
    }
done:
    mem_free(values);
    return status;
}

enum status checkpoint_load_state(const char *path, struct params *params,
                                  struct progress *progress)
{
    struct st_file file;
    struct progress read = {0};
    enum status status = OK;
    TRY(st_open(path, &file));
    GUARD(read_progress(&file, &read));
    GUARD(load_params(&file, params));
    GUARD(load_optimizer(&file, params));
    *progress = read;
done:
    st_close(&file);
    return status;
}

enum status checkpoint_read_config(const char *path, struct config *config,
                                   struct classes *classes)
{
    struct st_file file;
    cJSON *json = NULL;
    const char *text;
    enum status status = OK;
    TRY(st_open(path, &file));
    if (!st_meta(&file, CHECKPOINT_CONFIG)) {
        status = fail(ERR_DATA,
                      "%s: its metadata hold no config of tarn; name one with --config CONFIG",
                      path);
        goto done;
    }
    GUARD(need_meta(&file, CHECKPOINT_CONFIG, &text));
    config_defaults(config);
    GUARD(config_parse(path, text, strlen(text), config));
    GUARD(config_check(config));
    GUARD(need_meta(&file, CHECKPOINT_CLASSES, &text));
    GUARD(json_parse(path, text, strlen(text), false, &json));
    GUARD(classes_from_json(path, json, config->data.raw_labels || config_is_classifier(config),
                            classes));
done:
    cJSON_Delete(json);
    st_close(&file);
    return status;
}
