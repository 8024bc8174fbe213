#include <inttypes.h>
#include <math.h>

#include "base/mem.h"
#include "coco/mask_file.h"
#include "coco/survey_parts.h"

// A mask's pixels and a polygon's area differ by about half its outline: below these, nothing is
// said.
static const double AREA_RATIO = 0.8, AREA_PIXELS = 30, EDGE_PIXELS = 4;

struct worker {
    struct mask_reader reader;
    struct rle rle;
};

struct work {
    struct survey *survey;
    struct mask_file file;
    struct worker *workers;
};

static enum status compare_area(struct survey *s, const struct survey_object *object,
                                const int64_t *image_id)
{
    double file = object->object.area, mask = object->mask_pixels;
    if (fabs(file - mask) <= AREA_PIXELS || fmin(file, mask) > AREA_RATIO * fmax(file, mask))
        return OK;
    return defects_add(&s->defects, DEFECT_KIND_AREA_DIFFERS, image_id, &object->object.id,
                       "area %g, the mask has %g pixels", file, mask);
}

static enum status compare_box(struct survey *s, const struct survey_object *object,
                               const struct rle *rle, const int64_t *image_id)
{
    const float *b = object->object.box;
    double m[4], worst = 0;
    rle_box(rle, m);
    const double edges[4] = {m[0], m[1], m[0] + m[2], m[1] + m[3]};
    for (int i = 0; i < 4; i++) {
        // What lies outside the image has no pixels.
        double limit = i % 2 ? rle->height : rle->width;
        double edge = fmin(fmax((double)b[i], 0), limit);
        worst = fmax(worst, fabs(edge - edges[i]));
    }
    if (worst <= EDGE_PIXELS) return OK;
    return defects_add(&s->defects, DEFECT_KIND_BOX_DIFFERS, image_id, &object->object.id,
                       "from (%g, %g) to (%g, %g), the mask's from (%g, %g) to (%g, %g)",
                       (double)b[0], (double)b[1], (double)b[2], (double)b[3], edges[0], edges[1],
                       edges[2], edges[3]);
}

static enum status check_mask(void *context, int thread, size_t i)
{
    struct work *work = (struct work *)context;
    struct worker *worker = &work->workers[thread];
    struct survey *s = work->survey;
    struct survey_object *object = &s->objects[i];
    const struct survey_image *image = &s->images[object->image];
    const int64_t *image_id = &image->entry.id, *id = &object->object.id;
    int width = image->width ? image->width : image->entry.width;
    int height = image->height ? image->height : image->entry.height;
    unsigned oddities = 0;
    if (object->object.segmentation_bytes == 0) {
        if (!object->is_valid) return OK; // training leaves it out
        return defects_add(&s->defects, DEFECT_KIND_NO_MASK, image_id, id, "no segmentation");
    }
    if (width == 0 || height == 0) return OK; // the image is missing, which is said already
    enum status status = mask_file_read(&work->file, &object->object, height, width,
                                        &worker->reader, &worker->rle, &oddities);
    if (status == ERR_MEMORY || status == ERR_IO) return status;
    if (status != OK)
        return defects_add(&s->defects, DEFECT_KIND_BAD_MASK, image_id, id, "%s", fail_message());
    object->has_mask = true;
    object->mask_pixels = rle_area(&worker->rle);
    if (oddities & MASK_ODD_RINGS)
        TRY(defects_add(&s->defects, DEFECT_KIND_ODD_POLYGON, image_id, id, "%s",
                        object->mask_pixels ? "left out" : "the mask is empty"));
    if (object->mask_pixels == 0)
        return defects_add(&s->defects, DEFECT_KIND_EMPTY_MASK, image_id, id, "no pixels");
    TRY(compare_area(s, object, image_id));
    return compare_box(s, object, &worker->rle, image_id);
}

enum status survey_check_masks(struct survey *survey, const struct survey_options *options)
{
    struct work work = {.survey = survey};
    enum status status = OK;
    if (survey->n_masks == 0) return OK;
    work.workers = (struct worker *)mem_alloc((size_t)options->n_threads, sizeof *work.workers);
    if (!work.workers) return ERR_MEMORY;
    GUARD(mask_file_open(survey->path, &work.file));
    status = survey_parallel(options, "masks", survey->n_known, check_mask, &work);
done:
    for (int i = 0; i < options->n_threads; i++) {
        mask_reader_free(&work.workers[i].reader);
        rle_free(&work.workers[i].rle);
    }
    mem_free(work.workers);
    mask_file_close(&work.file);
    return status;
}
