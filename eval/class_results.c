#include "eval/class_results.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

void class_results_init(struct class_results *results)
{
    *results = (struct class_results){.n = 0};
    arena_init(&results->texts, &arena_host_source);
}

void class_results_free(struct class_results *results)
{
    mem_free(results->items);
    mem_free(results->classes);
    arena_free(&results->texts);
    class_results_init(results);
}

static enum status keep(struct class_results *results, const char *text, const char **kept)
{
    size_t n = strlen(text) + 1;
    char *copy = (char *)arena_alloc(&results->texts, n);
    if (!copy) return ERR_MEMORY;
    memcpy(copy, text, n);
    *kept = copy;
    return OK;
}

enum status class_results_set_classes(struct class_results *results, size_t n,
                                      const char *const *names)
{
    results->classes = (const char **)mem_alloc(n, sizeof *results->classes);
    if (!results->classes) return ERR_MEMORY;
    for (; results->n_classes < n; results->n_classes++)
        TRY(keep(results, names[results->n_classes], &results->classes[results->n_classes]));
    return OK;
}

static enum status append(struct class_results *results, const struct class_result *item)
{
    TRY(mem_reserve(&results->items, &results->capacity, results->n + 1, sizeof *item));
    struct class_result *added = &results->items[results->n++];
    *added = *item;
    return keep(results, item->file, &added->file);
}

// Keeps the list sorted; an equal score comes behind those of lower channels.
static void insert(struct class_result *item, int channel, double score)
{
    int at = item->n_top;
    while (at > 0 && item->scores[at - 1] < score) at--;
    if (at == CLASS_TOP) return;
    if (item->n_top < CLASS_TOP) item->n_top++;
    for (int i = item->n_top - 1; i > at; i--) {
        item->top[i] = item->top[i - 1];
        item->scores[i] = item->scores[i - 1];
    }
    item->top[at] = channel;
    item->scores[at] = score;
}

enum status class_results_add(struct class_results *results, int64_t id, const char *file,
                              int label, const float *logits)
{
    struct class_result item = {.id = id, .file = file, .label = label, .loss = -1};
    double largest = -INFINITY, sum = 0;
    for (size_t k = 0; k < results->n_classes; k++) {
        if (!isfinite(logits[k]))
            return fail(ERR_NUMERIC, "%s: the score of class %zu is not finite", file, k);
        largest = fmax(largest, (double)logits[k]);
    }
    for (size_t k = 0; k < results->n_classes; k++) {
        sum += exp((double)logits[k] - largest);
        insert(&item, (int)k, (double)logits[k]);
    }
    for (int i = 0; i < item.n_top; i++) item.scores[i] = exp(item.scores[i] - largest) / sum;
    if (label >= 0) item.loss = fmax(0, log(sum) + largest - (double)logits[label]);
    return append(results, &item);
}

enum status class_results_save(const struct class_results *results, const char *path)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fputs("{\"type\": \"classification\", \"classes\": [", stream);
    for (size_t i = 0; i < results->n_classes; i++) {
        if (i) fputs(", ", stream);
        json_write_string(stream, results->classes[i]);
    }
    fputs("],\n\"images\": [", stream);
    for (size_t i = 0; i < results->n; i++) {
        const struct class_result *r = &results->items[i];
        fprintf(stream, "%s\n{\"id\": %" PRId64 ", \"file\": ", i ? "," : "", r->id);
        json_write_string(stream, r->file);
        fprintf(stream, ", \"label\": %d, \"loss\": %.9g, \"top\": [", r->label, r->loss);
        for (int k = 0; k < r->n_top; k++) fprintf(stream, "%s%d", k ? ", " : "", r->top[k]);
        fputs("], \"scores\": [", stream);
        for (int k = 0; k < r->n_top; k++) fprintf(stream, "%s%.9g", k ? ", " : "", r->scores[k]);
        fputs("]}", stream);
    }
    fputs("\n]}\n", stream);
    return file_writer_commit(&writer);
}

static enum status read_classes(struct class_results *results, const cJSON *tree,
                                const char *path)
{
    const struct json_place place = {path, NULL, JSON_NO_INDEX};
    const cJSON *list, *name;
    const char *type;
    enum status status = OK;
    TRY(json_get_string(tree, &place, "type", &type));
    if (strcmp(type, "classification") != 0)
        return fail(ERR_DATA, "%s: type is '%s', expected classification", path, type);
    TRY(json_get(tree, &place, "classes", JSON_ARRAY, &list));
    size_t n = (size_t)cJSON_GetArraySize(list), i = 0;
    const char **names = (const char **)mem_alloc(n, sizeof *names);
    if (!names) return ERR_MEMORY;
    cJSON_ArrayForEach (name, list) {
        if (!cJSON_IsString(name)) {
            status = fail(ERR_DATA, "%s: classes[%zu] is no text", path, i);
            goto done;
        }
        names[i++] = name->valuestring;
    }
    GUARD(class_results_set_classes(results, n, names));
done:
    mem_free(names);
    return status;
}

static enum status read_top(const struct class_results *results, const cJSON *object,
                            const struct json_place *place, struct class_result *item)
{
    const cJSON *list;
    double channels[CLASS_TOP];
    TRY(json_get(object, place, "top", JSON_ARRAY, &list));
    int n = cJSON_GetArraySize(list);
    if (n < 1 || n > CLASS_TOP)
        return json_fail(ERR_DATA, place, "%d classes in top, expected 1 to %d", n,
                         (int)CLASS_TOP);
    TRY(json_get_numbers(object, place, "top", (size_t)n, channels));
    TRY(json_get_numbers(object, place, "scores", (size_t)n, item->scores));
    for (int i = 0; i < n; i++) {
        if (!(channels[i] >= 0 && channels[i] < (double)results->n_classes) ||
            channels[i] != floor(channels[i]))
            return json_fail(ERR_DATA, place, "class %g, but there are 0 to %zu", channels[i],
                             results->n_classes - 1);
        item->top[i] = (int)channels[i];
    }
    item->n_top = n;
    return OK;
}

static enum status read_image(struct class_results *results, const cJSON *object,
                              const struct json_place *place)
{
    struct class_result item = {.n_top = 0};
    if (results->n_classes == 0) return json_fail(ERR_DATA, place, "there are no classes");
    TRY(json_get_id(object, place, "id", &item.id));
    TRY(json_get_string(object, place, "file", &item.file));
    TRY(json_get_int(object, place, "label", -1, (int)results->n_classes - 1, &item.label));
    TRY(json_get_number(object, place, "loss", &item.loss));
    TRY(read_top(results, object, place, &item));
    return append(results, &item);
}

static int compare_ids(const void *a, const void *b)
{
    const struct class_result *x = (const struct class_result *)a;
    const struct class_result *y = (const struct class_result *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static enum status read_images(struct class_results *results, const cJSON *tree, const char *path)
{
    const struct json_place whole = {path, NULL, JSON_NO_INDEX};
    struct json_place place = {path, "images", 0};
    const cJSON *list, *object;
    TRY(json_get(tree, &whole, "images", JSON_ARRAY, &list));
    cJSON_ArrayForEach (object, list) {
        TRY(read_image(results, object, &place));
        place.index++;
    }
    if (results->n) qsort(results->items, results->n, sizeof *results->items, compare_ids);
    for (size_t i = 1; i < results->n; i++)
        if (results->items[i].id == results->items[i - 1].id)
            return fail(ERR_DATA, "%s: image %" PRId64 " stands there twice", path,
                        results->items[i].id);
    return OK;
}

enum status class_results_load(const char *path, struct class_results *results)
{
    cJSON *tree = NULL;
    struct class_results read;
    enum status status = OK;
    class_results_init(&read);
    GUARD(json_load(path, 0, false, &tree));
    GUARD(read_classes(&read, tree, path));
    GUARD(read_images(&read, tree, path));
    *results = read;
    cJSON_Delete(tree);
    return OK;
done:
    cJSON_Delete(tree);
    class_results_free(&read);
    return status;
}
