#include "train/experiment_exchange.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static enum status add(const struct json_place *place, const char *key, const cJSON *value,
                       struct experiment_exchange *exchange)
{
    static const char allowed[] = "backbone.pool.";
    if (strncmp(key, allowed, sizeof allowed - 1) != 0)
        return json_fail(ERR_USAGE, place, "set: %s: of another pooling's network only "
                                           "backbone.pool.* can be exchanged", key);
    if (exchange->n == EXCHANGE_MAX)
        return json_fail(ERR_USAGE, place, "set: more than %d keys", (int)EXCHANGE_MAX);
    char *printed = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    if (!printed && !cJSON_IsString(value)) return fail(ERR_MEMORY, "out of memory");
    int n = snprintf(exchange->texts[exchange->n], EXCHANGE_BYTES, "%s=%s", key,
                     printed ? printed : value->valuestring);
    cJSON_free(printed);
    if (n < 0 || n >= EXCHANGE_BYTES)
        return json_fail(ERR_USAGE, place, "set: %s: longer than %d bytes", key,
                         EXCHANGE_BYTES - 1);
    exchange->n++;
    return OK;
}

// Nested objects become dotted keys.
static enum status flatten(const struct json_place *place, const char *prefix, const cJSON *object,
                           struct experiment_exchange *exchange)
{
    const cJSON *member;
    cJSON_ArrayForEach (member, object) {
        char key[EXCHANGE_BYTES];
        int n = snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", member->string);
        if (n < 0 || (size_t)n >= sizeof key)
            return json_fail(ERR_USAGE, place, "set: %.40s...: unknown key", member->string);
        TRY(cJSON_IsObject(member) ? flatten(place, key, member, exchange)
                                   : add(place, key, member, exchange));
    }
    return OK;
}

static enum status read_one(const struct experiment_reading *r, size_t index, const cJSON *entry)
{
    const struct experiment *e = r->experiment;
    struct experiment_exchange *exchange = &e->exchanges[index];
    const struct json_place place = {r->path, "poolings", index};
    const char *of;
    exchange->source = index;
    if (!json_find(entry, "of")) return OK;
    TRY(json_get_string(entry, &place, "of", &of));
    for (size_t i = 0; i < index; i++)
        if (strcmp(e->poolings[i], of) == 0 && e->exchanges[i].source == i) exchange->source = i;
    if (exchange->source == index)
        return json_fail(ERR_USAGE, &place, "of: no pooling '%s' that is trained stands before it",
                         of);
    return flatten(&place, "", json_find(entry, "set"), exchange);
}

enum status experiment_read_exchanges(const struct experiment_reading *r)
{
    struct experiment *e = r->experiment;
    const cJSON *entry;
    size_t index = 0;
    e->exchanges = mem_alloc(e->n_poolings, sizeof *e->exchanges);
    if (!e->exchanges) return ERR_MEMORY;
    cJSON_ArrayForEach (entry, json_find(r->tree, "poolings")) TRY(read_one(r, index++, entry));
    return OK;
}
