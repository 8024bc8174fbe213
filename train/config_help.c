#include <string.h>

#include "train/config_sections.h"

void config_print_help(FILE *stream)
{
    for (const struct config_section *s = config_sections; s->name; s++) {
        char prefix[CONFIG_KEY_BYTES];
        snprintf(prefix, sizeof prefix, "%s.", s->name);
        fprintf(stream, "\n%s\n", s->summary);
        fields_print_help(stream, s->fields, prefix);
    }
    fprintf(stream, "\nPooling layers of the backbone; SITE is stem, downsample or global\n");
    fields_print_help(stream, config_pool_fields, "backbone.pool.SITE.");
    for (int i = 0; pool_defs[i]; i++) {
        const struct field *own = pool_defs[i]->fields;
        if (!own || !own->name) continue;
        fprintf(stream, "\nWith backbone.pool.SITE.type=%s\n", pool_defs[i]->name);
        fields_print_help(stream, own, "backbone.pool.SITE.");
    }
}

static void print_table(FILE *stream, const char *title, const struct field *table,
                        const char *prefix)
{
    fprintf(stream, "\n## %s\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n", title);
    fields_print_markdown(stream, table, prefix);
}

void config_print_markdown(FILE *stream)
{
    fputs("# Config keys\n\n"
          "Written by `tarn train --help-markdown`; the list itself is train/config.def.\n\n"
          "A config is a JSON file; `//` and `/* */` comments are allowed. `\"base\"` names one "
          "parent, relative to the file\nthat names it. Later settings win: defaults, the parent, "
          "the file, then `section.key=value` on the command line.\nAll other paths are relative "
          "to the current folder.\n",
          stream);
    for (const struct config_section *s = config_sections; s->name; s++) {
        char prefix[CONFIG_KEY_BYTES];
        snprintf(prefix, sizeof prefix, "%s.", s->name);
        print_table(stream, s->summary, s->fields, prefix);
    }
    print_table(stream, "Pooling layers of the backbone: SITE is stem, downsample or global",
                config_pool_fields, "backbone.pool.SITE.");
    for (int i = 0; pool_defs[i]; i++) {
        char title[CONFIG_KEY_BYTES];
        const struct field *own = pool_defs[i]->fields;
        if (!own || !own->name) continue;
        snprintf(title, sizeof title, "With type `%s`", pool_defs[i]->name);
        print_table(stream, title, own, "backbone.pool.SITE.");
    }
}
