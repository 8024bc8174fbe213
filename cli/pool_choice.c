#include "cli/pool_choice.h"

#include <stdio.h>
#include <string.h>

#include "backbone/site_pool.h"

enum { SEED = 1 };

enum status pool_require(const char *name, const struct pool_def **def)
{
    *def = pool_find(name);
    if (*def) return OK;
    const char *best = NULL;
    int least = 1000;
    for (int i = 0; pool_defs[i]; i++) {
        int distance = text_distance(name, pool_defs[i]->name);
        if (distance >= least) continue;
        least = distance;
        best = pool_defs[i]->name;
    }
    if (best && text_is_near(name, least))
        return fail(ERR_USAGE, "'%.40s' is no pooling layer; did you mean '%s'?", name, best);
    return fail(ERR_USAGE, "'%.40s' is no pooling layer; `tarn pools` lists them", name);
}

enum pool_site pool_usual_site(const struct pool_def *def)
{
    int site = 0;
    while (site < POOL_AUX && !(def->sites & 1u << site)) site++;
    return (enum pool_site)site;
}

struct window pool_default_window(const struct pool_def *def)
{
    return window_square(def->default_kernel, def->default_stride, def->default_padding);
}

static enum status set_option(struct pool_choice *choice, char *assignment)
{
    char *equals = strchr(assignment, '=');
    if (!equals)
        return fail(ERR_USAGE, "pool %s: '%s' is not OPTION=VALUE", choice->pool.def->name,
                    assignment);
    *equals = 0;
    enum status status =
        fields_set_text(choice->pool.def->fields, choice->pool.args, assignment, equals + 1);
    return status == OK ? OK : fail_context(status, "pool %s: ", choice->pool.def->name);
}

static enum status parse_one(const char *text, size_t length, struct pool_choice *choice)
{
    char own[POOL_LABEL_BYTES];
    *choice = (struct pool_choice){.label = ""};
    if (length >= sizeof own)
        return fail(ERR_USAGE, "'%.40s...' is too long for a pool and its options", text);
    memcpy(own, text, length);
    own[length] = 0;
    memcpy(choice->label, own, length + 1);
    char *option = strchr(own, ':');
    if (option) *option++ = 0;
    TRY(pool_require(own, &choice->pool.def));
    if (choice->pool.def->fields) fields_defaults(choice->pool.def->fields, choice->pool.args);
    while (option) {
        char *next = strchr(option, ':');
        if (next) *next++ = 0;
        TRY(set_option(choice, option));
        option = next;
    }
    return OK;
}

enum status pool_choices_parse(const char *text, struct pool_choice choices[POOL_CHOICE_MAX],
                               int *n)
{
    *n = 0;
    for (int i = 0; !text[0] && pool_defs[i] && *n < POOL_CHOICE_MAX; i++)
        TRY(parse_one(pool_defs[i]->name, strlen(pool_defs[i]->name), &choices[(*n)++]));
    while (*text) {
        size_t length = strcspn(text, ",");
        if (*n == POOL_CHOICE_MAX)
            return fail(ERR_USAGE, "more than %d pools", (int)POOL_CHOICE_MAX);
        TRY(parse_one(text, length, &choices[(*n)++]));
        text += length;
        text += *text == ',';
    }
    return OK;
}

enum status pool_layer_open(const struct pool_choice *choice, const struct window *window,
                            int n_channels, struct backend *backend, struct pool_layer *layer)
{
    struct pool chosen = choice->pool;
    enum status status = OK;
    chosen.window = *window;
    *layer = (struct pool_layer){NULL, NULL};
    GUARD(params_create(backend, &layer->params));
    GUARD(site_pool_create(&chosen, pool_usual_site(chosen.def), 0, layer->params, "pool.",
                           n_channels, &layer->pool));
    GUARD(params_layout(layer->params, SEED));
    return OK;
done:
    pool_layer_close(layer);
    return status;
}

void pool_layer_close(struct pool_layer *layer)
{
    site_pool_destroy(layer->pool);
    params_destroy(layer->params);
    *layer = (struct pool_layer){NULL, NULL};
}

enum status pool_count_trainable(const struct pool *pool, int n_channels, size_t *n)
{
    struct params *params = NULL;
    struct pool *declared = NULL;
    struct pool chosen = *pool;
    enum status status = OK;
    chosen.window = pool_default_window(pool->def);
    GUARD(params_create(NULL, &params)); // counting needs no device
    GUARD(site_pool_create(&chosen, pool_usual_site(chosen.def), 0, params, "pool.", n_channels,
                           &declared));
    *n = params_count(params, true);
done:
    site_pool_destroy(declared);
    params_destroy(params);
    return status;
}
