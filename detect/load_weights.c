#include "detect/load_weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "detect/detector_kind.h"
#include "detect/detectron2_names.h"
#include "detect/old_names.h"
#include "nn/safetensors.h"

static const char BODY[] = "backbone.body.";
static const float CALM_FACTOR = 0.1f;
enum { NAME_BYTES = sizeof((struct param *)NULL)->name };

enum status weights_peek(const char *path, struct weights_info *info)
{
    struct st_file file = {0};
    struct weights_info found = {0};
    TRY(st_open(path, &file));
    enum status status = OK;

    const char *arch = st_meta(&file, "arch");
    if (arch) snprintf(found.arch, sizeof found.arch, "%s", arch);
    const char *stride = st_meta(&file, "stride_in_1x1");
    if (stride) {
        found.has_stride_in_1x1 = true;
        found.stride_in_1x1 = strcmp(stride, "true") == 0;
        if (!found.stride_in_1x1 && strcmp(stride, "false") != 0) {
            status = fail(ERR_DATA, "%s: metadata stride_in_1x1 is \"%s\", expected true or false",
                          path, stride);
            goto done;
        }
    }
    // Its files do not say; its own default is what its published models have.
    if (!stride && detectron2_is_file(&file) && detectron2_has_bottlenecks(&file))
        found.has_stride_in_1x1 = found.stride_in_1x1 = true;
    const char *eps = st_meta(&file, "bn_eps");
    if (eps) {
        char *end = NULL;
        found.has_bn_eps = true;
        found.bn_eps = strtod(eps, &end);
        if (end == eps || *end != '\0' || !isfinite(found.bn_eps) || found.bn_eps < 0) {
            status = fail(ERR_DATA, "%s: metadata bn_eps is \"%s\", expected a number", path, eps);
            goto done;
        }
    }
    *info = found;
done:
    st_close(&file);
    return status;
}

static enum status list_add(struct name_list *list, const char *name)
{
    TRY(mem_reserve(&list->names, &list->capacity, list->n + 1, sizeof *list->names));
    char *copy = mem_strdup(name);
    if (!copy) return ERR_MEMORY;
    list->names[list->n++] = copy;
    return OK;
}

static void list_free(struct name_list *list)
{
    for (size_t i = 0; i < list->n; i++) mem_free(list->names[i]);
    mem_free(list->names);
    *list = (struct name_list){0};
}

void load_report_free(struct load_report *report)
{
    list_free(&report->loaded);
    list_free(&report->missing);
    list_free(&report->reinitialised);
    list_free(&report->unused);
}

struct plan {
    const struct st_tensor *source; // NULL: keeps its values
    enum detectron2_change change;
    bool reinitialised;
};

// The model's parameter for a file's tensor; NULL: none.
static struct param *find_param(const struct detector *detector, bool is_detectron2,
                                const char *name, enum detectron2_change *change)
{
    const struct params *params = detector->params;
    char mapped[NAME_BYTES];
    *change = DETECTRON2_SAME;
    if (is_detectron2) {
        bool known = detectron2_name(detector->config.type, name, mapped, sizeof mapped, change);
        return known ? params_find(params, mapped) : NULL;
    }
    struct param *param = params_find(params, name);
    if (!param && old_name_to_new(name, mapped, sizeof mapped)) param = params_find(params, mapped);
    if (!param) {
        int n = snprintf(mapped, sizeof mapped, "%s%s", BODY, name);
        if (n > 0 && (size_t)n < sizeof mapped) param = params_find(params, mapped);
    }
    return param;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

static void shape_text(int rank, const int64_t *shape, char *text, size_t n_bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && used < n_bytes; i++) {
        int n = snprintf(text + used, n_bytes - used, i ? "x%lld" : "%lld", (long long)shape[i]);
        if (n < 0) return;
        used += (size_t)n;
    }
}

static bool is_class_tensor(const struct detector *detector, const char *name)
{
    for (const char *const *t = detector->kind->class_tensors; *t; t++)
        if (strcmp(*t, name) == 0) return true;
    return false;
}

// Pairs one tensor of the file with its parameter, if there is one.
static enum status plan_tensor(const struct detector *detector, const struct st_file *file,
                               const struct st_tensor *tensor, const struct load_options *options,
                               bool is_detectron2, struct plan *plans, struct load_report *report)
{
    const struct params *params = detector->params;
    if (has_suffix(tensor->name, "num_batches_tracked")) return OK;
    enum detectron2_change change;
    struct param *param = find_param(detector, is_detectron2, tensor->name, &change);
    if (!param) return list_add(&report->unused, tensor->name);

    size_t index = 0;
    while (params->items[index] != param) index++;
    if (plans[index].source)
        return fail(ERR_DATA, "%s: %s and %s are both %s", file->path, plans[index].source->name,
                    tensor->name, param->name);
    plans[index].source = tensor;
    plans[index].change = change;

    int64_t shape[TENSOR_MAX_RANK];
    int rank = params_file_shape(param, shape), same = 0;
    for (int i = 0; i < rank && i < tensor->rank; i++)
        same += i == 0 ? detectron2_rows_fit(change, tensor->shape[0], shape[0])
                       : shape[i] == tensor->shape[i];
    if (rank == tensor->rank && same == rank) return OK;
    bool only_first = rank == tensor->rank && same == rank - 1 &&
                      !detectron2_rows_fit(change, tensor->shape[0], shape[0]);
    bool other_classes = only_first && is_class_tensor(detector, param->name);
    if (other_classes && options->allow_class_change) {
        plans[index].reinitialised = true;
        return OK;
    }
    char have[128], want[128];
    shape_text(tensor->rank, tensor->shape, have, sizeof have);
    shape_text(rank, shape, want, sizeof want);
    return fail(ERR_DATA, "%s: %s has shape %s, the model's %s needs %s%s", file->path,
                tensor->name, have, param->name, want,
                other_classes ? ": other classes; model.allow_class_change=true starts such layers "
                                "afresh"
                              : "");
}

// Room for the values of a parameter, and for those of the largest tensor that is changed first.
struct scratch {
    float *values, *changed;
};

static enum status scratch_make(const struct params *params, const struct plan *plans,
                                struct scratch *scratch)
{
    size_t largest = 0, largest_changed = 0;
    for (size_t i = 0; i < params->n; i++) {
        size_t n = tensor_count(&params->items[i]->tensor);
        if (n > largest) largest = n;
        if (plans[i].change == DETECTRON2_SAME) continue;
        if (plans[i].source->n_elements > largest_changed)
            largest_changed = plans[i].source->n_elements;
    }
    scratch->values = mem_alloc(largest, sizeof *scratch->values);
    scratch->changed = mem_alloc(largest_changed, sizeof *scratch->changed);
    return scratch->values && scratch->changed ? OK : ERR_MEMORY;
}

static enum status read_values(const struct st_file *file, const struct plan *plan,
                               const struct param *param, const struct scratch *scratch)
{
    const struct st_tensor *tensor = plan->source;
    float *values = plan->change == DETECTRON2_SAME ? scratch->values : scratch->changed;
    TRY(st_to_float(file, tensor, values));
    for (size_t i = 0; i < tensor->n_elements; i++)
        if (!isfinite(values[i]))
            return fail(ERR_DATA, "%s: %s[%zu] is %g", file->path, tensor->name, i,
                        (double)values[i]);
    if (plan->change == DETECTRON2_SAME) return OK;
    return detectron2_convert(plan->change, file, tensor, values, param->group == PARAM_BIAS,
                              param->tensor.shape[0], scratch->values);
}

// With `apply` false only checks, so that a bad file changes nothing.
static enum status run_plans(struct params *params, const struct st_file *file,
                             const struct plan *plans, const struct scratch *scratch, bool apply)
{
    for (size_t i = 0; i < params->n; i++) {
        if (!plans[i].source || plans[i].reinitialised) continue;
        TRY(read_values(file, &plans[i], params->items[i], scratch));
        if (!apply) continue;
        TRY(params_set(params, params->items[i], scratch->values));
        params->items[i]->loaded = true;
    }
    return OK;
}

static enum status fill_report(const struct params *params, const struct plan *plans,
                               struct load_report *report)
{
    for (size_t i = 0; i < params->n; i++) {
        struct name_list *list = !plans[i].source        ? &report->missing
                                 : plans[i].reinitialised ? &report->reinitialised
                                                          : &report->loaded;
        TRY(list_add(list, params->items[i]->name));
    }
    return OK;
}

enum status load_weights(struct detector *detector, const char *path,
                         const struct load_options *options, struct load_report *out)
{
    struct params *params = detector->params;
    struct st_file file = {0};
    struct load_report report = {0};
    struct plan *plans = NULL;
    struct scratch scratch = {0};
    TRY(st_open(path, &file));
    report.is_detectron2 = detectron2_is_file(&file);
    enum status status = ERR_MEMORY;
    plans = mem_alloc(params->n, sizeof *plans);
    if (!plans) goto done;
    for (size_t i = 0; i < file.n_tensors; i++)
        GUARD(plan_tensor(detector, &file, &file.tensors[i], options, report.is_detectron2, plans,
                          &report));
    GUARD(fill_report(params, plans, &report));
    if (report.loaded.n == 0) {
        status = fail(ERR_DATA, "%s: none of its %zu tensors belongs to this model", path,
                      file.n_tensors);
        goto done;
    }

    GUARD(scratch_make(params, plans, &scratch));
    GUARD(run_plans(params, &file, plans, &scratch, false));
    GUARD(run_plans(params, &file, plans, &scratch, true));
    GUARD(detector->kind->calm(detector, CALM_FACTOR, &report.n_calmed));
    GUARD(detector_refresh(detector));
    *out = report;
    report = (struct load_report){0};
done:
    load_report_free(&report);
    mem_free(scratch.values);
    mem_free(scratch.changed);
    mem_free(plans);
    st_close(&file);
    return status;
}
