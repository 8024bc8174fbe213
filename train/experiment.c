#include "train/experiment.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "train/config_sections.h"
#include "train/experiment_exchange.h"
#include "train/experiment_keys.h"

enum { MAX_FILE_BYTES = 16 << 20 };

static enum status set_members(const struct experiment_reading *r, const char *place,
                               const cJSON *object, struct config *config)
{
    const cJSON *set = json_find(object, "set");
    if (!set) return OK;
    if (!cJSON_IsObject(set))
        return fail(ERR_USAGE, "%s: %sset: expected an object of config keys", r->path, place);
    enum status status = config_set_members(config, set);
    return status == OK ? OK : fail_context(status, "%s: %sset: ", r->path, place);
}

// The config file of a run: of the model for this pooling, of the model, of the experiment.
static enum status find_base(const struct experiment_reading *r, const struct experiment_run *run,
                             const cJSON *model, const char **base)
{
    const struct experiment *e = r->experiment;
    struct json_place place = {r->path, "models", run->model};
    const cJSON *configs = json_find(model, "configs");
    if (configs && !cJSON_IsObject(configs))
        return json_fail(ERR_USAGE, &place, "configs: expected a file for each pooling's name");
    const char *pooling = e->poolings[e->exchanges[run->pooling].source];
    const cJSON *config = json_find(configs, pooling);
    if (config) return json_get_string(configs, &place, pooling, base);
    if (json_find(model, "base")) return json_get_string(model, &place, "base", base);
    *base = e->settings.base;
    if ((*base)[0]) return OK;
    return json_fail(ERR_USAGE, &place, "no config for '%s': neither base nor configs names one",
                     pooling);
}

static enum status load_base(const struct experiment_reading *r, const char *base,
                             struct config *config)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    snprintf(folder, sizeof folder, "%.*s", (int)(path_base(r->path) - r->path), r->path);
    TRY(path_join(path, folder, base));
    config_defaults(config);
    enum status status = config_load(path, config);
    return status == OK ? OK : fail_context(status, "%s: ", r->path);
}

static enum status check_run(const struct experiment_reading *r, const struct experiment_run *run)
{
    const struct config *config = &run->config;
    enum status status = config_check(config);
    if (status == OK && !config_has_training_data(config))
        status = fail(ERR_USAGE, "data.train_images and data.train_annotations must be set");
    if (status == OK && !config_has_validation_data(config))
        status = fail(ERR_USAGE, "data.val_images and data.val_annotations must be set: the table "
                                 "is measured there");
    if (status == OK && config_is_classifier(config) != r->experiment->is_classification)
        status = fail(ERR_USAGE, "model.type: a classifier beside detectors, they have no number "
                                 "in common");
    if (status == OK && r->experiment->settings.type == EVAL_MASKS && !config_has_masks(config))
        status = fail(ERR_USAGE, "type: segm needs a model that finds masks");
    return status == OK ? OK : fail_context(status, "%s: run %s: ", r->path, run->name);
}

static enum status set_pooling(const struct experiment_reading *r, size_t pooling,
                               struct config *config)
{
    char place[64];
    snprintf(place, sizeof place, "poolings[%zu].", pooling);
    return set_members(r, place,
                       cJSON_GetArrayItem(json_find(r->tree, "poolings"), (int)pooling), config);
}

static enum status resolve_run(const struct experiment_reading *r, struct experiment_run *run)
{
    struct experiment *e = r->experiment;
    const cJSON *model = cJSON_GetArrayItem(json_find(r->tree, "models"), (int)run->model);
    size_t source = e->exchanges[run->pooling].source;
    const char *base;
    char place[64], names[2][EXPERIMENT_NAME_BYTES];
    experiment_slug(e->models[run->model], names[0]);
    experiment_slug(e->poolings[run->pooling], names[1]);
    snprintf(run->name, sizeof run->name, "%s-%s-seed%ld", names[0], names[1],
             e->settings.seeds.v[run->seed]);
    TRY(find_base(r, run, model, &base));
    TRY(load_base(r, base, &run->config));
    TRY(set_members(r, "", r->tree, &run->config));
    snprintf(place, sizeof place, "models[%zu].", run->model);
    TRY(set_members(r, place, model, &run->config));
    TRY(set_pooling(r, source, &run->config));
    if (source != run->pooling) TRY(set_pooling(r, run->pooling, &run->config));
    TRY(config_override(&run->config, r->n_overrides, r->overrides));
    run->config.train.seed = e->settings.seeds.v[run->seed];
    if (run == e->runs) e->is_classification = config_is_classifier(&run->config);
    return check_run(r, run);
}

// A pooling's name in "configs" that no pooling has would be ignored without a word.
static enum status check_config_names(const struct experiment_reading *r)
{
    const struct experiment *e = r->experiment;
    size_t index = 0;
    const cJSON *model;
    enum status status = OK;
    const char **names = mem_alloc(e->n_poolings + 1, sizeof *names);
    if (!names) return ERR_MEMORY;
    for (size_t i = 0; i < e->n_poolings; i++) names[i] = e->poolings[i];
    cJSON_ArrayForEach (model, json_find(r->tree, "models")) {
        char place[64];
        snprintf(place, sizeof place, "models[%zu].configs.", index++);
        GUARD(experiment_check_keys(r->path, place, json_find(model, "configs"), names));
    }
done:
    mem_free(names);
    return status;
}

static enum status check_same_images(const struct experiment_reading *r)
{
    const struct experiment *e = r->experiment;
    for (size_t i = 0; i < e->n_runs; i++) {
        const struct experiment_run *run = &e->runs[i];
        const struct experiment_run *first = experiment_run_at(e, run->model, 0, 0);
        const char *differs =
            strcmp(run->config.data.val_annotations, first->config.data.val_annotations) != 0
                ? "data.val_annotations"
            : e->is_classification &&
                    strcmp(run->config.data.val_images, first->config.data.val_images) != 0
                ? "data.val_images"
            : e->is_classification && run->config.crop.min_side != first->config.crop.min_side
                ? "crop.min_side"
                : NULL;
        if (differs)
            return fail(ERR_USAGE, "%s: %s and %s differ in %s: they cannot be compared", r->path,
                        first->name, run->name, differs);
    }
    return OK;
}

static enum status check_overrides(const struct experiment_reading *r)
{
    for (int i = 0; i < r->n_overrides; i++)
        if (strncmp(r->overrides[i], "train.seed=", 11) == 0)
            return fail(ERR_USAGE, "train.seed: the seeds are those of %s", r->path);
    return OK;
}

static enum status resolve_runs(const struct experiment_reading *r)
{
    struct experiment *e = r->experiment;
    size_t n = e->n_seeds * e->n_models;
    if (e->n_models > EXPERIMENT_MAX_RUNS || e->n_poolings > EXPERIMENT_MAX_RUNS ||
        n > EXPERIMENT_MAX_RUNS || n * e->n_poolings > EXPERIMENT_MAX_RUNS)
        return fail(ERR_USAGE, "%s: more than %d runs", r->path, EXPERIMENT_MAX_RUNS);
    n *= e->n_poolings;
    e->runs = mem_alloc(n, sizeof *e->runs);
    if (!e->runs) return ERR_MEMORY;
    for (; e->n_runs < n; e->n_runs++) {
        struct experiment_run *run = &e->runs[e->n_runs];
        run->pooling = e->n_runs % e->n_poolings;
        run->model = e->n_runs / e->n_poolings % e->n_models;
        run->seed = e->n_runs / e->n_poolings / e->n_models;
        TRY(resolve_run(r, run));
    }
    return check_same_images(r);
}

static enum status read_all(const struct experiment_reading *r)
{
    TRY(check_overrides(r));
    TRY(experiment_read_keys(r));
    TRY(experiment_read_exchanges(r));
    TRY(check_config_names(r));
    return resolve_runs(r);
}

enum status experiment_load(const char *path, int n_overrides, const char *const *overrides,
                            struct experiment **experiment)
{
    cJSON *tree = NULL;
    struct experiment *e = mem_alloc(1, sizeof *e);
    enum status status = e ? OK : ERR_MEMORY;
    if (!e) goto done;
    GUARD(json_load(path, MAX_FILE_BYTES, true, &tree));
    struct experiment_reading reading = {path, tree, e, n_overrides, overrides};
    GUARD(read_all(&reading));
    *experiment = e;
    e = NULL;
done:
    cJSON_Delete(tree);
    experiment_free(e);
    return status;
}

void experiment_free(struct experiment *experiment)
{
    if (!experiment) return;
    mem_free(experiment->models);
    mem_free(experiment->poolings);
    mem_free(experiment->exchanges);
    mem_free(experiment->runs);
    mem_free(experiment);
}

const struct experiment_run *experiment_run_at(const struct experiment *experiment, size_t model,
                                               size_t pooling, size_t seed)
{
    const struct experiment *e = experiment;
    return &e->runs[(seed * e->n_models + model) * e->n_poolings + pooling];
}

const struct experiment_run *experiment_source(const struct experiment *experiment,
                                               const struct experiment_run *run)
{
    return experiment_run_at(experiment, run->model, experiment->exchanges[run->pooling].source,
                             run->seed);
}
