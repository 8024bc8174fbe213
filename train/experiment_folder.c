// The folder of an experiment says what it holds, so that another one is not mixed into it.
#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "train/config_sections.h"
#include "train/experiment.h"
#include "train/run_folder.h"

static enum status add_run(const struct experiment *e, const struct experiment_run *run,
                           cJSON *runs)
{
    cJSON *config = NULL, *json = cJSON_AddObjectToObject(runs, run->name);
    if (!json || !cJSON_AddStringToObject(json, "model", e->models[run->model]) ||
        !cJSON_AddStringToObject(json, "pooling", e->poolings[run->pooling]))
        return fail(ERR_MEMORY, "out of memory");
    TRY(config_to_json(&run->config, &config));
    if (cJSON_AddItemToObject(json, "config", config)) return OK;
    cJSON_Delete(config);
    return fail(ERR_MEMORY, "out of memory");
}

// Where it came from is left out: two files may say the same.
static enum status to_json(const struct experiment *e, cJSON **json)
{
    cJSON *made = NULL, *runs;
    enum status status = OK;
    GUARD(fields_to_json(experiment_fields, &e->settings, &made));
    cJSON_DeleteItemFromObjectCaseSensitive(made, "base");
    runs = cJSON_AddObjectToObject(made, "runs");
    if (!runs) {
        status = fail(ERR_MEMORY, "out of memory");
        goto done;
    }
    for (size_t i = 0; i < e->n_runs; i++) GUARD(add_run(e, &e->runs[i], runs));
    *json = made;
    made = NULL;
done:
    cJSON_Delete(made);
    return status;
}

// Configs of an older version lack the keys that came since: they meant their defaults. What is no
// config is left as it stands, to be found different.
static enum status complete(cJSON *json)
{
    cJSON *run, *whole = NULL;
    enum status status = OK;
    struct config *config = (struct config *)mem_alloc(1, sizeof *config);
    if (!config) return ERR_MEMORY;
    cJSON_ArrayForEach(run, cJSON_GetObjectItemCaseSensitive(json, "runs")) {
        const cJSON *own = cJSON_GetObjectItemCaseSensitive(run, "config");
        if (!cJSON_IsObject(own)) continue;
        config_defaults(config);
        status = config_set_members(config, own);
        if (status == OK) status = config_to_json(config, &whole);
        if (status == OK && !cJSON_ReplaceItemInObjectCaseSensitive(run, "config", whole)) {
            cJSON_Delete(whole);
            status = fail(ERR_MEMORY, "out of memory");
        }
        if (status == ERR_MEMORY) break;
        status = OK;
    }
    mem_free(config);
    return status;
}

// Both ways, so that runs that only one of them has are found too.
static enum status check_same(const char *path, const cJSON *old, const cJSON *now)
{
    enum { SHOWN = 600 };
    char *text = NULL;
    size_t n_bytes = 0;
    int n = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    if (!stream) return fail(ERR_MEMORY, "out of memory");
    config_compare_json(old, now, stream, &n);
    if (n == 0) config_compare_json(now, old, stream, &n);
    fclose(stream);
    enum status status = OK;
    if (n > 0 && text)
        status = fail(ERR_USAGE,
                      "%s: is of another experiment, choose another folder; %d values "
                      "differ:\n%.*s%s",
                      path, n, SHOWN, text, n_bytes > SHOWN ? "..." : "");
    free(text); // from open_memstream
    return status;
}

static enum status check_unused(const struct experiment *e, const char *folder)
{
    struct run_folder run;
    char path[PATH_BYTES];
    TRY(run_folder_init(&run, folder));
    bool is_used = run_folder_is_used(&run);
    for (size_t i = 0; i < e->n_runs && !is_used; i++) {
        TRY(path_join(path, folder, e->runs[i].name));
        TRY(run_folder_init(&run, path));
        is_used = run_folder_is_used(&run);
    }
    if (!is_used) return OK;
    return fail(ERR_USAGE, "%s: holds a training run but no experiment.json; choose another folder",
                run.path);
}

enum status experiment_claim_folder(const struct experiment *experiment, const char *folder)
{
    char path[PATH_BYTES], *text = NULL;
    cJSON *now = NULL, *old = NULL;
    enum status status = OK;
    GUARD(path_join(path, folder, "experiment.json"));
    GUARD(to_json(experiment, &now));
    if (file_exists(path)) {
        GUARD(json_load(path, 0, false, &old));
        GUARD(complete(old));
        GUARD(check_same(path, old, now));
        goto done;
    }
    GUARD(check_unused(experiment, folder));
    GUARD(folder_create(folder));
    text = cJSON_Print(now);
    status = text ? file_write(path, text, strlen(text)) : fail(ERR_MEMORY, "out of memory");
done:
    cJSON_free(text);
    cJSON_Delete(now);
    cJSON_Delete(old);
    return status;
}
