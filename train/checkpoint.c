#include "train/checkpoint.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backbone/norm.h"
#include "base/mem.h"
#include "nn/safetensors.h"
#include "train/checkpoint_file.h"
#include "version.h"

static const char *const resnet_names[] = {"resnet18", "resnet34", "resnet50", "resnet101",
                                           "resnet152"};

enum { MAX_META = 20, META_BYTES = 48 };

// Metadata under construction; the short values lie in `numbers`.
struct meta_list {
    struct st_meta items[MAX_META];
    size_t n;
    char numbers[MAX_META][META_BYTES];
    char *config, *classes; // cJSON's
};

static void meta_text(struct meta_list *meta, const char *key, const char *value)
{
    meta->items[meta->n++] = (struct st_meta){key, value};
}

static void meta_double(struct meta_list *meta, const char *key, double value)
{
    snprintf(meta->numbers[meta->n], META_BYTES, "%.17g", value);
    meta_text(meta, key, meta->numbers[meta->n]);
}

static void meta_integer(struct meta_list *meta, const char *key, int64_t value)
{
    snprintf(meta->numbers[meta->n], META_BYTES, "%" PRId64, value);
    meta_text(meta, key, meta->numbers[meta->n]);
}

enum status checkpoint_config_text(const struct config *config, bool is_indented, char **text)
{
    cJSON *json = NULL;
    TRY(config_to_json(config, &json));
    cJSON *versions = cJSON_AddObjectToObject(json, "tarn");
    char *made = NULL;
    if (versions && cJSON_AddStringToObject(versions, "version", TARN_VERSION) &&
        cJSON_AddStringToObject(versions, "git", TARN_GIT) &&
        cJSON_AddStringToObject(versions, "build", TARN_BUILD) &&
        cJSON_AddStringToObject(versions, "compiler", TARN_COMPILER))
        made = is_indented ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!made) return fail(ERR_MEMORY, "out of memory");
    *text = made;
    return OK;
}

static enum status classes_text(const struct classes *classes, char **text)
{
    cJSON *json = NULL;
    TRY(classes_to_json(classes, &json));
    char *made = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!made) return fail(ERR_MEMORY, "out of memory");
    *text = made;
    return OK;
}

static void meta_free(struct meta_list *meta)
{
    cJSON_free(meta->config);
    cJSON_free(meta->classes);
}

static enum status meta_make(const struct checkpoint *c, struct meta_list *meta)
{
    const struct config *config = c->config;
    memset(meta, 0, sizeof *meta);
    TRY(checkpoint_config_text(config, false, &meta->config));
    TRY(classes_text(c->classes, &meta->classes));
    meta_text(meta, "format", "pt"); // what readers of the field look for
    meta_text(meta, "arch", resnet_names[config->backbone.type]);
    meta_text(meta, "stride_in_1x1",
              config->backbone.stride_in_1x1 == STRIDE_1X1 ? "true" : "false");
    meta_double(meta, "bn_eps", config->backbone.norm_eps);
    meta_text(meta, CHECKPOINT_VERSION, TARN_VERSION);
    meta_text(meta, CHECKPOINT_CONFIG, meta->config);
    meta_text(meta, CHECKPOINT_CLASSES, meta->classes);
    meta_integer(meta, "tarn.seed", config->train.seed);
    meta_integer(meta, CHECKPOINT_ITERATION, c->progress->iteration);
    return OK;
}

// One tensor of the file: a parameter, a flat buffer, or else a counter of batches.
struct item {
    const struct param *param;
    bool is_flat;
    const float *flat; // NULL where there is nothing
};

struct writing {
    const struct checkpoint *checkpoint;
    bool is_state;
    struct st_entry *entries;
    struct item *items;
    char (*names)[CHECKPOINT_NAME_BYTES]; // of the counters
    size_t n;
};

static void writing_free(struct writing *w)
{
    mem_free(w->entries);
    mem_free(w->items);
    mem_free(w->names);
}

static bool is_running_var(const char *name)
{
    static const char suffix[] = "running_var";
    size_t n = strlen(name);
    return n >= sizeof suffix - 1 && strcmp(name + n - (sizeof suffix - 1), suffix) == 0;
}

static void add_counter(struct writing *w, const struct param *running_var)
{
    size_t stem = strlen(running_var->name) - strlen("running_var");
    snprintf(w->names[w->n], CHECKPOINT_NAME_BYTES, "%.*snum_batches_tracked", (int)stem,
             running_var->name);
    w->entries[w->n] = (struct st_entry){.name = w->names[w->n], .dtype = ST_I64, .rank = 0};
    w->items[w->n] = (struct item){NULL, false, NULL};
    w->n++;
}

static void add_flat(struct writing *w, const char *name, const float *flat, size_t n)
{
    w->entries[w->n] = (struct st_entry){.name = name, .dtype = ST_F32, .rank = 1};
    w->entries[w->n].shape[0] = (int64_t)n;
    w->items[w->n++] = (struct item){NULL, true, flat};
}

static enum status writing_make(const struct checkpoint *c, bool is_state, struct writing *w)
{
    enum { N_FLAT = 3 };
    const struct params *params = c->params;
    size_t most = 2 * params->n + N_FLAT, n_trainable = params->group_begin[N_PARAM_GROUPS];
    *w = (struct writing){.checkpoint = c, .is_state = is_state};
    w->entries = (struct st_entry *)mem_alloc(most, sizeof *w->entries);
    w->items = (struct item *)mem_alloc(most, sizeof *w->items);
    w->names = (char(*)[CHECKPOINT_NAME_BYTES])mem_alloc(most, sizeof *w->names);
    if (!w->entries || !w->items || !w->names) return ERR_MEMORY;
    for (size_t i = 0; i < params->n; i++) {
        const struct param *p = params->items[i];
        struct st_entry *entry = &w->entries[w->n];
        *entry = (struct st_entry){.name = p->name, .dtype = ST_F32};
        entry->rank = params_file_shape(p, entry->shape);
        w->items[w->n++] = (struct item){p, false, NULL};
        if (c->config->backbone.norm == NORM_BN && is_running_var(p->name)) add_counter(w, p);
    }
    if (!is_state) return OK;
    add_flat(w, CHECKPOINT_VELOCITY, params->velocity, n_trainable);
    if (params->second) add_flat(w, CHECKPOINT_SECOND, params->second, n_trainable);
    if (params->average) add_flat(w, CHECKPOINT_AVERAGE, params->average, params->n_values);
    return OK;
}

// Of a model that is averaged the file has the average.
static enum status produce_param(const struct writing *w, const struct param *param, float *values)
{
    const struct params *params = w->checkpoint->params;
    struct param shown = *param;
    shown.tensor.data =
        (w->is_state || !params->average ? params->values : params->average) + param->offset;
    return params_get(params, &shown, values);
}

static enum status produce(void *context, size_t i, void *buffer, size_t n_bytes)
{
    const struct writing *w = (const struct writing *)context;
    const struct checkpoint *c = w->checkpoint;
    const struct item *item = &w->items[i];
    if (item->param) return produce_param(w, item->param, (float *)buffer);
    if (item->is_flat)
        return c->params->backend->download(c->params->backend, buffer, item->flat, n_bytes);
    int64_t batches = c->progress->iteration * c->config->train.accumulate;
    memcpy(buffer, &batches, sizeof batches);
    return OK;
}

static enum status save(const char *path, const struct checkpoint *c, bool is_state)
{
    struct meta_list meta;
    struct writing w = {0};
    enum status status = OK;
    GUARD(meta_make(c, &meta));
    if (is_state) {
        meta_integer(&meta, CHECKPOINT_EVALUATED, c->progress->evaluated);
        meta_integer(&meta, CHECKPOINT_BEST_ITERATION, c->progress->best_iteration);
        meta_double(&meta, CHECKPOINT_BEST_AP, c->progress->best_ap);
        meta_integer(&meta, CHECKPOINT_LOG_BYTES, (int64_t)c->progress->log_bytes);
        meta_integer(&meta, CHECKPOINT_LAYOUT, (int64_t)checkpoint_layout_hash(c->params));
    }
    GUARD(writing_make(c, is_state, &w));
    GUARD(st_write(path, w.n, w.entries, meta.n, meta.items, produce, &w));
done:
    writing_free(&w);
    meta_free(&meta);
    return status;
}

enum status checkpoint_save_model(const char *path, const struct checkpoint *checkpoint)
{
    return save(path, checkpoint, false);
}

enum status checkpoint_save_state(const char *path, const struct checkpoint *checkpoint)
{
    return save(path, checkpoint, true);
}
