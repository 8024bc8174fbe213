#include "cli/pools_text.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/pool_choice.h"
#include "cli/text_table.h"

enum { WIDTH = 100, STEM_CHANNELS = 64, TEXT_BYTES = 1024 };

static void append(char text[TEXT_BYTES], const char *separator, const char *more)
{
    size_t n = strlen(text);
    snprintf(text + n, TEXT_BYTES - n, "%s%s", n ? separator : "", more);
}

static void defaults_of(const struct pool_def *def, struct pool *pool)
{
    *pool = (struct pool){.def = def};
    if (def->fields) fields_defaults(def->fields, pool->args);
}

static enum status list_one(const struct text_column *columns, int n_columns,
                            const struct pool_def *def)
{
    char sites[8] = "- - -", trained[32], method[TEXT_BYTES] = "", cost[TEXT_BYTES] = "";
    struct pool pool;
    size_t n;
    defaults_of(def, &pool);
    TRY(pool_count_trainable(&pool, STEM_CHANNELS, &n));
    snprintf(trained, sizeof trained, "%zu", n);
    for (int site = 0; site < POOL_AUX; site++)
        if (def->sites & 1u << site) sites[2 * site] = "SDG"[site];
    append(method, "", def->summary);
    for (const struct field *f = def->fields; f && f->name; f++)
        append(method, f == def->fields ? "\noptions: " : ", ", f->name);
    append(cost, "", def->cost);
    append(cost, "\n", def->paper);
    const char *cells[] = {def->name, sites, trained, method, cost};
    text_table_row(stdout, columns, n_columns, cells);
    return OK;
}

enum status pools_print_list(void)
{
    static const struct text_column columns[] = {
        {"pool", 10, false},        {"sites", 5, false},
        {"trained", 7, true},       {"what it computes", 38, false},
        {"cost, paper", 32, false},
    };
    enum { N = sizeof columns / sizeof *columns };
    text_table_head(stdout, columns, N);
    for (int i = 0; pool_defs[i]; i++) {
        if (i > 0) printf("\n");
        TRY(list_one(columns, N, pool_defs[i]));
    }
    printf("\nsites: S stem (after the first convolution), D downsample (in place of a stage's "
           "stride),\nG global (a classifier's, the whole map; auxiliary ones too).\n"
           "trained: values at %d channels, with default options.  `tarn pools NAME` explains "
           "one.\n",
           STEM_CHANNELS);
    return OK;
}

// Every value of a switch or a choice that changes the number of trained values.
static enum status append_counts(const struct pool_def *def, const struct field *field,
                                 size_t otherwise, char text[TEXT_BYTES])
{
    const char *values = field->type == FIELD_BOOL     ? "false|true"
                         : field->type == FIELD_CHOICE ? field->choices
                                                       : "";
    while (*values) {
        char value[64], more[160];
        size_t length = strcspn(values, "|"), n;
        struct pool pool;
        snprintf(value, sizeof value, "%.*s", (int)length, values);
        values += length + (values[length] == '|');
        if (strcmp(value, field->initial) == 0) continue;
        defaults_of(def, &pool);
        TRY(fields_set_text(def->fields, pool.args, field->name, value));
        // Options may exclude each other, or the window they have by default.
        if (pool_count_trainable(&pool, STEM_CHANNELS, &n) != OK || n == otherwise) continue;
        snprintf(more, sizeof more, "%s=%s: %zu", field->name, value, n);
        append(text, "; ", more);
    }
    return OK;
}

static enum status print_trained(const struct pool_def *def)
{
    struct pool pool;
    size_t n;
    char text[TEXT_BYTES];
    defaults_of(def, &pool);
    TRY(pool_count_trainable(&pool, STEM_CHANNELS, &n));
    snprintf(text, sizeof text, "%zu value%s at %d channels", n, n == 1 ? "" : "s", STEM_CHANNELS);
    for (const struct field *f = def->fields; f && f->name; f++)
        TRY(append_counts(def, f, n, text));
    printf("trained    ");
    text_wrap(stdout, text, 11, WIDTH);
    return OK;
}

static void print_sites(const struct pool_def *def)
{
    char sites[TEXT_BYTES] = "", others[TEXT_BYTES] = "";
    for (int site = 0; site < POOL_AUX; site++)
        append(def->sites & 1u << site ? sites : others, ", ", pool_site_names[site]);
    printf("sites      %s\n", sites);
    if (!others[0]) return;
    append(others, ": ", def->sites_refusal);
    printf("not at     ");
    text_wrap(stdout, others, 11, WIDTH);
}

static enum status print_example(const struct pool_def *def)
{
    struct pool pool;
    cJSON *json = NULL;
    defaults_of(def, &pool);
    const char *site = pool_site_names[pool_usual_site(def)];
    if (def->fields) TRY(fields_to_json(def->fields, pool.args, &json));
    printf("\nIn a config\n  \"backbone\": {\"pool\": {\"%s\": {\n    \"type\": \"%s\"", site,
           def->name);
    if (def->default_kernel)
        printf(", \"kernel\": %d, \"stride\": %d, \"padding\": %d", def->default_kernel,
               def->default_stride, def->default_padding);
    for (const cJSON *item = json ? json->child : NULL; item; item = item->next) {
        char *value = cJSON_PrintUnformatted(item);
        if (!value) {
            cJSON_Delete(json);
            return fail(ERR_MEMORY, "out of memory");
        }
        printf(",\n    \"%s\": %s", item->string, value);
        cJSON_free(value);
    }
    cJSON_Delete(json);
    printf("}}}\nor on the command line: backbone.pool.%s.type=%s\n", site, def->name);
    return OK;
}

enum status pools_print_one(const char *name)
{
    const struct pool_def *def;
    TRY(pool_require(name, &def));
    printf("%s: %s\n\n    ", def->name, def->summary);
    text_wrap(stdout, def->formula, 4, WIDTH);
    printf("\npaper      ");
    text_wrap(stdout, def->paper, 11, WIDTH);
    printf("cost       ");
    text_wrap(stdout, def->cost, 11, WIDTH);
    if (def->default_kernel)
        printf("window     %dx%d, stride %d, padding %d (default of the stem)\n",
               def->default_kernel, def->default_kernel, def->default_stride, def->default_padding);
    else
        printf("window     the whole map\n");
    TRY(print_trained(def));
    print_sites(def);
    if (def->fields && def->fields->name) {
        printf("\nOptions\n");
        fields_print_help(stdout, def->fields, "");
    }
    return print_example(def);
}
