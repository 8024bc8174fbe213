#include "train/experiment_keys.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define FIELD(member) offsetof(struct experiment_settings, member)
const struct field experiment_fields[] = {
    {"base", FIELD_STRING, FIELD(base), "", 0, 0, NULL,
     "Config of all runs, relative to the experiment's file."},
    {"seeds", FIELD_INTS, FIELD(seeds), "1", 0, 9007199254740992.0, NULL,
     "Training seeds: each model with each pooling is trained once with each of them."},
    {"checkpoint", FIELD_CHOICE, FIELD(checkpoint), "last", 0, 0, "last|best",
     "Which checkpoint of a run is measured; the best one is chosen on the images it is then "
     "measured on."},
    {"type", FIELD_CHOICE, FIELD(type), "bbox", 0, 0, "bbox|segm", "AP of boxes or of masks."},
    {"resamples", FIELD_INT, FIELD(resamples), "1000", 1, 1000000, NULL,
     "Resamples of the interval of a difference (docs/compare.md)."},
    {"resample_seed", FIELD_INT, FIELD(resample_seed), "0", 0, 9007199254740991.0, NULL,
     "Their seed."},
    {.name = NULL},
};

static enum status unknown_key(const char *path, const char *place, const char *key,
                               const char *const *names)
{
    const char *best = NULL;
    int least = 1000;
    for (; *names; names++) {
        int distance = text_distance(key, *names);
        if (distance >= least) continue;
        least = distance;
        best = *names;
    }
    if (best && text_is_near(key, least))
        return fail(ERR_USAGE, "%s: %s%s: unknown key; did you mean '%s'?", path, place, key, best);
    return fail(ERR_USAGE, "%s: %s%s: unknown key", path, place, key);
}

static bool is_among(const char *key, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(key, *names) == 0) return true;
    return false;
}

enum status experiment_check_keys(const char *path, const char *place, const cJSON *object,
                                  const char *const *names)
{
    const cJSON *member;
    cJSON_ArrayForEach (member, object)
        if (!is_among(member->string, names))
            return unknown_key(path, place, member->string, names);
    return OK;
}

static enum status check_seeds(const struct experiment_reading *r)
{
    const struct field_ints *seeds = &r->experiment->settings.seeds;
    if (seeds->n < 1) return fail(ERR_USAGE, "%s: seeds: at least one is needed", r->path);
    for (int i = 0; i < seeds->n; i++)
        for (int j = 0; j < i; j++)
            if (seeds->v[i] == seeds->v[j])
                return fail(ERR_USAGE, "%s: seeds: %ld stands twice", r->path, seeds->v[i]);
    r->experiment->n_seeds = (size_t)seeds->n;
    return OK;
}

static enum status read_settings(const struct experiment_reading *r)
{
    static const char *const names[] = {"base",       "set",  "models",    "poolings",      "seeds",
                                        "checkpoint", "type", "resamples", "resample_seed", NULL};
    const cJSON *member;
    fields_defaults(experiment_fields, &r->experiment->settings);
    if (!cJSON_IsObject(r->tree))
        return fail(ERR_USAGE, "%s: an experiment must be a JSON object", r->path);
    TRY(experiment_check_keys(r->path, "", r->tree, names));
    cJSON_ArrayForEach (member, r->tree) {
        if (!fields_find(experiment_fields, member->string)) continue;
        enum status status =
            fields_set_json(experiment_fields, &r->experiment->settings, member->string, member);
        if (status != OK) return fail_context(status, "%s: ", r->path);
    }
    return check_seeds(r);
}

void experiment_slug(const char *name, char out[EXPERIMENT_NAME_BYTES])
{
    size_t n = 0;
    for (; *name && n + 1 < EXPERIMENT_NAME_BYTES; name++) {
        if (isalnum((unsigned char)*name))
            out[n++] = (char)tolower((unsigned char)*name);
        else if (n && out[n - 1] != '_')
            out[n++] = '_';
    }
    while (n && out[n - 1] == '_') n--;
    out[n] = 0;
}

static enum status read_name(const struct experiment_reading *r, const char *list, size_t index,
                             char (*names)[EXPERIMENT_NAME_BYTES], const cJSON *entry)
{
    char own[EXPERIMENT_NAME_BYTES], other[EXPERIMENT_NAME_BYTES];
    struct json_place place = {r->path, list, index};
    const char *name;
    TRY(json_get_string(entry, &place, "name", &name));
    if (strlen(name) >= EXPERIMENT_NAME_BYTES)
        return json_fail(ERR_USAGE, &place, "name: longer than %d bytes",
                         EXPERIMENT_NAME_BYTES - 1);
    experiment_slug(name, own);
    if (!own[0]) return json_fail(ERR_USAGE, &place, "name: needs a letter or a digit");
    for (size_t i = 0; i < index; i++) {
        experiment_slug(names[i], other);
        if (strcmp(own, other) == 0)
            return json_fail(ERR_USAGE, &place, "name: '%s' and '%s' would share a folder", name,
                             names[i]);
    }
    memcpy(names[index], name, strlen(name) + 1);
    return OK;
}

static enum status read_list(const struct experiment_reading *r, const char *list,
                             const char *const *keys, char (**names)[EXPERIMENT_NAME_BYTES],
                             size_t *n)
{
    const cJSON *array = json_find(r->tree, list), *entry;
    size_t index = 0;
    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) < 1)
        return fail(ERR_USAGE, "%s: %s: expected an array of at least one object", r->path, list);
    *names = mem_alloc((size_t)cJSON_GetArraySize(array), sizeof **names);
    if (!*names) return ERR_MEMORY;
    cJSON_ArrayForEach (entry, array) {
        char place[64];
        snprintf(place, sizeof place, "%s[%zu].", list, index);
        if (!cJSON_IsObject(entry))
            return fail(ERR_USAGE, "%s: %s[%zu]: expected an object", r->path, list, index);
        TRY(experiment_check_keys(r->path, place, entry, keys));
        TRY(read_name(r, list, index, *names, entry));
        index++;
    }
    *n = index;
    return OK;
}

enum status experiment_read_keys(const struct experiment_reading *r)
{
    static const char *const model_keys[] = {"name", "base", "configs", "set", NULL};
    static const char *const pooling_keys[] = {"name", "of", "set", NULL};
    struct experiment *e = r->experiment;
    TRY(read_settings(r));
    TRY(read_list(r, "models", model_keys, &e->models, &e->n_models));
    return read_list(r, "poolings", pooling_keys, &e->poolings, &e->n_poolings);
}
