#include "coco/class_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

static const char BLANKS[] = " \t\r";

void class_list_free(struct class_list *list)
{
    mem_free(list->text);
    mem_free(list->lines);
    mem_free(list->classes);
    *list = (struct class_list){0};
}

// Cuts a line in place.
static enum status read_line(const char *file, size_t number, char *line, struct class_line *out)
{
    size_t n = strlen(line);
    while (n > 0 && strchr(BLANKS, line[n - 1])) line[--n] = 0;
    char *name = line + n;
    while (name > line && !strchr(BLANKS, name[-1])) name--;
    char *end = name;
    while (end > line && strchr(BLANKS, end[-1])) end--;
    if (end == line)
        return fail(ERR_DATA, "%s: line %zu: expected a path and a class", file, number);
    *end = 0;
    *out = (struct class_line){.path = line, .name = name};
    return OK;
}

static enum status read_lines(const char *file, struct class_list *list)
{
    size_t capacity = 0, number = 0;
    for (char *line = list->text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        number++;
        line += strspn(line, BLANKS);
        if (*line == 0 || *line == '#') continue;
        TRY(mem_reserve(&list->lines, &capacity, list->n + 1, sizeof *list->lines));
        TRY(read_line(file, number, line, &list->lines[list->n]));
        list->n++;
    }
    return OK;
}

static bool is_number(const char *text)
{
    enum { MAX_DIGITS = 9 }; // the order of longer ones would be lost
    size_t n = strlen(text);
    return n > 0 && n <= MAX_DIGITS && strspn(text, "0123456789") == n;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_numbers(const void *a, const void *b)
{
    long x = strtol(*(const char *const *)a, NULL, 10);
    long y = strtol(*(const char *const *)b, NULL, 10);
    return x == y ? compare_names(a, b) : (x > y) - (x < y);
}

static enum status number_classes(struct class_list *list)
{
    bool are_numbers = true;
    list->classes = (const char **)mem_alloc(list->n, sizeof *list->classes);
    if (!list->classes) return ERR_MEMORY;
    for (size_t i = 0; i < list->n; i++) {
        list->classes[i] = list->lines[i].name;
        are_numbers = are_numbers && is_number(list->classes[i]);
    }
    int (*compare)(const void *, const void *) = are_numbers ? compare_numbers : compare_names;
    if (list->n) qsort(list->classes, list->n, sizeof *list->classes, compare);
    for (size_t i = 0; i < list->n; i++)
        if (i == 0 || strcmp(list->classes[i], list->classes[list->n_classes - 1]) != 0)
            list->classes[list->n_classes++] = list->classes[i];
    for (size_t i = 0; i < list->n; i++) {
        const char **found = (const char **)bsearch(&list->lines[i].name, list->classes,
                                                    list->n_classes, sizeof *found, compare);
        list->lines[i].channel = (int)(found - list->classes);
    }
    return OK;
}

enum status class_list_read(const char *path, struct class_list *list)
{
    struct class_list made = {0};
    enum status status = file_read(path, 0, &made.text, NULL);
    if (status == OK) status = read_lines(path, &made);
    if (status == OK) status = number_classes(&made);
    if (status != OK) {
        class_list_free(&made);
        return status;
    }
    *list = made;
    return OK;
}
