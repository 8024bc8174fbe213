#include "report_form.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { DEPTH = 64, NAME = 32, IDS = 256, ID = 64 };

struct form {
    const char *page, *at;
    char open[DEPTH][NAME];
    int depth;
    char ids[IDS][ID];
    int n_ids;
};

static void expect(const struct form *form, bool is_right, const char *what)
{
    cr_assert(is_right, "%s at byte %td: %.60s", what, form->at - form->page, form->at);
}

static void read_name(struct form *form, char name[NAME])
{
    size_t n = 0;
    while (isalnum((unsigned char)*form->at) || *form->at == '-') {
        expect(form, n + 1 < NAME, "long name");
        name[n++] = *form->at++;
    }
    name[n] = 0;
    expect(form, n > 0, "no name");
}

static void check_entity(struct form *form)
{
    const char *p = form->at + 1;
    while (*p == '#' || isalnum((unsigned char)*p)) p++;
    expect(form, *p == ';' && p > form->at + 1, "bare &");
}

static void keep_id(struct form *form, const char *value, size_t n)
{
    char id[ID];
    expect(form, n > 0 && n < ID, "length of an id");
    memcpy(id, value, n);
    id[n] = 0;
    for (int i = 0; i < form->n_ids; i++)
        expect(form, strcmp(form->ids[i], id) != 0, "id given twice");
    expect(form, form->n_ids < IDS, "too many ids");
    memcpy(form->ids[form->n_ids++], id, n + 1);
}

// Behind the element's name up to '>'. Returns whether it closes itself.
static bool read_attributes(struct form *form)
{
    char names[16][NAME];
    int n = 0;
    for (;;) {
        bool is_apart = *form->at == ' ';
        while (*form->at == ' ') form->at++;
        if (*form->at == '>') return form->at++, false;
        if (form->at[0] == '/' && form->at[1] == '>') return form->at += 2, true;
        expect(form, is_apart && n < 16, "attribute");
        read_name(form, names[n]);
        for (int i = 0; i < n; i++)
            expect(form, strcmp(names[i], names[n]) != 0, "attribute twice");
        expect(form, form->at[0] == '=' && form->at[1] == '"', "value");
        form->at += 2;
        const char *value = form->at;
        for (; *form->at != '"'; form->at++) {
            expect(form, *form->at && *form->at != '<', "value");
            if (*form->at == '&') check_entity(form);
        }
        if (strcmp(names[n++], "id") == 0) keep_id(form, value, (size_t)(form->at - value));
        form->at++;
    }
}

static void read_element(struct form *form)
{
    char name[NAME];
    form->at++;
    if (*form->at == '/') {
        form->at++;
        read_name(form, name);
        expect(form, form->depth > 0 && strcmp(form->open[form->depth - 1], name) == 0,
               "closes another element");
        form->depth--;
        expect(form, *form->at++ == '>', "end of an element");
        return;
    }
    read_name(form, name);
    if (read_attributes(form)) return;
    expect(form, form->depth < DEPTH, "depth");
    memcpy(form->open[form->depth++], name, sizeof name);
    bool is_raw = strcmp(name, "script") == 0 || strcmp(name, "style") == 0;
    while (is_raw && strncmp(form->at, "</", 2) != 0) expect(form, *form->at++ != 0, "raw text");
}

void expect_well_formed(const char *page)
{
    static struct form form;
    form = (struct form){.page = page, .at = page};
    static const char head[] = "<!DOCTYPE html>";
    expect(&form, strncmp(page, head, sizeof head - 1) == 0, "doctype");
    form.at += sizeof head - 1;
    while (*form.at) {
        if (*form.at == '<') {
            read_element(&form);
            continue;
        }
        if (*form.at == '&') check_entity(&form);
        unsigned char c = (unsigned char)*form.at;
        expect(&form, c >= 0x20 || c == '\n', "control character");
        form.at++;
    }
    expect(&form, form.depth == 0, "elements left open");
}

size_t count_elements(const char *page, const char *name)
{
    size_t n = 0, length = strlen(name);
    for (const char *p = page; (p = strchr(p, '<')) != NULL; p++)
        n += strncmp(p + 1, name, length) == 0 && !isalnum((unsigned char)p[1 + length]);
    return n;
}
