#define _XOPEN_SOURCE 700
#include "cli/detect_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

void detect_job_free(struct detect_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        mem_free(job->paths[i]);
        mem_free(job->names[i]);
    }
    mem_free(job->paths);
    mem_free(job->names);
}

static bool has_image_extension(const char *path)
{
    const char *extension = path_extension(path);
    return !strcasecmp(extension, ".jpg") || !strcasecmp(extension, ".jpeg") ||
           !strcasecmp(extension, ".png");
}

static bool name_is_taken(const struct detect_job *job, const char *name)
{
    for (size_t i = 0; i < job->n; i++)
        if (strcmp(job->names[i], name) == 0) return true;
    return false;
}

// Images of one name from several folders must not overwrite each other's copies.
static enum status copy_name(const struct detect_job *job, const char *path, char name[PATH_BYTES])
{
    const char *base = path_base(path);
    const char *extension = has_image_extension(path) ? path_extension(path) : ".jpg";
    int stem = (int)(strlen(base) - strlen(path_extension(path)));
    int n = snprintf(name, PATH_BYTES, "%.*s%s", stem, base, extension);
    for (int i = 2; n > 0 && n < PATH_BYTES && name_is_taken(job, name); i++)
        n = snprintf(name, PATH_BYTES, "%.*s_%d%s", stem, base, i, extension);
    return n > 0 && n < PATH_BYTES ? OK : fail(ERR_IO, "path too long: %.200s...", path);
}

static enum status job_add(struct detect_job *job, const char *path)
{
    char name[PATH_BYTES];
    TRY(copy_name(job, path, name));
    TRY(mem_reserve(&job->paths, &job->n_paths_capacity, job->n + 1, sizeof *job->paths));
    TRY(mem_reserve(&job->names, &job->n_names_capacity, job->n + 1, sizeof *job->names));
    job->paths[job->n] = mem_strdup(path);
    job->names[job->n] = mem_strdup(name);
    job->n++; // job_free takes NULLs
    return job->paths[job->n - 1] && job->names[job->n - 1] ? OK : ERR_MEMORY;
}

static enum status job_add_folder(struct detect_job *job, const char *path)
{
    struct path_list list;
    size_t n_other = 0;
    enum status status = OK;
    TRY(folder_list(path, &list));
    for (size_t i = 0; i < list.n && status == OK; i++) {
        if (has_image_extension(list.paths[i]))
            status = job_add(job, list.paths[i]);
        else
            n_other++;
    }
    if (n_other) log_info("%s: %zu files that are no images by name left out", path, n_other);
    path_list_free(&list);
    return status;
}

enum status detect_job_make(int n, const char *const *paths, struct detect_job *job)
{
    for (int i = 0; i < n; i++) {
        bool is_folder = file_is_folder(paths[i]);
        TRY(is_folder ? job_add_folder(job, paths[i]) : job_add(job, paths[i]));
    }
    return job->n ? OK : fail(ERR_IO, "no images in %s", paths[0]);
}

enum status detect_job_check_output(const struct detect_job *job, const char *output)
{
    char target[PATH_BYTES], source[PATH_BYTES], folder[PATH_BYTES];
    if (!realpath(output, target)) return OK;
    for (size_t i = 0; i < job->n; i++) {
        int n = (int)(path_base(job->paths[i]) - job->paths[i]);
        snprintf(folder, sizeof folder, "%.*s", n, job->paths[i]);
        if (realpath(n ? folder : ".", source) && strcmp(source, target) == 0)
            return fail(ERR_USAGE, "--output: %s holds %s; choose a folder without originals",
                        output, job->paths[i]);
    }
    return OK;
}
