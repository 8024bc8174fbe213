#define _POSIX_C_SOURCE 200809L
#include "cli/submit_job.h"

#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/submission_partial.h"
#include "train/evaluate.h"
#include "train/live_line.h"

struct run {
    const struct submit_job *job;
    struct session *session;
    const struct coco_dataset *split;
    char zip[PATH_BYTES], partial_path[PATH_BYTES];
    struct submission_partial partial;
    struct evaluate_output found; // of one image
    struct submission_text text;
    struct live_line line;
    size_t first; // place in the split of this run's first image
};

static enum status hash_file(const char *path, uint64_t *hash)
{
    struct file_map map;
    TRY(file_map_open(path, &map));
    *hash = hash_bytes(HASH_START, map.bytes, map.n_bytes);
    file_map_close(&map);
    return OK;
}

static enum status hash_config(const struct config *config, uint64_t *hash)
{
    cJSON *json = NULL;
    TRY(config_to_json(config, &json));
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text) return fail(ERR_MEMORY, "out of memory");
    *hash = hash_bytes(HASH_START, text, strlen(text));
    cJSON_free(text);
    return OK;
}

static enum status open_partial(struct run *run)
{
    const struct submit_job *job = run->job;
    size_t n = run->split->n_images, group = (size_t)run->session->config.eval.batch_size;
    struct partial_key key = {.type = job->type};
    enum status status = OK;
    int64_t *ids = mem_alloc(n, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) ids[i] = run->split->images[i].id;
    GUARD(hash_file(job->checkpoint, &key.checkpoint));
    GUARD(hash_config(&run->session->config, &key.config));
    GUARD(hash_file(run->split->path, &key.split));
    if (job->is_restart) (void)unlink(run->partial_path);
    status = submission_partial_open(run->partial_path, &key, ids, n, group, &run->partial);
    if (status == ERR_DATA) status = fail(ERR_DATA, "%s; --restart begins anew", fail_message());
    if (status == OK && run->partial.n_images)
        log_info("%s: going on behind %zu of %zu images", run->partial_path, run->partial.n_images,
                 n);
done:
    mem_free(ids);
    return status;
}

// The server has no use for categories that the split does not list, and they would take the place
// of others among the best hundred.
static size_t keep_known(const struct coco_dataset *split, struct eval_detection *list, size_t n)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        if (coco_category_index(split, list[i].category_id) >= 0) list[n_kept++] = list[i];
    return n_kept;
}

static enum status add_image(struct run *run, const struct detections *found,
                             const struct batch *batch, int image)
{
    struct evaluate_output *list = &run->found;
    size_t n = 0;
    run->text.n = 0;
    evaluate_output_clear(list);
    TRY(evaluate_append(run->session, found, batch, image, list));
    n = keep_known(run->split, list->detections, list->n);
    TRY(submission_append(&run->text, run->job->type, list->detections, n, &n));
    return submission_partial_add(&run->partial, batch->image_ids[image], run->text.bytes, n,
                                  false);
}

// Images between the last one and `index` could not be read.
static enum status add_broken(struct run *run, size_t index)
{
    while (run->partial.n_images < index)
        TRY(submission_partial_add(&run->partial, run->split->images[run->partial.n_images].id,
                                   NULL, 0, true));
    return OK;
}

static enum status add_batch(void *context, const struct batch *batch)
{
    struct run *run = (struct run *)context;
    struct detections found;
    enum status status = OK;
    TRY(detector_detect(run->session->detector, run->session->tape, batch, &found));
    for (int i = 0; i < batch->n; i++) {
        GUARD(add_broken(run, run->first + batch->image_index[i]));
        GUARD(add_image(run, &found, batch, i));
    }
    GUARD(submission_partial_write(&run->partial, false));
done:
    detections_free(&found);
    return status;
}

// true: to stop here.
static bool show(void *context, size_t done, size_t total)
{
    struct run *run = (struct run *)context;
    size_t n = run->partial.n_images, n_all = run->split->n_images;
    (void)done;
    (void)total;
    live_line_update(&run->line, (int64_t)n, (int64_t)n_all, NULL);
    return *run->job->stop && n < n_all;
}

static enum status stop_here(struct run *run)
{
    TRY(submission_partial_write(&run->partial, true));
    return fail(ERR_INTERRUPTED,
                "interrupted; %zu of %zu images are kept in %s, the same command "
                "goes on from there",
                run->partial.n_images, run->split->n_images, run->partial_path);
}

static enum status find_all(struct run *run)
{
    const struct evaluate_options options = {.progress = show, .context = run};
    struct coco_dataset rest = *run->split; // what is left to do
    size_t n_broken = 0;                    // the partial file has them one by one
    rest.images += run->first;
    rest.n_images -= run->first;
    if (rest.n_images == 0) return OK;
    enum status status = evaluate_batches(run->session, &rest, run->job->images, &options,
                                          add_batch, run, &n_broken);
    if (status == ERR_INTERRUPTED) return stop_here(run);
    TRY(status);
    TRY(add_broken(run, run->split->n_images));
    return submission_partial_write(&run->partial, true);
}

static enum status pack(struct run *run)
{
    FILE *json = NULL;
    TRY(submission_open_json(run->job->output, &json));
    enum status status = submission_partial_print(&run->partial, json);
    if (status != OK) {
        fclose(json);
        return status;
    }
    TRY(submission_pack(run->job->output, run->job->stem, json));
    (void)unlink(run->partial_path);
    printf("%zu results of %zu images: %s\n", run->partial.n_results, run->partial.n_images,
           run->zip);
    if (!run->partial.n_broken) return OK;
    return fail(ERR_DATA, "%zu of %zu images could not be read; they are without results",
                run->partial.n_broken, run->partial.n_images);
}

static enum status make_paths(struct run *run)
{
    char name[SUBMISSION_STEM_BYTES + 16];
    snprintf(name, sizeof name, "%s.zip", run->job->stem);
    TRY(path_join(run->zip, run->job->output, name));
    snprintf(name, sizeof name, "%s.partial", run->job->stem);
    TRY(path_join(run->partial_path, run->job->output, name));
    if (file_exists(run->zip) && !run->job->is_restart)
        return fail(ERR_USAGE, "%s exists; --restart makes it anew", run->zip);
    return folder_create(run->job->output);
}

enum status submit_run(const struct submit_job *job, struct session *session,
                       const struct coco_dataset *split)
{
    struct run run = {.job = job, .session = session, .split = split, .partial.fd = -1};
    enum status status = OK;
    evaluate_output_init(&run.found);
    if (job->type == EVAL_MASKS && !config_has_masks(&session->config))
        return fail(ERR_UNSUPPORTED,
                    "%s: this detector finds boxes, no masks; --type segm needs a "
                    "model that does",
                    job->checkpoint);
    GUARD(make_paths(&run));
    GUARD(open_partial(&run));
    run.first = run.partial.n_images;
    live_line_start(&run.line, "submit", (int64_t)run.first);
    status = find_all(&run);
    live_line_clear(&run.line);
    if (status == OK) status = pack(&run);
done:
    submission_partial_close(&run.partial);
    submission_text_free(&run.text);
    evaluate_output_free(&run.found);
    return status;
}
