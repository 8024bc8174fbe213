#define _POSIX_C_SOURCE 200809L
#include "cuda/plan_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { N_NUMBERS = sizeof(struct conv_problem) / sizeof(int32_t), LINE_BYTES = 512 };

void plan_list_free(struct plan_list *list)
{
    mem_free(list->entries);
    *list = (struct plan_list){0};
}

static bool same(const struct conv_problem *a, const struct conv_problem *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static struct plan_entry *find(const struct plan_list *list, const struct conv_problem *problem)
{
    for (size_t i = 0; i < list->n; i++)
        if (same(&list->entries[i].problem, problem)) return &list->entries[i];
    return NULL;
}

const struct plan_entry *plan_list_find(const struct plan_list *list,
                                        const struct conv_problem *problem)
{
    return find(list, problem);
}

static double pixels(const struct conv_problem *p)
{
    return (double)p->n * p->h * p->w;
}

static struct conv_problem without_size(const struct conv_problem *problem)
{
    struct conv_problem p = *problem;
    p.n = p.h = p.w = p.oh = p.ow = 0;
    return p;
}

const struct plan_entry *plan_list_similar(const struct plan_list *list,
                                           const struct conv_problem *problem)
{
    const struct conv_problem wanted = without_size(problem);
    const struct plan_entry *best = NULL;
    double best_ratio = 2.0;
    for (size_t i = 0; i < list->n; i++) {
        const struct plan_entry *entry = &list->entries[i];
        const struct conv_problem other = without_size(&entry->problem);
        double ratio = pixels(problem) / pixels(&entry->problem);
        if (ratio < 1.0) ratio = 1.0 / ratio;
        if (!entry->engine[0] || !same(&other, &wanted) || !(ratio <= best_ratio)) continue;
        // Of two as similar, the first.
        if (best && ratio == best_ratio) continue;
        best = entry;
        best_ratio = ratio;
    }
    return best;
}

enum status plan_list_set(struct plan_list *list, const struct conv_problem *problem,
                          const char *engine)
{
    struct plan_entry *entry = find(list, problem);
    if (!entry) {
        TRY(mem_reserve(&list->entries, &list->capacity, list->n + 1, sizeof *list->entries));
        entry = &list->entries[list->n++];
        *entry = (struct plan_entry){.problem = *problem};
    }
    snprintf(entry->engine, sizeof entry->engine, "%s", engine);
    return OK;
}

// "0 8 100 ... 1 | engine 12 k2=3 | 0123456789abcdef"
static int format_line(const struct plan_entry *entry, char line[LINE_BYTES])
{
    const int32_t *numbers = (const int32_t *)&entry->problem;
    int n = 0;
    for (int i = 0; i < N_NUMBERS; i++)
        n += snprintf(line + n, LINE_BYTES - (size_t)n, "%" PRId32 " ", numbers[i]);
    n += snprintf(line + n, LINE_BYTES - (size_t)n, "| %s | ", entry->engine);
    uint64_t hash = hash_bytes(HASH_START, line, (size_t)n);
    return n + snprintf(line + n, LINE_BYTES - (size_t)n, "%016" PRIx64, hash);
}

// A line is good if writing what was read gives the same line.
static bool parse_line(const char *text, size_t n_bytes, struct plan_entry *entry)
{
    char line[LINE_BYTES], again[LINE_BYTES];
    if (n_bytes >= sizeof line || memchr(text, 0, n_bytes)) return false;
    memcpy(line, text, n_bytes);
    line[n_bytes] = 0;
    *entry = (struct plan_entry){.engine = ""};
    int32_t *numbers = (int32_t *)&entry->problem;
    const char *p = line;
    for (int i = 0; i < N_NUMBERS; i++) {
        char *end;
        long value = strtol(p, &end, 10);
        if (end == p || *end != ' ' || value < INT32_MIN || value > INT32_MAX) return false;
        numbers[i] = (int32_t)value;
        p = end + 1;
    }
    if (strncmp(p, "| ", 2) != 0) return false;
    p += 2;
    const char *bar = strstr(p, " | ");
    if (!bar || (size_t)(bar - p) >= sizeof entry->engine) return false;
    memcpy(entry->engine, p, (size_t)(bar - p));
    entry->engine[bar - p] = 0;
    return format_line(entry, again) == (int)n_bytes && strcmp(line, again) == 0;
}

enum status plan_list_parse(const char *title, const char *text, size_t n_bytes,
                            struct plan_list *list, size_t *n_damaged)
{
    struct plan_list read = {0};
    const char *end = text + n_bytes;
    size_t n_title = strlen(title), bad = 0;
    bool is_ours = n_bytes > n_title && memcmp(text, title, n_title) == 0 && text[n_title] == '\n';
    if (is_ours) text += n_title + 1;
    while (is_ours && text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        struct plan_entry entry;
        // A last line without its end may have lost some of it.
        if (!stop || !parse_line(text, (size_t)(stop - text), &entry)) {
            bad++;
        } else if (plan_list_set(&read, &entry.problem, entry.engine) != OK) {
            plan_list_free(&read);
            return ERR_MEMORY;
        }
        text = stop ? stop + 1 : end;
    }
    *list = read;
    *n_damaged = bad;
    return OK;
}

enum status plan_list_load(const char *path, const char *title, struct plan_list *list)
{
    enum { MAX_BYTES = 64 << 20 };
    char *text = NULL;
    size_t n_bytes = 0, n_damaged = 0;
    if (!file_exists(path)) {
        *list = (struct plan_list){0};
        return OK;
    }
    TRY(file_read(path, MAX_BYTES, &text, &n_bytes));
    enum status status = plan_list_parse(title, text, n_bytes, list, &n_damaged);
    mem_free(text);
    if (status == OK && n_damaged > 0)
        log_warn("%s: %zu damaged lines count for nothing; these convolutions are measured again",
                 path, n_damaged);
    return status;
}

enum status plan_list_save(const char *path, const char *title, const struct plan_list *list)
{
    struct file_writer writer;
    char line[LINE_BYTES];
    TRY(file_writer_begin(&writer, path));
    fprintf(writer.stream, "%s\n", title);
    for (size_t i = 0; i < list->n; i++) {
        (void)format_line(&list->entries[i], line);
        fprintf(writer.stream, "%s\n", line);
    }
    return file_writer_commit(&writer);
}

bool plan_file_path(const char *name, char *path, size_t n_bytes)
{
    char folder[PATH_BYTES];
    const char *own = getenv("TARN_CACHE"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int n;
    if (own)
        n = snprintf(folder, sizeof folder, "%s", own);
    else if (cache && cache[0])
        n = snprintf(folder, sizeof folder, "%s/tarn", cache);
    else
        n = home && home[0] ? snprintf(folder, sizeof folder, "%s/.cache/tarn", home) : 0;
    if (n <= 0 || (size_t)n >= sizeof folder || folder_create(folder) != OK) return false;
    n = snprintf(path, n_bytes, "%s/%s", folder, name);
    return n > 0 && (size_t)n < n_bytes;
}

const char *conv_problem_text(const struct conv_problem *p, char text[CONV_TEXT_BYTES])
{
    static const char *const kinds[] = {"forward", "backward data", "backward filter"};
    const char *kind = p->kind >= 0 && p->kind <= CONV_BACKWARD_FILTER ? kinds[p->kind] : "?";
    snprintf(text, CONV_TEXT_BYTES,
             "convolution %s: x %dx%dx%dx%d, w %dx%dx%dx%d, stride %d, padding %d, %s to "
             "%s%s%s%s%s%s",
             kind, p->n, p->h, p->w, p->c, p->o, p->kh, p->kw, p->c, p->stride, p->padding,
             dtype_name((enum dtype)p->input_dtype), dtype_name((enum dtype)p->result_dtype),
             p->tf32 ? ", TF32" : "", p->bias ? ", bias" : "", p->residual ? ", residual" : "",
             p->relu ? ", relu" : "", p->accumulate ? ", added" : "");
    return text;
}
