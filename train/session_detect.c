// Inference with a session's model.
#include "base/mem.h"
#include "base/resize.h"
#include "nn/tape.h"
#include "train/loader_config.h"
#include "train/session.h"

void session_eval_loader(const struct session *session, const struct coco_dataset *dataset,
                         const char *image_folder, struct loader_config *out)
{
    loader_config_evaluation(&session->config, dataset, image_folder, out);
    if (!session->backend->is_async) return;
    out->memory = &session->backend->pinned;
    out->keeps_pixels = true;
}

// As collate.c makes a batch of it.
static enum status detect_resized(struct session *session, const struct image *image,
                                  struct batch *batch, struct detections *detections)
{
    int height = (int)batch->sizes[0], width = (int)batch->sizes[1];
    int32_t place[N_PLACE] = {[PLACE_WIDTH] = image->width,
                              [PLACE_HEIGHT] = image->height,
                              [PLACE_NEW_WIDTH] = width,
                              [PLACE_NEW_HEIGHT] = height};
    session->tape->recording = session->tape->training = false;
    tape_reset(session->tape);
    if (session->backend->is_async) {
        batch->pixels = image->rgb;
        batch->pixel_bytes = 3 * (size_t)image->width * (size_t)image->height;
        batch->places = place;
        return detector_detect(session->detector, session->tape, batch, detections);
    }
    batch->images = (float *)mem_alloc((size_t)batch->width * (size_t)batch->height * 3,
                                       sizeof *batch->images);
    if (!batch->images) return ERR_MEMORY;
    enum status status = image_to_canvas(image, false, width, height, batch->images, batch->width,
                                         batch->height);
    if (status == OK)
        status = detector_detect(session->detector, session->tape, batch, detections);
    mem_free(batch->images);
    return status;
}

enum status session_detect(struct session *session, const struct image *image,
                           struct detections *detections)
{
    const struct config *config = &session->config;
    int width, height;
    resize_target(image->width, image->height, loader_config_min_size(config),
                  (int)config->data.max_size,
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
    return detect_resized(session, image, &batch, detections);
}

enum status session_classify(struct session *session, const struct image *image, float *logits)
{
    struct loader_config loader;
    struct image cut;
    loader_config_evaluation(&session->config, NULL, NULL, &loader);
    const struct crop whole = {0, 0, image->width, image->height};
    int size = loader.crop.size;
    int64_t id = 0;
    struct batch batch = {.n = 1, .height = size, .width = size, .image_ids = &id};
    TRY(crop_center(&loader.crop, image, &whole, &cut));
    enum status status = OK;
    batch.images = (float *)mem_alloc((size_t)size * (size_t)size * 3, sizeof *batch.images);
    if (!batch.images) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(image_to_canvas(&cut, false, size, size, batch.images, size, size));
    session->tape->recording = session->tape->training = false;
    tape_reset(session->tape);
    GUARD(detector_classify(session->detector, session->tape, &batch, logits));
done:
    mem_free(batch.images);
    image_free(&cut);
    return status;
}

bool session_category(const struct session *session, int label, int64_t *category_id)
{
    const struct class_entry *entry = classes_find(&session->classes, label);
    if (entry) *category_id = entry->category_id;
    return entry != NULL;
}
