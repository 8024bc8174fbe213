#include "coco/defects.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const struct defect_info defect_infos[N_DEFECTS] = {
#define DEFECT(identifier, name, severity, explanation) {name, explanation, severity},
    DEFECTS(DEFECT)
#undef DEFECT
};

void defects_init(struct defects *defects)
{
    memset(defects, 0, sizeof *defects);
    pthread_mutex_init(&defects->mutex, NULL);
}

void defects_free(struct defects *defects)
{
    for (size_t i = 0; i < defects->n; i++) mem_free(defects->list[i].text);
    mem_free(defects->list);
    pthread_mutex_destroy(&defects->mutex);
}

static enum status add(struct defects *defects, const struct defect *defect)
{
    TRY(mem_reserve(&defects->list, &defects->capacity, defects->n + 1, sizeof *defects->list));
    defects->list[defects->n++] = *defect;
    defects->counts[defect->kind]++;
    return OK;
}

enum status defects_add(struct defects *defects, enum defect_kind kind, const int64_t *image_id,
                        const int64_t *annotation_id, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct defect defect = {.kind = kind,
                            .has_image = image_id != NULL,
                            .has_annotation = annotation_id != NULL,
                            .image_id = image_id ? *image_id : 0,
                            .annotation_id = annotation_id ? *annotation_id : 0,
                            .text = mem_strdup(text)};
    if (!defect.text) return ERR_MEMORY;
    pthread_mutex_lock(&defects->mutex);
    enum status status = add(defects, &defect);
    pthread_mutex_unlock(&defects->mutex);
    if (status != OK) mem_free(defect.text);
    return status;
}

static int compare(const void *left, const void *right)
{
    const struct defect *a = (const struct defect *)left, *b = (const struct defect *)right;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->image_id != b->image_id) return a->image_id < b->image_id ? -1 : 1;
    if (a->annotation_id != b->annotation_id) return a->annotation_id < b->annotation_id ? -1 : 1;
    return strcmp(a->text, b->text);
}

void defects_sort(struct defects *defects)
{
    if (defects->n) qsort(defects->list, defects->n, sizeof *defects->list, compare);
}

size_t defects_count(const struct defects *defects, enum defect_severity severity)
{
    size_t n = 0;
    for (int i = 0; i < N_DEFECTS; i++)
        if (defect_infos[i].severity == severity) n += defects->counts[i];
    return n;
}
