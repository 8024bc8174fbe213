// Files, their parents, and the way back to JSON.
#define _XOPEN_SOURCE 700
#include <cjson/cJSON.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "train/config_sections.h"

enum { MAX_PARENTS = 16, MAX_CONFIG_BYTES = 16 << 20 };

// The files that are being read: this one, the child that names it as its base, and so on.
struct chain {
    const char *path;
    const struct chain *child;
    int length;
};

static enum status set_tree(struct config *config, const char *prefix, const cJSON *tree);

static enum status set_member(struct config *config, const char *prefix, const cJSON *member)
{
    char key[CONFIG_KEY_BYTES];
    int n = snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", member->string);
    if (n < 0 || (size_t)n >= sizeof key)
        return fail(ERR_USAGE, "%.60s...: unknown key", member->string);
    if (!config_is_group(key)) return config_set_json(config, key, member);
    if (!cJSON_IsObject(member)) return fail(ERR_USAGE, "%s: expected an object of keys", key);
    return set_tree(config, key, member);
}

static enum status set_tree(struct config *config, const char *prefix, const cJSON *tree)
{
    bool is_pool = config_is_pool_site(prefix);
    const cJSON *member, *type = is_pool ? json_find(tree, "type") : NULL;
    if (type) TRY(set_member(config, prefix, type)); // it says which other keys exist
    cJSON_ArrayForEach(member, tree)
    {
        if (!prefix[0] && (!strcmp(member->string, "base") || !strcmp(member->string, "tarn")))
            continue;
        if (is_pool && !strcmp(member->string, "type")) continue;
        TRY(set_member(config, prefix, member));
    }
    return OK;
}

static bool is_dotted_type(const char *key)
{
    static const char begin[] = "backbone.pool.", end[] = ".type";
    size_t n = strlen(key);
    return strncmp(key, begin, sizeof begin - 1) == 0 && n >= sizeof end &&
           strcmp(key + n - (sizeof end - 1), end) == 0;
}

enum status config_set_members(struct config *config, const struct cJSON *members)
{
    for (int pass = 0; pass < 2; pass++) {
        const cJSON *member;
        cJSON_ArrayForEach(member, members)
            if (is_dotted_type(member->string) == (pass == 0)) TRY(set_member(config, "", member));
    }
    return OK;
}

static enum status load_file(const char *path, const struct chain *child, struct config *config);

// The parent of the file `path`, found beside it.
static enum status load_parent(const char *path, const char *base, const struct chain *chain,
                               struct config *config)
{
    char folder[PATH_BYTES], parent[PATH_BYTES];
    snprintf(folder, sizeof folder, "%.*s", (int)(path_base(path) - path), path);
    TRY(path_join(parent, folder, base));
    return load_file(parent, chain, config);
}

static enum status apply(const char *path, const cJSON *tree, const struct chain *chain,
                         struct config *config)
{
    if (!cJSON_IsObject(tree))
        return fail(ERR_USAGE, "%s: a config must be a JSON object", path);
    const cJSON *base = json_find(tree, "base");
    if (base && !cJSON_IsString(base))
        return fail(ERR_USAGE, "%s: base: expected the path of one config", path);
    if (base) TRY(load_parent(path, base->valuestring, chain, config));
    enum status status = set_tree(config, "", tree);
    return status == OK ? OK : fail_context(status, "%s: ", path);
}

static enum status load_file(const char *path, const struct chain *child, struct config *config)
{
    cJSON *tree = NULL;
    char real[PATH_BYTES]; // one file may have several names
    bool is_real = realpath(path, real) != NULL;
    struct chain chain = {is_real ? real : path, child, child ? child->length + 1 : 1};
    enum status status = OK;
    for (const struct chain *c = child; c; c = c->child)
        if (strcmp(c->path, chain.path) == 0) {
            status = fail(ERR_USAGE, "%s: base: leads in a circle back to %s", child->path, path);
            goto done;
        }
    if (chain.length > MAX_PARENTS) {
        status = fail(ERR_USAGE, "%s: base: more than %d configs in a row", path, MAX_PARENTS);
        goto done;
    }
    GUARD(json_load(path, MAX_CONFIG_BYTES, true, &tree));
    GUARD(apply(path, tree, &chain, config));
done:
    cJSON_Delete(tree);
    return status;
}

enum status config_load(const char *path, struct config *config)
{
    return load_file(path, NULL, config);
}

enum status config_parse(const char *name, const char *text, size_t n_bytes, struct config *config)
{
    cJSON *tree = NULL;
    TRY(json_parse(name, text, n_bytes, true, &tree));
    enum status status = OK;
    // What comes out of a checkpoint must not make us read other files.
    if (json_find(tree, "base")) status = fail(ERR_USAGE, "%s: base: not allowed here", name);
    if (status == OK) status = apply(name, tree, NULL, config);
    cJSON_Delete(tree);
    return status;
}

// Adds to an object; takes the child in any case.
static enum status add(cJSON *object, const char *name, cJSON *child)
{
    if (child && cJSON_AddItemToObject(object, name, child)) return OK;
    cJSON_Delete(child);
    return fail(ERR_MEMORY, "out of memory");
}

static enum status pool_to_json(const struct config_pool *pool, cJSON **json)
{
    cJSON *made = NULL;
    enum status status = OK;
    GUARD(fields_to_json(config_pool_fields, pool, &made));
    for (const struct field *f = pool->def ? pool->def->fields : NULL; f && f->name; f++) {
        cJSON *item = NULL;
        GUARD(field_to_json(f, pool->args, &item));
        GUARD(add(made, f->name, item));
    }
    *json = made;
    made = NULL;
done:
    cJSON_Delete(made);
    return status;
}

static enum status pools_to_json(const struct config *config, cJSON *pools)
{
    for (int site = 0; site < N_POOL_SITES; site++) {
        cJSON *pool = NULL;
        TRY(pool_to_json(&config->pools[site], &pool));
        TRY(add(pools, pool_site_names[site], pool));
    }
    return OK;
}

enum status config_to_json(const struct config *config, struct cJSON **json)
{
    enum status status = OK;
    cJSON *made = cJSON_CreateObject(), *pools = cJSON_CreateObject();
    if (!made || !pools) {
        status = fail(ERR_MEMORY, "out of memory");
        goto done;
    }
    for (const struct config_section *s = config_sections; s->name; s++) {
        cJSON *section = NULL;
        GUARD(fields_to_json(s->fields, config, &section));
        GUARD(add(made, s->name, section));
    }
    GUARD(pools_to_json(config, pools));
    status = add(cJSON_GetObjectItemCaseSensitive(made, "backbone"), "pool", pools);
    pools = NULL;
    if (status != OK) goto done;
    *json = made;
    made = NULL;
done:
    cJSON_Delete(made);
    cJSON_Delete(pools);
    return status;
}

static void compare_trees(const char *prefix, const cJSON *from, const cJSON *to, FILE *stream,
                          int *n_different)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, to)
    {
        char key[CONFIG_KEY_BYTES];
        snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", member->string);
        const cJSON *old = json_find(from, member->string);
        if (cJSON_IsObject(member)) {
            compare_trees(key, old, member, stream, n_different);
        } else if (!cJSON_Compare(old, member, true)) {
            char *before = old ? cJSON_PrintUnformatted(old) : NULL;
            char *now = cJSON_PrintUnformatted(member);
            if (stream)
                fprintf(stream, "%s: %s -> %s\n", key, before ? before : "(none)", now ? now : "");
            cJSON_free(before);
            cJSON_free(now);
            (*n_different)++;
        }
    }
}

void config_compare_json(const struct cJSON *from, const struct cJSON *to, FILE *stream,
                         int *n_different)
{
    compare_trees("", from, to, stream, n_different);
}

enum status config_compare(const struct config *from, const struct config *to, FILE *stream,
                           int *n_different)
{
    cJSON *a = NULL, *b = NULL;
    int n = 0;
    enum status status = OK;
    GUARD(config_to_json(from, &a));
    GUARD(config_to_json(to, &b));
    compare_trees("", a, b, stream, &n);
    *n_different = n;
done:
    cJSON_Delete(a);
    cJSON_Delete(b);
    return status;
}
