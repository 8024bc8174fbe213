#define _POSIX_C_SOURCE 200809L
#include "train/run_folder.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum status run_folder_init(struct run_folder *folder, const char *path)
{
    snprintf(folder->path, sizeof folder->path, "%s", path);
    TRY(path_join(folder->config, path, "config.json"));
    TRY(path_join(folder->log, path, "log.jsonl"));
    TRY(path_join(folder->last, path, "last.safetensors"));
    TRY(path_join(folder->state, path, "last.state.safetensors"));
    TRY(path_join(folder->confusion, path, "confusion.png"));
    return path_join(folder->best, path, "best.safetensors");
}

bool run_folder_is_used(const struct run_folder *folder)
{
    return file_exists(folder->config) || file_exists(folder->log) || file_exists(folder->last) ||
           file_exists(folder->state) || file_exists(folder->best);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

// Temporary files of base/file.c's writer are called NAME.XXXXXX.tmp.
static bool is_leftover(const char *name)
{
    static const char *const ours[] = {"config.json.", "last.safetensors.",
                                       "last.state.safetensors.", "best.safetensors.",
                                       "losses.png.", "ap.png.", "accuracy.png.",
                                       "confusion.png.", "iteration_"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strncmp(name, ours[i], strlen(ours[i])) == 0) return ends_with(name, ".tmp");
    return false;
}

enum status run_folder_prepare(const struct run_folder *folder)
{
    TRY(folder_create(folder->path));
    DIR *entries = opendir(folder->path);
    if (!entries)
        return fail(ERR_IO, "%s: cannot open folder: %s", folder->path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (is_leftover(entry->d_name)) (void)unlinkat(dirfd(entries), entry->d_name, 0);
    closedir(entries);
    return OK;
}

enum status run_folder_save_config(const struct run_folder *folder, const struct config *config)
{
    char *text = NULL;
    TRY(checkpoint_config_text(config, true, &text));
    enum status status = file_write(folder->config, text, strlen(text));
    cJSON_free(text);
    return status;
}

static enum status save(const struct run_folder *folder, const struct checkpoint *checkpoint,
                        bool keep)
{
    TRY(checkpoint_save_state(folder->state, checkpoint));
    TRY(checkpoint_save_model(folder->last, checkpoint));
    if (!keep) return OK;
    char name[64], path[PATH_BYTES];
    snprintf(name, sizeof name, "iteration_%08" PRId64 ".safetensors",
             checkpoint->progress->iteration);
    TRY(path_join(path, folder->path, name));
    return checkpoint_save_model(path, checkpoint);
}

enum status run_folder_save(const struct run_folder *folder, const struct checkpoint *checkpoint,
                            bool keep)
{
    enum status status = save(folder, checkpoint, keep);
    if (status == OK) return OK;
    return fail_context(status,
                        "iteration %" PRId64 ": checkpoint not saved, the last good one stays: ",
                        checkpoint->progress->iteration);
}

static enum status print_differences(const struct run_folder *folder, const struct config *before,
                                     const struct config *now)
{
    char *text = NULL;
    size_t n_bytes = 0;
    int n = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    if (!stream) return fail(ERR_MEMORY, "out of memory");
    enum status status = config_compare(before, now, stream, &n);
    fclose(stream);
    if (status == OK && n > 0 && text)
        log_warn("resuming with another config than %s:\n%.*s", folder->config,
                 (int)(n_bytes ? n_bytes - 1 : 0), text);
    free(text); // from open_memstream
    return status;
}

enum status run_folder_compare_config(const struct run_folder *folder, const struct config *config)
{
    if (!file_exists(folder->config)) return OK;
    struct config *before = (struct config *)mem_alloc(1, sizeof *before);
    if (!before) return ERR_MEMORY;
    config_defaults(before);
    enum status status = config_load(folder->config, before);
    if (status == OK) status = print_differences(folder, before, config);
    mem_free(before);
    return status;
}
