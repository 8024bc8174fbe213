#include "eval/match.h"

#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "eval/detections.h"
#include "eval/first_error.h"

// Working memory of one thread, large enough for any cell.
struct bench {
    double *iou;        // (detections, objects) of the cell, file order of objects
    bool *is_candidate; // (detections) some object passes the lowest threshold
    uint32_t *order;    // (objects) counted ones first, then ignored ones
    bool *is_ignored;   // (objects) in that order
    bool *is_crowd;     // (objects) in that order
    bool *is_taken;     // (objects) in that order, at one threshold
    struct mask_scratch scratch;
    struct rle rle; // of one detection
};

void matches_free(struct matches *matches)
{
    mem_free(matches->matched);
    mem_free(matches->ignored);
    *matches = (struct matches){0};
}

bool match_is_ignored(const struct truth_object *object, const struct eval_area *area,
                      const struct eval_params *params)
{
    return object->is_crowd || (params->honor_ignore && object->is_ignored) ||
           object->area < area->low || object->area > area->high;
}

// The order of the operations is the reference's: every rounding counts.
double match_box_iou(const double d[4], const double g[4], bool is_crowd)
{
    double d_right = d[2] + d[0], g_right = g[2] + g[0];
    double width = (d_right < g_right ? d_right : g_right) - (d[0] > g[0] ? d[0] : g[0]);
    if (width <= 0) return 0;
    double d_bottom = d[3] + d[1], g_bottom = g[3] + g[1];
    double height = (d_bottom < g_bottom ? d_bottom : g_bottom) - (d[1] > g[1] ? d[1] : g[1]);
    if (height <= 0) return 0;
    double common = width * height, d_area = d[2] * d[3], g_area = g[2] * g[3];
    return common / (is_crowd ? d_area : d_area + g_area - common);
}

static void bench_free(struct bench *bench)
{
    mem_free(bench->iou);
    mem_free(bench->is_candidate);
    mem_free(bench->order);
    mem_free(bench->is_ignored);
    mem_free(bench->is_crowd);
    mem_free(bench->is_taken);
    mask_scratch_free(&bench->scratch);
    rle_free(&bench->rle);
}

static enum status bench_create(const struct cells *cells, struct bench *bench)
{
    bench->iou = mem_alloc(cells->largest_product, sizeof *bench->iou);
    bench->is_candidate = mem_alloc(cells->largest_detections, sizeof *bench->is_candidate);
    bench->order = mem_alloc(cells->largest_objects, sizeof *bench->order);
    bench->is_ignored = mem_alloc(cells->largest_objects, sizeof *bench->is_ignored);
    bench->is_crowd = mem_alloc(cells->largest_objects, sizeof *bench->is_crowd);
    bench->is_taken = mem_alloc(cells->largest_objects, sizeof *bench->is_taken);
    if (bench->iou && bench->is_candidate && bench->order && bench->is_ignored && bench->is_crowd &&
        bench->is_taken)
        return OK;
    return ERR_MEMORY;
}

static double lowest_threshold(const struct eval_params *params)
{
    double lowest = params->thresholds[0];
    for (int t = 1; t < params->n_thresholds; t++)
        if (params->thresholds[t] < lowest) lowest = params->thresholds[t];
    return lowest < 1 - 1e-10 ? lowest : 1 - 1e-10;
}

static void fill_box_iou(const struct cell *cell, const struct truth_object *objects,
                         const struct cell_detection *detections, double *iou)
{
    for (size_t d = 0; d < cell->n_detections; d++)
        for (size_t g = 0; g < cell->n_objects; g++)
            *iou++ = match_box_iou(detections[d].box, objects[g].box, objects[g].is_crowd);
}

static bool meets_any(const double box[4], const struct truth_object *objects, size_t n)
{
    for (size_t g = 0; g < n; g++)
        if (match_box_iou(box, objects[g].box, true) > 0) return true;
    return false;
}

static enum status fill_mask_iou(const struct eval_truth *truth, const struct cell *cell,
                                 const struct truth_object *objects,
                                 const struct cell_detection *detections,
                                 const struct eval_detection *sources, struct bench *bench)
{
    double *iou = bench->iou, box[4];
    for (size_t d = 0; d < cell->n_detections; d++) {
        const struct eval_detection *source = &sources[detections[d].source];
        // The box of a mask that was measured: most meet no object, and need no decoding.
        bool is_known = source->lacks_box && source->has_area;
        if (is_known && !meets_any(source->box, objects, cell->n_objects)) {
            memset(iou, 0, cell->n_objects * sizeof *iou);
            iou += cell->n_objects;
            continue;
        }
        TRY(detection_mask(source, &truth->images[cell->image], &bench->scratch, &bench->rle));
        if (is_known)
            memcpy(box, source->box, sizeof box);
        else
            rle_box(&bench->rle, box);
        for (size_t g = 0; g < cell->n_objects; g++)
            *iou++ =
                rle_iou(&bench->rle, box, &objects[g].rle, objects[g].box, objects[g].is_crowd);
    }
    return OK;
}

static void find_candidates(const struct cell *cell, double lowest, struct bench *bench)
{
    for (size_t d = 0; d < cell->n_detections; d++) {
        const double *row = bench->iou + d * cell->n_objects;
        bool is_candidate = false;
        for (size_t g = 0; g < cell->n_objects; g++)
            if (!(row[g] < lowest)) is_candidate = true; // also when not a number
        bench->is_candidate[d] = is_candidate;
    }
}

static void partition(const struct cell *cell, const struct truth_object *objects,
                      const struct eval_area *area, const struct eval_params *params,
                      struct bench *bench)
{
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t g = 0; g < cell->n_objects; g++) {
            bool is_ignored = match_is_ignored(&objects[g], area, params);
            if (is_ignored != (pass == 1)) continue;
            bench->order[n] = (uint32_t)g;
            bench->is_ignored[n] = is_ignored;
            bench->is_crowd[n] = objects[g].is_crowd;
            n++;
        }
}

enum { NO_OBJECT = -1 };

// The object that a detection takes: among equal overlaps the last.
static ptrdiff_t best_object(const struct bench *bench, const double *row, size_t n_objects,
                             double threshold)
{
    double least = threshold < 1 - 1e-10 ? threshold : 1 - 1e-10;
    ptrdiff_t best = NO_OBJECT;
    for (size_t g = 0; g < n_objects; g++) {
        if (bench->is_taken[g] && !bench->is_crowd[g]) continue;
        if (best != NO_OBJECT && !bench->is_ignored[best] && bench->is_ignored[g]) break;
        double iou = row[bench->order[g]];
        if (iou < least) continue;
        least = iou;
        best = (ptrdiff_t)g;
    }
    return best;
}

static void match_cell(const struct eval_truth *truth, const struct cell *cell,
                       const struct cell_detection *detections, const struct eval_area *area,
                       const struct eval_params *params, struct bench *bench, uint32_t *matched,
                       uint32_t *ignored)
{
    const struct truth_object *objects = truth->objects + cell->first_object;
    uint32_t all = (uint32_t)(((uint64_t)1 << params->n_thresholds) - 1);
    partition(cell, objects, area, params, bench);
    memset(matched, 0, cell->n_detections * sizeof *matched);
    memset(ignored, 0, cell->n_detections * sizeof *ignored);
    for (int t = 0; t < params->n_thresholds && cell->n_objects > 0; t++) {
        uint32_t bit = (uint32_t)1 << t;
        memset(bench->is_taken, 0, cell->n_objects * sizeof *bench->is_taken);
        for (size_t d = 0; d < cell->n_detections; d++) {
            if (!bench->is_candidate[d]) continue;
            ptrdiff_t best = best_object(bench, bench->iou + d * cell->n_objects, cell->n_objects,
                                         params->thresholds[t]);
            if (best == NO_OBJECT) continue;
            bench->is_taken[best] = true;
            if (bench->is_ignored[best]) ignored[d] |= bit;
            // The reference stores the object's id as the mark of a match, so id 0 leaves none.
            if (objects[bench->order[best]].id != 0 || truth->count_id0) matched[d] |= bit;
        }
    }
    for (size_t d = 0; d < cell->n_detections; d++)
        if (detections[d].area < area->low || detections[d].area > area->high)
            ignored[d] |= all & ~matched[d];
}

// All area ranges of one cell.
static enum status match_areas(const struct eval_truth *truth, const struct eval_detection *sources,
                               const struct cells *cells, const struct cell *cell,
                               const struct eval_params *params, struct bench *bench,
                               struct matches *matches)
{
    const struct truth_object *objects = truth->objects + cell->first_object;
    const struct cell_detection *detections = cells->detections + cell->first_detection;
    if (cell->n_detections == 0) return OK;
    if (params->type == EVAL_BOXES)
        fill_box_iou(cell, objects, detections, bench->iou);
    else if (cell->n_objects > 0)
        TRY(fill_mask_iou(truth, cell, objects, detections, sources, bench));
    find_candidates(cell, lowest_threshold(params), bench);
    for (int a = 0; a < params->n_areas; a++) {
        size_t at = (size_t)a * cells->n_detections + cell->first_detection;
        match_cell(truth, cell, detections, &params->areas[a], params, bench, matches->matched + at,
                   matches->ignored + at);
    }
    return OK;
}

enum status match_cells(const struct eval_truth *truth, const struct eval_detection *detections,
                        const struct cells *cells, const struct eval_params *params,
                        struct matches *out)
{
    struct matches matches = {.n_areas = params->n_areas, .n_detections = cells->n_detections};
    struct first_error error = {.place = SIZE_MAX};
    int n_threads = params->n_threads;
    enum status status = OK;
    size_t n_masks;
    if (!size_mul((size_t)params->n_areas, cells->n_detections, &n_masks))
        return fail(ERR_MEMORY, "too many detections");
    struct bench *benches = mem_alloc((size_t)n_threads, sizeof *benches);
    matches.matched = mem_alloc(n_masks, sizeof *matches.matched);
    matches.ignored = mem_alloc(n_masks, sizeof *matches.ignored);
    if (!benches || !matches.matched || !matches.ignored) {
        status = ERR_MEMORY;
        goto done;
    }
    for (int i = 0; i < n_threads; i++) GUARD(bench_create(cells, &benches[i]));
#pragma omp parallel for schedule(dynamic, 64) num_threads(n_threads)
    for (size_t i = 0; i < cells->n_cells; i++) {
        enum status matched = match_areas(truth, detections, cells, &cells->cells[i], params,
                                          &benches[omp_get_thread_num()], &matches);
        if (matched != OK) first_error_note(&error, i, matched, fail_message());
    }
    if (error.place != SIZE_MAX) {
        status = fail(error.status, "image %lld: %s",
                      (long long)truth->images[cells->cells[error.place].image].id, error.message);
        goto done;
    }
    *out = matches;
    matches = (struct matches){0};
done:
    for (int i = 0; benches && i < n_threads; i++) bench_free(&benches[i]);
    mem_free(benches);
    matches_free(&matches);
    return status;
}
