#include "eval/cells.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "eval/detections.h"
#include "eval/first_error.h"
#include "eval/order.h"
#include "eval/per_image.h"

// Detections of known categories, in file order and then by cell.
struct sorting {
    uint32_t *images, *categories, *sources; // (n)
    double *scores;                          // (n)
    size_t n;
    uint32_t *order;   // (n) by image, category, file order; later by score within cells
    uint32_t *scratch; // (n)
};

void cells_free(struct cells *cells)
{
    mem_free(cells->cells);
    mem_free(cells->detections);
    mem_free(cells->by_category);
    mem_free(cells->category_ends);
    mem_free(cells->n_given);
    *cells = (struct cells){0};
}

static enum status check_finite(const struct eval_detection *d, size_t index)
{
    bool is_finite = isfinite(d->score);
    for (int i = 0; i < 4; i++) is_finite = is_finite && isfinite(d->box[i]);
    if (is_finite) return OK;
    return fail(ERR_NUMERIC,
                "detection %zu (image_id %lld, category_id %lld): box %g %g %g %g, score %g", index,
                (long long)d->image_id, (long long)d->category_id, d->box[0], d->box[1], d->box[2],
                d->box[3], d->score);
}

static enum status resolve(const struct eval_truth *truth, const struct eval_detection *detections,
                           size_t n, struct sorting *sorting, int64_t *n_given)
{
    size_t last_image = 0, last_category = 0, n_unknown = 0;
    int64_t first_unknown = 0;
    for (size_t i = 0; i < n; i++) {
        const struct eval_detection *d = &detections[i];
        TRY(check_finite(d, i));
        int64_t image = truth_find_image(truth, d->image_id, &last_image);
        if (image == TRUTH_NONE)
            return fail(ERR_DATA, "detection %zu is for the image %lld, which %s does not list", i,
                        (long long)d->image_id, truth->path);
        int64_t category = truth_find_category(truth, d->category_id, &last_category);
        if (category == TRUTH_NONE) {
            if (n_unknown++ == 0) first_unknown = d->category_id;
            continue;
        }
        sorting->images[sorting->n] = (uint32_t)image;
        sorting->categories[sorting->n] = (uint32_t)category;
        sorting->scores[sorting->n] = d->score;
        sorting->sources[sorting->n++] = (uint32_t)i;
        n_given[category]++;
    }
    if (n_unknown)
        log_warn("%zu of %zu detections have a category that %s does not list, such as %lld; they "
                 "are left out",
                 n_unknown, n, truth->path, (long long)first_unknown);
    return OK;
}

static enum status keep_per_image(const struct eval_truth *truth, int limit,
                                  struct sorting *sorting)
{
    size_t n = 0;
    bool *is_kept = mem_alloc(sorting->n, sizeof *is_kept);
    if (!is_kept) return ERR_MEMORY;
    enum status status = per_image_keep(sorting->images, sorting->scores, sorting->n,
                                        truth->n_images, (size_t)limit, is_kept);
    for (size_t i = 0; status == OK && i < sorting->n; i++) {
        if (!is_kept[i]) continue;
        sorting->images[n] = sorting->images[i];
        sorting->categories[n] = sorting->categories[i];
        sorting->scores[n] = sorting->scores[i];
        sorting->sources[n++] = sorting->sources[i];
    }
    if (status == OK) sorting->n = n;
    mem_free(is_kept);
    return status;
}

static uint64_t key_of(uint32_t image, uint32_t category, bool use_categories)
{
    return (uint64_t)image << 32 | (use_categories ? category : 0);
}

// Walks both sorted lists; cells == NULL only counts. Offsets into the detections are those of the
// whole order here.
static size_t list_cells(const struct eval_truth *truth, const struct sorting *sorting,
                         bool use_categories, struct cell *cells)
{
    size_t object = 0, detection = 0, n = 0;
    while (object < truth->n_objects || detection < sorting->n) {
        uint64_t object_key = UINT64_MAX, detection_key = UINT64_MAX;
        if (object < truth->n_objects)
            object_key = key_of(truth->objects[object].image, truth->objects[object].category,
                                use_categories);
        if (detection < sorting->n) {
            uint32_t i = sorting->order[detection];
            detection_key = key_of(sorting->images[i], sorting->categories[i], use_categories);
        }
        uint64_t key = object_key < detection_key ? object_key : detection_key;
        struct cell cell = {.image = (uint32_t)(key >> 32),
                            .category = (uint32_t)key,
                            .first_object = object,
                            .first_detection = detection};
        for (; object < truth->n_objects; object++) {
            const struct truth_object *o = &truth->objects[object];
            if (key_of(o->image, o->category, use_categories) != key) break;
        }
        for (; detection < sorting->n; detection++) {
            uint32_t i = sorting->order[detection];
            if (key_of(sorting->images[i], sorting->categories[i], use_categories) != key) break;
        }
        cell.n_objects = object - cell.first_object;
        cell.n_detections = detection - cell.first_detection;
        if (cells) cells[n] = cell;
        n++;
    }
    return n;
}

// Where each cell's kept detections begin; returns their number.
static size_t find_firsts(const struct cells *cells, size_t limit, size_t *firsts)
{
    size_t kept = 0;
    for (size_t i = 0; i < cells->n_cells; i++) {
        size_t n = cells->cells[i].n_detections;
        firsts[i] = kept;
        kept += n < limit ? n : limit;
    }
    return kept;
}

static enum status keep_one(const struct eval_detection *from, const struct truth_image *image,
                            size_t source, enum eval_type type, struct mask_scratch *scratch,
                            struct cell_detection *to)
{
    TRY(detection_area(from, type, image, scratch, &to->area));
    memcpy(to->box, from->box, sizeof to->box);
    to->score = from->score;
    to->source = source;
    return OK;
}

// Sorts every cell by score and keeps the best of it, packed.
static enum status keep_best(const struct eval_truth *truth,
                             const struct eval_detection *detections, struct sorting *sorting,
                             const struct eval_params *params, struct cells *cells)
{
    size_t limit = (size_t)params->limits[params->n_limits - 1];
    struct first_error error = {.place = SIZE_MAX};
    enum status status = OK;
    size_t *firsts = mem_alloc(cells->n_cells, sizeof *firsts);
    struct mask_scratch *scratches = mem_alloc((size_t)params->n_threads, sizeof *scratches);
    if (!firsts || !scratches) {
        status = ERR_MEMORY;
        goto done;
    }
    cells->n_detections = find_firsts(cells, limit, firsts);
    cells->detections = mem_alloc(cells->n_detections, sizeof *cells->detections);
    if (!cells->detections) {
        status = ERR_MEMORY;
        goto done;
    }
#pragma omp parallel for schedule(dynamic, 64) num_threads(params->n_threads)
    for (size_t i = 0; i < cells->n_cells; i++) {
        struct cell *cell = &cells->cells[i];
        uint32_t *order = sorting->order + cell->first_detection;
        order_by_score(order, cell->n_detections, sorting->scores,
                       sorting->scratch + cell->first_detection);
        if (cell->n_detections > limit) cell->n_detections = limit;
        cell->first_detection = firsts[i];
        for (size_t k = 0; k < cell->n_detections; k++) {
            size_t source = sorting->sources[order[k]];
            enum status kept =
                keep_one(&detections[source], &truth->images[cell->image], source, params->type,
                         &scratches[omp_get_thread_num()], &cells->detections[firsts[i] + k]);
            if (kept != OK) first_error_note(&error, source, kept, fail_message());
        }
    }
    if (error.place != SIZE_MAX)
        status = fail(error.status, "detection %zu: %s", error.place, error.message);
done:
    for (int i = 0; scratches && i < params->n_threads; i++) mask_scratch_free(&scratches[i]);
    mem_free(scratches);
    mem_free(firsts);
    return status;
}

static enum status measure(struct cells *cells)
{
    for (size_t i = 0; i < cells->n_cells; i++) {
        const struct cell *cell = &cells->cells[i];
        size_t product;
        if (!size_mul(cell->n_objects, cell->n_detections, &product))
            return fail(ERR_MEMORY, "too many boxes in one image");
        if (cell->n_objects > cells->largest_objects) cells->largest_objects = cell->n_objects;
        if (cell->n_detections > cells->largest_detections)
            cells->largest_detections = cell->n_detections;
        if (product > cells->largest_product) cells->largest_product = product;
    }
    return OK;
}

static enum status list_by_category(struct cells *cells)
{
    cells->by_category = mem_alloc(cells->n_cells, sizeof *cells->by_category);
    cells->category_ends = mem_alloc(cells->n_categories, sizeof *cells->category_ends);
    if (!cells->by_category || !cells->category_ends) return ERR_MEMORY;
    size_t *ends = cells->category_ends, begin = 0;
    for (size_t i = 0; i < cells->n_cells; i++) ends[cells->cells[i].category]++;
    for (size_t k = 0; k < cells->n_categories; k++) { // counts to beginnings
        size_t count = ends[k];
        ends[k] = begin;
        begin += count;
    }
    for (size_t i = 0; i < cells->n_cells; i++)
        cells->by_category[ends[cells->cells[i].category]++] = i; // beginnings to ends
    return OK;
}

enum status cells_build(const struct eval_truth *truth, const struct eval_detection *detections,
                        size_t n, const struct eval_params *params, struct cells *out)
{
    struct cells cells = {.n_categories = params->use_categories ? truth->n_categories : 1};
    struct sorting sorting = {0};
    enum status status = OK;
    if (n > UINT32_MAX) return fail(ERR_MEMORY, "%zu detections are more than fit", n);
    sorting.images = mem_alloc(n, sizeof *sorting.images);
    sorting.categories = mem_alloc(n, sizeof *sorting.categories);
    sorting.sources = mem_alloc(n, sizeof *sorting.sources);
    sorting.scores = mem_alloc(n, sizeof *sorting.scores);
    sorting.scratch = mem_alloc(n, sizeof *sorting.scratch);
    cells.n_given = mem_alloc(truth->n_categories, sizeof *cells.n_given);
    if (!sorting.images || !sorting.categories || !sorting.sources || !sorting.scores ||
        !sorting.scratch || !cells.n_given) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(resolve(truth, detections, n, &sorting, cells.n_given));
    if (params->max_per_image > 0) GUARD(keep_per_image(truth, params->max_per_image, &sorting));
    GUARD(order_by_cell(sorting.images, sorting.categories, sorting.n, truth->n_images,
                        truth->n_categories, &sorting.order));
    cells.n_cells = list_cells(truth, &sorting, params->use_categories, NULL);
    cells.cells = mem_alloc(cells.n_cells, sizeof *cells.cells);
    if (!cells.cells) {
        status = ERR_MEMORY;
        goto done;
    }
    (void)list_cells(truth, &sorting, params->use_categories, cells.cells);
    GUARD(keep_best(truth, detections, &sorting, params, &cells));
    GUARD(measure(&cells));
    GUARD(list_by_category(&cells));
    *out = cells;
    cells = (struct cells){0};
done:
    cells_free(&cells);
    mem_free(sorting.images);
    mem_free(sorting.categories);
    mem_free(sorting.sources);
    mem_free(sorting.scores);
    mem_free(sorting.order);
    mem_free(sorting.scratch);
    return status;
}
