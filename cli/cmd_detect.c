#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/detect_job.h"
#include "draw/canvas.h"
#include "train/live_line.h"
#include "train/session.h"

struct options {
    char checkpoint[FIELD_STRING_BYTES], config[FIELD_STRING_BYTES], output[FIELD_STRING_BYTES];
    double score_threshold;
};

static const struct field fields[] = {
    {"checkpoint", FIELD_STRING, offsetof(struct options, checkpoint), "", 0, 0, NULL,
     "Trained model (safetensors)."},
    {"config", FIELD_STRING, offsetof(struct options, config), "", 0, 0, NULL,
     "Config of the model, for a checkpoint that tarn did not write."},
    {"output", FIELD_STRING, offsetof(struct options, output), "", 0, 0, NULL,
     "Folder for the drawn copies and detections.json."},
    {"score-threshold", FIELD_FLOAT, offsetof(struct options, score_threshold), "0.5", 0, 1, NULL,
     "Objects must score more."},
    {.name = NULL},
};

static const struct command_help help = {
    "detect", "--checkpoint C PATH... --output DIR [--score-threshold 0.5] [section.key=value ...]",
    "Finds objects in images (files, or the images of folders), draws them onto copies and writes\n"
    "DIR/detections.json: COCO's results form with a file name beside each entry; image_id counts\n"
    "the images from 1. An image that cannot be read is reported and left out; the exit code is\n"
    "then 4.",
    fields, NULL};

struct run {
    struct session *session;
    const struct options *options;
    struct file_writer json;
    size_t n_written, n_broken, n_objects;
};

static void write_entry(struct run *run, size_t index, const char *path, const float *box,
                        double score, const struct class_entry *entry, int label)
{
    FILE *stream = run->json.stream;
    int64_t category = entry ? entry->category_id : label;
    fprintf(stream,
            "%s\n{\"image_id\":%zu,\"category_id\":%lld,\"bbox\":[%.9g,%.9g,%.9g,%.9g],"
            "\"score\":%.9g,\"file_name\":",
            run->n_written++ ? "," : "", index + 1, (long long)category, (double)box[0],
            (double)box[1], (double)(box[2] - box[0]), (double)(box[3] - box[1]), score);
    json_write_string(stream, path);
    fputc('}', stream);
}

static enum status draw_copy(const struct run *run, const struct image *image, const char *name,
                             const struct canvas_object *objects, size_t n)
{
    char path[PATH_BYTES];
    struct image drawn;
    TRY(path_join(path, run->options->output, name));
    TRY(canvas_draw(image, objects, n, &drawn));
    enum status status = canvas_save(path, &drawn);
    image_free(&drawn);
    return status;
}

static enum status one_image(struct run *run, const struct detect_job *job, size_t index,
                             const struct image *image)
{
    struct detections found;
    TRY(session_detect(run->session, image, &found));
    enum status status = ERR_MEMORY;
    size_t n = 0;
    struct canvas_object *objects =
        (struct canvas_object *)mem_alloc((size_t)found.counts[0], sizeof *objects);
    if (!objects) goto done;
    for (int i = 0; i < found.counts[0]; i++) {
        const float *box = found.boxes + 4 * i;
        const struct class_entry *entry = classes_find(&run->session->classes, found.labels[i]);
        double score = (double)found.scores[i];
        if (score <= run->options->score_threshold) continue;
        write_entry(run, index, job->paths[index], box, score, entry, found.labels[i]);
        objects[n] = (struct canvas_object){.score = score, .class_index = found.labels[i],
                                            .name = entry ? entry->name : NULL};
        for (int j = 0; j < 4; j++) objects[n].box[j] = (double)box[j];
        n++;
    }
    run->n_objects += n;
    status = draw_copy(run, image, job->names[index], objects, n);
done:
    mem_free(objects);
    detections_free(&found);
    return status;
}

static enum status all_images(struct run *run, const struct detect_job *job)
{
    struct live_line line;
    enum status status = OK;
    live_line_start(&line, "detect", 0);
    for (size_t i = 0; i < job->n && status == OK; i++) {
        struct image image;
        enum exif_mode exif = (enum exif_mode)run->session->config.data.exif;
        enum status loaded = image_load(job->paths[i], exif, &image, NULL);
        if (loaded == ERR_MEMORY) {
            status = loaded;
        } else if (loaded != OK) {
            live_line_clear(&line);
            log_warn("%s; left out", fail_message());
            run->n_broken++;
        } else {
            status = one_image(run, job, i, &image);
            image_free(&image);
        }
        live_line_update(&line, (int64_t)i + 1, (int64_t)job->n, NULL);
    }
    live_line_clear(&line);
    return status;
}

// The model need not keep what scores less; the user's own assignments come after.
static enum status open_model(const struct options *options, const struct arguments *arguments,
                              struct session **session)
{
    char threshold[64];
    size_t n = (size_t)arguments->n_assignments + 1;
    const char **assignments = (const char **)mem_alloc(n, sizeof *assignments);
    if (!assignments) return ERR_MEMORY;
    snprintf(threshold, sizeof threshold, "retinanet.score_threshold=%.17g",
             options->score_threshold);
    assignments[0] = threshold;
    for (size_t i = 1; i < n; i++) assignments[i] = arguments->assignments[i - 1];
    enum status status =
        session_open_checkpoint(options->checkpoint, options->config[0] ? options->config : NULL,
                                (int)n, assignments, session);
    mem_free(assignments);
    return status;
}

static enum status run_job(struct run *run, const struct detect_job *job)
{
    char path[PATH_BYTES];
    enum status status = OK;
    TRY(folder_create(run->options->output));
    TRY(path_join(path, run->options->output, "detections.json"));
    TRY(file_writer_begin(&run->json, path));
    fputc('[', run->json.stream);
    GUARD(all_images(run, job));
    fputs("\n]\n", run->json.stream);
    GUARD(file_writer_commit(&run->json));
    printf("%zu objects in %zu images: %s\n", run->n_objects, job->n - run->n_broken, path);
    if (run->n_broken)
        status = fail(ERR_DATA, "%zu of %zu images could not be read", run->n_broken, job->n);
done:
    file_writer_abort(&run->json);
    return status;
}

static enum status detect(const struct options *options, const struct arguments *arguments)
{
    struct run run = {.options = options};
    struct detect_job job = {.n = 0};
    enum status status = OK;
    GUARD(detect_job_make(arguments->n_paths, arguments->paths, &job));
    GUARD(detect_job_check_output(&job, options->output));
    GUARD(open_model(options, arguments, &run.session));
    GUARD(run_job(&run, &job));
done:
    session_close(run.session);
    detect_job_free(&job);
    return status;
}

static enum status check(const struct options *options, const struct arguments *arguments)
{
    TRY(arguments_expect(&help, arguments, 1, ARGUMENTS_MAX));
    if (!options->checkpoint[0] || !options->output[0])
        return fail(ERR_USAGE, "--%s is missing\nusage: tarn detect %s",
                    options->output[0] ? "checkpoint" : "output", help.arguments);
    return OK;
}

enum status cmd_detect(int argc, char **argv)
{
    struct options options;
    struct arguments arguments;
    TRY(arguments_parse(&help, argc, argv, &options, &arguments));
    enum status status = OK;
    if (!arguments.help) status = check(&options, &arguments);
    if (!arguments.help && status == OK) status = detect(&options, &arguments);
    arguments_free(&arguments);
    return status;
}
