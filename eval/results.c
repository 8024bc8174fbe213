#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/detections.h"
#include "eval/json_array.h"
#include "eval/oddity.h"
#include "eval/result_read.h"
#include "eval/truth.h"

// Which results are for images or classes that the truth lacks.
struct unknown {
    size_t n_images, n_categories;
    size_t first_category; // index of the first result of an unknown class
};

static bool is_known(const struct eval_truth *truth, const struct eval_detection *detection,
                     size_t last[2], struct unknown *unknown, size_t index)
{
    if (truth_find_image(truth, detection->image_id, &last[0]) == TRUTH_NONE) {
        unknown->n_images++;
        return false;
    }
    if (truth_find_category(truth, detection->category_id, &last[1]) != TRUTH_NONE) return true;
    if (unknown->n_categories++ == 0) unknown->first_category = index;
    return false;
}

// Results of another split are the usual mistake: name some ids and say how many there are.
static void name_images(const struct eval_truth *truth, const struct eval_results *results,
                        char *text, size_t n_text)
{
    enum { MAX_NAMED = 5 };
    size_t used = 0, last = 0;
    int n_named = 0;
    int64_t previous = 0;
    text[0] = 0;
    for (size_t i = 0; i < results->n && n_named <= MAX_NAMED; i++) {
        int64_t id = results->detections[i].image_id;
        if (truth_find_image(truth, id, &last) != TRUTH_NONE || (n_named && id == previous))
            continue;
        if (n_named++ == MAX_NAMED)
            snprintf(text + used, n_text - used, ", ...");
        else
            used += (size_t)snprintf(text + used, n_text - used, "%s%lld", used ? ", " : "",
                                     (long long)id);
        previous = id;
    }
}

static enum status report_unknown(const char *path, const struct eval_truth *truth,
                                  const struct eval_reading *reading,
                                  const struct eval_results *results, const struct unknown *unknown)
{
    char named[160];
    size_t n = results->n;
    if (unknown->n_images) {
        name_images(truth, results, named, sizeof named);
        if (!reading->skip_unknown_images)
            return fail(ERR_DATA,
                        "%s: %zu of %zu results are for images that %s does not list: %s "
                        "(--skip-unknown-images leaves them out)",
                        path, unknown->n_images, n, truth->path, named);
        TRY(oddity_warn(reading->is_strict,
                        "%s: %zu of %zu results are for images that %s does not list, and left "
                        "out: %s",
                        path, unknown->n_images, n, truth->path, named));
    }
    if (unknown->n_categories)
        TRY(oddity_warn(reading->is_strict,
                        "%s: %zu of %zu results have a category that %s does not list, and are "
                        "left out; the first is [%zu] (category_id %lld)",
                        path, unknown->n_categories, n, truth->path, unknown->first_category,
                        (long long)results->detections[unknown->first_category].category_id));
    return OK;
}

// Leaves out what cannot be evaluated. pycocotools drops unknown classes without a word.
static enum status keep_known(const char *path, const struct eval_truth *truth,
                              const struct eval_reading *reading, struct eval_results *results)
{
    struct unknown unknown = {0};
    size_t last[2] = {0}, n_kept = 0;
    for (size_t i = 0; i < results->n; i++)
        (void)is_known(truth, &results->detections[i], last, &unknown, i);
    if (unknown.n_images + unknown.n_categories == 0) return OK;
    TRY(report_unknown(path, truth, reading, results, &unknown));
    for (size_t i = 0; i < results->n; i++)
        if (is_known(truth, &results->detections[i], last, &unknown, i))
            results->detections[n_kept++] = results->detections[i];
    results->n = n_kept;
    return OK;
}

static enum status read_results(const char *path, const struct eval_reading *reading,
                                struct json_cursor *cursor, struct eval_results *results)
{
    struct array_format format = {.path = path,
                                  .name = "",
                                  .element_bytes = sizeof *results->detections,
                                  .context = reading,
                                  .read = result_read,
                                  .is_mapped = reading->type == EVAL_BOXES};
    if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, "\xEF\xBB\xBF", 3) == 0)
        cursor->at += 3; // a byte order mark
    json_skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == '{')
        return fail(ERR_DATA,
                    "%s: an object, expected an array of results; is this an annotation "
                    "file?",
                    path);
    if (cursor->at >= cursor->end || *cursor->at != '[')
        return fail(ERR_PARSE, "%s: byte %zu: %s", path, (size_t)(cursor->at - cursor->begin),
                    cursor->at < cursor->end ? "expected '['" : "unexpected end of file");
    TRY(array_read(&format, cursor, omp_get_max_threads(), &results->detections, &results->n));
    if (!json_skip_end(cursor))
        return fail(ERR_PARSE, "%s: byte %zu: %s", path, (size_t)(cursor->at - cursor->begin),
                    cursor->error);
    return OK;
}

// In pycocotools a bbox beside the segmentation takes the place of the mask's area.
static void note_boxes(const char *path, const struct eval_reading *reading,
                       const struct eval_results *results)
{
    if (reading->type == EVAL_BOXES || reading->area == AREA_OF_BOX || reading->result_area_of_box)
        return;
    for (size_t i = 0; i < results->n; i++)
        if (results->detections[i].mask.kind != MASK_NONE && !results->detections[i].lacks_box) {
            log_info("%s: results hold bbox beside segmentation; small, medium and large are told "
                     "by the masks' areas (pycocotools: by the boxes', as with --area-from-box)",
                     path);
            return;
        }
}

enum status eval_results_open(const char *path, const struct eval_truth *truth, enum eval_type type,
                              struct eval_results *results)
{
    struct eval_reading reading = {.type = type};
    return eval_results_open_as(path, truth, &reading, results);
}

enum status eval_results_open_as(const char *path, const struct eval_truth *truth,
                                 const struct eval_reading *reading, struct eval_results *out)
{
    struct eval_results results = {.detections = NULL};
    enum status status = OK;
    GUARD(file_map_open(path, &results.map));
    struct json_cursor cursor = {results.map.bytes, results.map.bytes,
                                 results.map.bytes + results.map.n_bytes, NULL};
    GUARD(read_results(path, reading, &cursor, &results));
    if (results.n == 0) GUARD(oddity_warn(reading->is_strict, "%s: no results", path));
    GUARD(detections_measure(path, truth, reading, &results));
    GUARD(keep_known(path, truth, reading, &results));
    note_boxes(path, reading, &results);
    *out = results;
    results = (struct eval_results){.detections = NULL};
done:
    eval_results_close(&results);
    return status;
}

void eval_results_close(struct eval_results *results)
{
    mem_free(results->detections);
    file_map_close(&results->map);
    *results = (struct eval_results){.detections = NULL};
}

enum status eval_results_load(const char *path, const struct eval_truth *truth,
                              struct eval_detection **detections, size_t *n)
{
    struct eval_results results;
    TRY(eval_results_open(path, truth, EVAL_BOXES, &results));
    // What was measured stays; the text does not.
    for (size_t i = 0; i < results.n; i++)
        results.detections[i].mask = (struct mask_text){.kind = MASK_NONE};
    *detections = results.detections;
    *n = results.n;
    results.detections = NULL;
    eval_results_close(&results);
    return OK;
}
