#include "train/config.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "train/config_sections.h"

// Offsets count from struct config, so one object serves all sections.
#define SECTION(section, summary) static const struct field section##_fields[] = {
#define BOOL(section, name, initial, help)                                                         \
    {#name, FIELD_BOOL, offsetof(struct config, section.name), initial, 0, 0, NULL, help},
#define INTEGER(section, name, initial, min, max, help)                                            \
    {#name, FIELD_INT, offsetof(struct config, section.name), initial, min, max, NULL, help},
#define NUMBER(section, name, initial, min, max, help)                                             \
    {#name, FIELD_FLOAT, offsetof(struct config, section.name), initial, min, max, NULL, help},
#define CHOICE(section, name, initial, choices, help)                                              \
    {#name, FIELD_CHOICE, offsetof(struct config, section.name), initial, 0, 0, choices, help},
#define TEXT(section, name, initial, help)                                                         \
    {#name, FIELD_STRING, offsetof(struct config, section.name), initial, 0, 0, NULL, help},
#define INTEGERS(section, name, initial, min, max, help)                                           \
    {#name, FIELD_INTS, offsetof(struct config, section.name), initial, min, max, NULL, help},
#define NUMBERS(section, name, initial, min, max, help)                                            \
    {#name, FIELD_FLOATS, offsetof(struct config, section.name), initial, min, max, NULL, help},
#define SECTION_END(section)                                                                       \
    {.name = NULL}                                                                                 \
    }                                                                                              \
    ;
#include "train/config.def"
#undef SECTION
#undef BOOL
#undef INTEGER
#undef NUMBER
#undef CHOICE
#undef TEXT
#undef INTEGERS
#undef NUMBERS
#undef SECTION_END

const struct config_section config_sections[] = {
#define SECTION(section, summary) {#section, summary, section##_fields},
#define BOOL(...)
#define INTEGER(...)
#define NUMBER(...)
#define CHOICE(...)
#define TEXT(...)
#define INTEGERS(...)
#define NUMBERS(...)
#define SECTION_END(section)
#include "train/config.def"
    {NULL, NULL, NULL},
};

#define POOL_FIELD(member) offsetof(struct config_pool, member)
const struct field config_pool_fields[] = {
    {"type", FIELD_STRING, POOL_FIELD(type), "default", 0, 0, NULL,
     "Name of a pooling layer (`tarn info` lists them); default: the original network's."},
    {"kernel", FIELD_INT, POOL_FIELD(kernel), "-1", -1, 255, NULL,
     "Side of the window; 0: the whole map; -1: the layer's own default."},
    {"stride", FIELD_INT, POOL_FIELD(stride), "-1", -1, 255, NULL,
     "Step of the window; -1: the layer's own default."},
    {"padding", FIELD_INT, POOL_FIELD(padding), "-1", -1, 127, NULL,
     "Border around the map, never part of a window's result; -1: the layer's own default, "
     "(kernel - 1) / 2 when a kernel is given."},
    {"pad_begin", FIELD_INT, POOL_FIELD(pad_begin), "-1", -1, 127, NULL,
     "Border at the top and left alone, in place of padding; -1: as padding. With kernel=2 and "
     "padding=0, 1 gives the windows with which the authors' SoftPool weights were trained."},
    {"ceil", FIELD_BOOL, POOL_FIELD(ceil), "false", 0, 0, NULL,
     "The last windows may reach beyond the map (round the output's size up, not down)."},
    {.name = NULL},
};

void config_defaults(struct config *config)
{
    memset(config, 0, sizeof *config);
    for (const struct config_section *s = config_sections; s->name; s++)
        fields_defaults(s->fields, config);
    for (int site = 0; site < N_POOL_SITES; site++)
        fields_defaults(config_pool_fields, &config->pools[site]);
}

static int pool_site_of(const char *key, size_t *length)
{
    static const char prefix[] = "backbone.pool.";
    if (strncmp(key, prefix, sizeof prefix - 1) != 0) return -1;
    const char *name = key + sizeof prefix - 1;
    for (int site = 0; site < N_POOL_SITES; site++) {
        size_t n = strlen(pool_site_names[site]);
        if (strncmp(name, pool_site_names[site], n) != 0 || (name[n] != '.' && name[n])) continue;
        *length = sizeof prefix - 1 + n;
        return site;
    }
    return -1;
}

bool config_is_pool_site(const char *key)
{
    size_t length;
    return pool_site_of(key, &length) >= 0 && key[length] == 0;
}

bool config_has_section(const char *name)
{
    for (const struct config_section *s = config_sections; s->name; s++)
        if (strcmp(s->name, name) == 0) return true;
    return false;
}

bool config_is_group(const char *key)
{
    if (config_has_section(key)) return true;
    return strcmp(key, "backbone.pool") == 0 || config_is_pool_site(key);
}

struct nearest {
    const char *key;
    char best[CONFIG_KEY_BYTES];
    int distance;
};

static void consider(struct nearest *nearest, const char *group, const struct field *table)
{
    const char *leaf = strrchr(nearest->key, '.');
    for (const struct field *f = table; f && f->name; f++) {
        char key[CONFIG_KEY_BYTES];
        snprintf(key, sizeof key, "%s.%s", group, f->name);
        int distance = text_distance(nearest->key, key);
        // The right name in the wrong section is nearer than any misspelling.
        if (strcmp(leaf ? leaf + 1 : nearest->key, f->name) == 0 && distance > 0) distance = 1;
        if (distance >= nearest->distance) continue;
        nearest->distance = distance;
        memcpy(nearest->best, key, sizeof key);
    }
}

static enum status unknown_key(const struct config *config, const char *key)
{
    struct nearest nearest = {.key = key, .distance = 1000};
    for (const struct config_section *s = config_sections; s->name; s++)
        consider(&nearest, s->name, s->fields);
    for (int site = 0; site < N_POOL_SITES; site++) {
        char group[CONFIG_KEY_BYTES];
        snprintf(group, sizeof group, "backbone.pool.%s", pool_site_names[site]);
        consider(&nearest, group, config_pool_fields);
        if (config->pools[site].def) consider(&nearest, group, config->pools[site].def->fields);
    }
    if (!text_is_near(key, nearest.distance)) return fail(ERR_USAGE, "%s: unknown key", key);
    return fail(ERR_USAGE, "%s: unknown key; did you mean '%s'?", key, nearest.best);
}

enum status config_find(struct config *config, const char *key, struct config_place *place)
{
    size_t length;
    int site = pool_site_of(key, &length);
    if (site >= 0 && key[length] == '.') {
        struct config_pool *pool = &config->pools[site];
        const char *name = key + length + 1;
        place->pool = pool;
        place->object = pool;
        place->table = fields_find(config_pool_fields, name);
        if (place->table) return OK;
        place->object = pool->args;
        place->table = pool->def ? fields_find(pool->def->fields, name) : NULL;
        return place->table ? OK : unknown_key(config, key);
    }
    const char *dot = strchr(key, '.');
    for (const struct config_section *s = config_sections; dot && s->name; s++) {
        size_t n = strlen(s->name);
        if ((size_t)(dot - key) != n || memcmp(key, s->name, n) != 0) continue;
        place->pool = NULL;
        place->object = config;
        place->table = fields_find(s->fields, dot + 1);
        if (place->table) return OK;
    }
    return unknown_key(config, key);
}

// Puts the sections before a message that begins with the field's own name.
static enum status prefix_sections(enum status status, const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? fail_context(status, "%.*s", (int)(dot + 1 - key), key) : status;
}

static enum status unknown_pool(const char *name)
{
    char names[FIELD_TEXT_BYTES] = "default";
    const char *best = NULL;
    int least = 1000;
    for (int i = 0; pool_defs[i]; i++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "|%s", pool_defs[i]->name);
        int distance = text_distance(name, pool_defs[i]->name);
        if (distance >= least) continue;
        least = distance;
        best = pool_defs[i]->name;
    }
    if (best && text_is_near(name, least))
        return fail(ERR_USAGE, "type: unknown pooling layer '%s'; did you mean '%s'?", name, best);
    return fail(ERR_USAGE, "type: unknown pooling layer '%s'; expected: %s", name, names);
}

// A pool's own parameters exist once its type is known; those of another type are forgotten.
static enum status resolve_pool(struct config_pool *pool, const char *old_type)
{
    if (strcmp(pool->type, old_type) == 0) return OK;
    const struct pool_def *def = pool_find(pool->type);
    if (!def && strcmp(pool->type, "default") != 0) {
        enum status status = unknown_pool(pool->type);
        memcpy(pool->type, old_type, sizeof pool->type);
        return status;
    }
    pool->def = def;
    memset(pool->args, 0, sizeof pool->args);
    if (def && def->fields) fields_defaults(def->fields, pool->args);
    return OK;
}

static enum status set_value(struct config *config, const char *key, const char *text,
                             const cJSON *json)
{
    struct config_place place;
    char old_type[FIELD_STRING_BYTES];
    TRY(config_find(config, key, &place));
    if (place.pool) memcpy(old_type, place.pool->type, sizeof old_type);
    enum status status =
        text ? fields_set_text(place.table, place.object, place.table->name, text)
             : fields_set_json(place.table, place.object, place.table->name, json);
    if (status == OK && place.pool) status = resolve_pool(place.pool, old_type);
    return status == OK ? OK : prefix_sections(status, key);
}

enum status config_set_json(struct config *config, const char *key, const struct cJSON *value)
{
    return set_value(config, key, NULL, value);
}

static bool names_a_type(const char *assignment)
{
    return strncmp(assignment, "backbone.pool.", 14) == 0 && strstr(assignment, ".type=");
}

enum status config_override(struct config *config, int n, const char *const *assignments)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < n; i++) {
            char key[CONFIG_KEY_BYTES];
            const char *equals = strchr(assignments[i], '=');
            if (!equals || equals == assignments[i])
                return fail(ERR_USAGE, "'%s' is not of the form section.key=value", assignments[i]);
            if ((size_t)(equals - assignments[i]) >= sizeof key)
                return fail(ERR_USAGE, "%.60s...: unknown key", assignments[i]);
            if (names_a_type(assignments[i]) != (pass == 0)) continue;
            snprintf(key, sizeof key, "%.*s", (int)(equals - assignments[i]), assignments[i]);
            TRY(set_value(config, key, equals + 1, NULL));
        }
    }
    return OK;
}
