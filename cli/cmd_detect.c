#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/detect_job.h"
#include "draw/canvas.h"
#include "train/evaluate.h"
#include "train/live_line.h"

struct options {
    char checkpoint[FIELD_STRING_BYTES], config[FIELD_STRING_BYTES], output[FIELD_STRING_BYTES];
    char device[DEVICE_BYTES];
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
    DEVICE_FIELD(struct options),
    {.name = NULL},
};

static const struct command_help help = {
    .name = "detect",
    .arguments =
        "--checkpoint C PATH... --output DIR [--score-threshold 0.5] [section.key=value ...]",
    .summary =
        "Finds objects in images (files, or the images of folders), draws them onto copies and\n"
        "writes DIR/detections.json: COCO's results form with a file name beside each entry,\n"
        "and masks as compressed run lengths where the model finds them; image_id counts the\n"
        "images from 1. An image that cannot be read is reported and left out; the exit code is\n"
        "then 4.",
    .options = fields,
    .min_paths = 1,
    .max_paths = ARGUMENTS_MAX,
};

struct run {
    struct session *session;
    const struct options *options;
    struct file_writer json;
    size_t n_written, n_broken, n_objects;
};

static enum status write_mask(FILE *stream, const struct rle *rle)
{
    char *text;
    TRY(rle_to_text(rle, &text, NULL));
    fprintf(stream, ",\"segmentation\":{\"size\":[%d,%d],\"counts\":", rle->height, rle->width);
    json_write_string(stream, text);
    fputc('}', stream);
    mem_free(text);
    return OK;
}

static enum status write_entry(struct run *run, size_t index, const char *path, const float *box,
                               double score, const struct class_entry *entry, int label,
                               const struct rle *mask)
{
    FILE *stream = run->json.stream;
    int64_t category = entry ? entry->category_id : label;
    fprintf(stream,
            "%s\n{\"image_id\":%zu,\"category_id\":%lld,\"bbox\":[%.9g,%.9g,%.9g,%.9g],"
            "\"score\":%.9g,\"file_name\":",
            run->n_written++ ? "," : "", index + 1, (long long)category, (double)box[0],
            (double)box[1], (double)(box[2] - box[0]), (double)(box[3] - box[1]), score);
    json_write_string(stream, path);
    if (mask) TRY(write_mask(stream, mask));
    fputc('}', stream);
    return OK;
}

// What is drawn of one image.
struct picture {
    struct canvas_object *objects;
    struct canvas_style *styles;
    struct rle *masks; // NULL: the model finds none
    size_t n, capacity;
};

static void picture_free(struct picture *picture)
{
    for (size_t i = 0; picture->masks && i < picture->capacity; i++) rle_free(&picture->masks[i]);
    mem_free(picture->masks);
    mem_free(picture->styles);
    mem_free(picture->objects);
}

static enum status picture_init(const struct detections *found, struct picture *picture)
{
    size_t n = (size_t)found->counts[0];
    picture->capacity = n;
    picture->objects = (struct canvas_object *)mem_alloc(n, sizeof *picture->objects);
    picture->styles = (struct canvas_style *)mem_alloc(n, sizeof *picture->styles);
    if (found->masks) picture->masks = (struct rle *)mem_alloc(n, sizeof *picture->masks);
    if (!picture->objects || !picture->styles || (found->masks && !picture->masks))
        return ERR_MEMORY;
    return OK;
}

static enum status draw_copy(const struct run *run, const struct image *image, const char *name,
                             const struct picture *picture)
{
    char path[PATH_BYTES];
    struct image drawn;
    TRY(path_join(path, run->options->output, name));
    TRY(canvas_draw_styled(image, picture->objects, picture->styles, picture->n, &drawn));
    enum status status = canvas_save(path, &drawn);
    image_free(&drawn);
    return status;
}

// One detection into the results file and the picture.
static enum status add_object(struct run *run, const struct detections *found, int i, size_t index,
                              const char *path, const struct image *image, struct picture *picture)
{
    const float *box = found->boxes + 4 * i;
    const struct class_entry *entry = classes_find(&run->session->classes, found->labels[i]);
    double score = (double)found->scores[i];
    struct rle *mask = picture->masks ? &picture->masks[picture->n] : NULL;
    if (mask) TRY(evaluate_mask(run->session, found, (size_t)i, image->height, image->width, mask));
    TRY(write_entry(run, index, path, box, score, entry, found->labels[i], mask));
    struct canvas_object *object = &picture->objects[picture->n];
    *object = (struct canvas_object){
        .score = score, .class_index = found->labels[i], .name = entry ? entry->name : NULL};
    for (int j = 0; j < 4; j++) object->box[j] = (double)box[j];
    picture->styles[picture->n++] =
        (struct canvas_style){.color = palette_class(found->labels[i]), .mask = mask};
    return OK;
}

static enum status one_image(struct run *run, const struct detect_job *job, size_t index,
                             const struct image *image)
{
    struct detections found;
    struct picture picture = {.n = 0};
    TRY(session_detect(run->session, image, &found));
    enum status status = OK;
    GUARD(picture_init(&found, &picture));
    for (int i = 0; i < found.counts[0]; i++) {
        if ((double)found.scores[i] <= run->options->score_threshold) continue;
        GUARD(add_object(run, &found, i, index, job->paths[index], image, &picture));
    }
    run->n_objects += picture.n;
    status = draw_copy(run, image, job->names[index], &picture);
done:
    picture_free(&picture);
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
    enum { OWN = 2 };
    char thresholds[OWN][64];
    size_t n = (size_t)arguments->n_assignments + OWN;
    const char **assignments = (const char **)mem_alloc(n, sizeof *assignments);
    if (!assignments) return ERR_MEMORY;
    for (int i = 0; i < OWN; i++) {
        snprintf(thresholds[i], sizeof *thresholds, "%s.score_threshold=%.17g",
                 i ? "roi" : "retinanet", options->score_threshold);
        assignments[i] = thresholds[i];
    }
    for (size_t i = OWN; i < n; i++) assignments[i] = arguments->assignments[i - OWN];
    enum status status =
        session_open_checkpoint(options->checkpoint, options->config[0] ? options->config : NULL,
                                options->device, (int)n, assignments, session);
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

static enum status detect(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    struct run run = {.options = options};
    struct detect_job job = {.n = 0};
    enum status status = OK;
    TRY(command_needs(&help, "output", options->output));
    TRY(command_needs(&help, "checkpoint", options->checkpoint));
    GUARD(detect_job_make(arguments->n_paths, arguments->paths, &job));
    GUARD(detect_job_check_output(&job, options->output));
    GUARD(open_model(options, arguments, &run.session));
    GUARD(run_job(&run, &job));
done:
    session_close(run.session);
    detect_job_free(&job);
    return status;
}

enum status cmd_detect(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, detect);
}
