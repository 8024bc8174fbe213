// Inference with a session's model.
#include "base/mem.h"
#include "nn/tape.h"
#include "train/session.h"

static int min_size_of(const struct config *config)
{
    int64_t size = config->data.val_min_size;
    return size ? (int)size : (int)config->data.min_size.v[config->data.min_size.n - 1];
}

void session_eval_loader(const struct session *session, const struct coco_dataset *dataset,
                         const char *image_folder, struct loader_config *out)
{
    const struct config *config = &session->config;
    *out = (struct loader_config){
        .dataset = dataset,
        .image_folder = image_folder,
        .batch_size = (int)config->eval.batch_size,
        .n_min_sizes = 1,
        .min_sizes = {min_size_of(config)},
        .max_size = (int)config->data.max_size,
        .keep_empty = true,
        .raw_labels = config->data.raw_labels,
        .exif = (enum exif_mode)config->data.exif,
        .seed = (uint64_t)config->train.seed,
        .n_threads = (int)config->data.threads,
        .queue_length = (int)config->data.queue,
    };
}

enum status session_detect(struct session *session, const struct image *image,
                           struct detections *detections)
{
    const struct config *config = &session->config;
    int width, height;
    resize_target(image->width, image->height, min_size_of(config), (int)config->data.max_size,
                  &width, &height);
    int canvas_width = (width + 31) / 32 * 32, canvas_height = (height + 31) / 32 * 32;
    float sizes[2] = {(float)height, (float)width}, boxes[4] = {0};
    int original[2] = {image->height, image->width};
    int64_t id = 0;
    size_t index = 0;
    int32_t label = 0, count = 0;
    struct batch batch = {
        .n = 1, .height = canvas_height, .width = canvas_width, .sizes = sizes,
        .original_sizes = original, .image_ids = &id, .image_index = &index, .max_objects = 1,
        .boxes = boxes, .labels = &label, .counts = &count,
    };
    if (width < 1 || height < 1)
        return fail(ERR_DATA, "%dx%d pixels cannot be resized", image->width, image->height);
    batch.images = (float *)mem_alloc((size_t)canvas_width * (size_t)canvas_height * 3,
                                      sizeof *batch.images);
    if (!batch.images) return ERR_MEMORY;
    session->tape->recording = session->tape->training = false;
    tape_reset(session->tape);
    enum status status = image_to_canvas(image, false, width, height, batch.images, canvas_width,
                                         canvas_height);
    if (status == OK)
        status = detector_detect(session->detector, session->tape, &batch, detections);
    mem_free(batch.images);
    return status;
}

bool session_category(const struct session *session, int label, int64_t *category_id)
{
    const struct class_entry *entry = classes_find(&session->classes, label);
    if (entry) *category_id = entry->category_id;
    return entry != NULL;
}
