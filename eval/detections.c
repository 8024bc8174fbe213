#include "eval/detections.h"

#include <omp.h>
#include <stdio.h>

#include "base/mem.h"
#include "eval/first_error.h"
#include "eval/oddity.h"

// Oddities over all detections.
struct tally {
    struct first_error error, odd, foreign;
    size_t n_odd, n_foreign;
};

static void describe(char text[96], const struct eval_detection *detection, size_t index)
{
    snprintf(text, 96, "[%zu] (image_id %lld)", index, (long long)detection->image_id);
}

static enum status measure_one(const struct eval_truth *truth, const struct eval_reading *reading,
                               struct eval_detection *detection, struct mask_scratch *scratch,
                               unsigned *oddities, bool *is_foreign)
{
    size_t last = 0;
    int64_t index = truth_find_image(truth, detection->image_id, &last);
    if (index == TRUTH_NONE) return OK;
    const struct truth_image *image = &truth->images[index];
    uint32_t pixels;
    double box[4];
    TRY(mask_measure(&detection->mask, image->height, image->width, scratch, &pixels, box,
                     oddities));
    for (int i = 0; i < 4 && detection->lacks_box; i++) detection->box[i] = box[i];
    bool is_box_area =
        reading->area == AREA_OF_BOX || (reading->result_area_of_box && !detection->lacks_box);
    detection->area = is_box_area ? detection->box[2] * detection->box[3] : pixels;
    detection->has_area = true;
    *is_foreign =
        detection->mask.kind != MASK_POLYGONS && image->height > 0 && image->width > 0 &&
        (detection->mask.height != image->height || detection->mask.width != image->width);
    return OK;
}

static enum status report(const char *path, bool is_strict, const struct tally *tally)
{
    if (tally->error.place != SIZE_MAX)
        return fail(tally->error.status, "%s: %s", path, tally->error.message);
    if (tally->n_odd)
        TRY(oddity_warn(is_strict,
                        "%s: %zu results have a polygon of fewer than three points (taken as "
                        "empty) or of an odd number of values (the last is left out); the first "
                        "is %s",
                        path, tally->n_odd, tally->odd.message));
    if (tally->n_foreign)
        TRY(oddity_warn(is_strict,
                        "%s: %zu masks are not of their image's size and match nothing; the first "
                        "is %s",
                        path, tally->n_foreign, tally->foreign.message));
    return OK;
}

enum status detections_measure(const char *path, const struct eval_truth *truth,
                               const struct eval_reading *reading, struct eval_results *results)
{
    struct tally tally = {
        .error.place = SIZE_MAX, .odd.place = SIZE_MAX, .foreign.place = SIZE_MAX};
    int n_threads = omp_get_max_threads();
    size_t n_odd = 0, n_foreign = 0;
    struct mask_scratch *scratches = mem_alloc((size_t)n_threads, sizeof *scratches);
    if (!scratches) return ERR_MEMORY;
#pragma omp parallel for schedule(dynamic, 256) num_threads(n_threads)                             \
    reduction(+ : n_odd, n_foreign)
    for (size_t i = 0; i < results->n; i++) {
        struct eval_detection *detection = &results->detections[i];
        char which[96];
        unsigned oddities = 0;
        bool is_foreign = false;
        if (detection->mask.kind == MASK_NONE) continue;
        enum status status = measure_one(truth, reading, detection,
                                         &scratches[omp_get_thread_num()], &oddities, &is_foreign);
        if (status == OK && !oddities && !is_foreign) continue;
        describe(which, detection, i);
        if (status != OK) {
            size_t byte =
                (size_t)((const unsigned char *)detection->mask.bytes - results->map.bytes);
            (void)fail_context(status, "%s: segmentation at byte %zu: ", which, byte);
            first_error_note(&tally.error, i, status, fail_message());
            continue;
        }
        n_odd += oddities != 0;
        n_foreign += is_foreign;
        if (oddities) first_error_note(&tally.odd, i, OK, which);
        if (is_foreign) first_error_note(&tally.foreign, i, OK, which);
    }
    for (int i = 0; i < n_threads; i++) mask_scratch_free(&scratches[i]);
    mem_free(scratches);
    tally.n_odd = n_odd;
    tally.n_foreign = n_foreign;
    return report(path, reading->is_strict, &tally);
}

enum status detection_mask(const struct eval_detection *detection, const struct truth_image *image,
                           struct mask_scratch *scratch, struct rle *rle)
{
    unsigned oddities;
    if (detection->mask.kind != MASK_NONE)
        return mask_decode(&detection->mask, image->height, image->width, scratch, rle, &oddities);
    double left = detection->box[0], right = left + detection->box[2];
    double top = detection->box[1], bottom = top + detection->box[3];
    const double points[] = {left, top, left, bottom, right, bottom, right, top};
    if (image->height == 0 && image->width == 0)
        return fail(ERR_DATA, "a box stands for its mask, but the size of image %lld is not given",
                    (long long)image->id);
    return polygon_to_rle(points, 4, image->height, image->width, &scratch->polygon, rle);
}

enum status detection_area(const struct eval_detection *detection, enum eval_type type,
                           const struct truth_image *image, struct mask_scratch *scratch,
                           double *area)
{
    unsigned oddities;
    uint32_t pixels;
    double box[4];
    if (detection->has_area) {
        *area = detection->area;
    } else if (type == EVAL_MASKS && detection->mask.kind != MASK_NONE) {
        TRY(mask_measure(&detection->mask, image->height, image->width, scratch, &pixels, box,
                         &oddities));
        *area = pixels;
    } else {
        *area = detection->box[2] * detection->box[3];
    }
    return OK;
}
