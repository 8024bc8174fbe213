#include "eval/report/picture.h"

#include <math.h>

#include "base/mem.h"
#include "draw/canvas.h"
#include "draw/fit.h"
#include "eval/detections.h"

enum { ALL_NAMED = 8 }; // with more boxes than this only errors carry their names

// One of the two drawings while it is gathered.
struct panel {
    size_t n;
    struct canvas_object *objects;
    struct canvas_style *styles;
    struct rle *masks; // of detections; objects' are borrowed
};

void picture_free(struct picture *picture)
{
    image_free(&picture->truth);
    image_free(&picture->found);
}

static void panel_free(struct panel *panel)
{
    for (size_t i = 0; panel->masks && i < panel->n; i++) rle_free(&panel->masks[i]);
    mem_free(panel->masks);
    mem_free(panel->objects);
    mem_free(panel->styles);
}

static enum status panel_create(size_t capacity, struct panel *panel)
{
    panel->objects = mem_alloc(capacity, sizeof *panel->objects);
    panel->styles = mem_alloc(capacity, sizeof *panel->styles);
    panel->masks = mem_alloc(capacity, sizeof *panel->masks);
    return panel->objects && panel->styles && panel->masks ? OK : ERR_MEMORY;
}

static struct color kind_color(int kind)
{
    unsigned c = page_kind_colors[kind];
    return (struct color){(double)(c >> 16) / 255, (double)(c >> 8 & 255) / 255,
                          (double)(c & 255) / 255};
}

// Names are needless where there is one class.
static const char *tag_name(const struct page *page, size_t category)
{
    const char *name = page->truth->categories[category].name;
    return page->n_categories > 1 && name[0] ? name : NULL;
}

static void add(struct panel *panel, const double box[4], const double scale[2], int kind)
{
    struct canvas_object *object = &panel->objects[panel->n];
    *object = (struct canvas_object){.score = NAN};
    object->box[0] = box[0] * scale[0];
    object->box[1] = box[1] * scale[1];
    object->box[2] = (box[0] + box[2]) * scale[0];
    object->box[3] = (box[1] + box[3]) * scale[1];
    panel->styles[panel->n] = (struct canvas_style){.color = kind_color(kind)};
    panel->n++;
}

// Marks the objects that a detection of at least the page's score found.
static enum status find_found(const struct page *page, size_t image, bool **out)
{
    const struct overlaps *o = &page->overlaps;
    size_t first = o->object_ends[image];
    bool *is_found = mem_alloc(o->object_ends[image + 1] - first, sizeof *is_found);
    if (!is_found) return ERR_MEMORY;
    for (size_t d = o->detection_ends[image]; d < o->detection_ends[image + 1]; d++)
        if (page->tide.assigned[d] >= 0 &&
            page->evaluation->cells.detections[d].score >= page->score)
            is_found[(size_t)page->tide.assigned[d] - first] = true;
    *out = is_found;
    return OK;
}

static enum status gather_objects(const struct page *page, size_t image, const double scale[2],
                                  struct panel *panel)
{
    const struct overlaps *o = &page->overlaps;
    const struct eval_params *params = &page->evaluation->params;
    size_t first = o->object_ends[image], n = o->object_ends[image + 1] - first;
    bool *is_found = NULL;
    TRY(panel_create(n, panel));
    TRY(find_found(page, image, &is_found));
    for (size_t i = 0; i < n; i++) {
        const struct truth_object *object = &page->truth->objects[first + i];
        bool is_ignored = assign_is_ignored(object, params);
        int kind = is_ignored ? TIDE_NOT_COUNTED : is_found[i] ? TIDE_CORRECT : TIDE_MISSED;
        add(panel, object->box, scale, kind);
        panel->styles[i].is_dashed = is_ignored;
        if (params->type == EVAL_MASKS) panel->styles[i].mask = &object->rle;
        if (kind == TIDE_MISSED || n <= ALL_NAMED)
            panel->objects[i].name = tag_name(page, object->category);
    }
    mem_free(is_found);
    return OK;
}

static enum status gather_detections(const struct page *page, size_t image, const double scale[2],
                                     struct panel *panel)
{
    const struct overlaps *o = &page->overlaps;
    const struct cells *cells = &page->evaluation->cells;
    struct mask_scratch scratch = {0};
    enum status status = OK;
    size_t first = o->detection_ends[image], n = o->detection_ends[image + 1] - first, n_shown = 0;
    GUARD(panel_create(n, panel));
    for (size_t i = first; i < first + n; i++) n_shown += cells->detections[i].score >= page->score;
    for (size_t i = first; i < first + n; i++) {
        size_t d = o->order[i];
        const struct cell_detection *detection = &cells->detections[d];
        const struct eval_detection *source = &page->detections[detection->source];
        int kind = page->tide.kinds[d];
        if (detection->score < page->score) continue;
        size_t at = panel->n;
        add(panel, detection->box, scale, kind);
        panel->styles[at].is_dashed = kind == TIDE_NOT_COUNTED;
        if (page->evaluation->params.type == EVAL_MASKS) {
            GUARD(detection_mask(source, &page->truth->images[image], &scratch, &panel->masks[at]));
            panel->styles[at].mask = &panel->masks[at];
        }
        if (kind == TIDE_CORRECT && n_shown > ALL_NAMED) continue;
        panel->objects[at].score = detection->score;
        panel->objects[at].name = tag_name(page, o->categories[d]);
    }
done:
    mask_scratch_free(&scratch);
    return status;
}

// The file as the annotations mean it: turned by its tag only where their size says so.
static enum status load(const struct truth_image *entry, const char *path, struct image *image)
{
    TRY(image_load(path, EXIF_IGNORE, image, NULL));
    if (entry->width == 0 || (image->width == entry->width && image->height == entry->height))
        return OK;
    bool is_turned = image->width == entry->height && image->height == entry->width;
    int width = image->width, height = image->height;
    image_free(image);
    if (is_turned) TRY(image_load(path, EXIF_APPLY, image, NULL));
    if (image->width == entry->width && image->height == entry->height) return OK;
    image_free(image);
    return fail(ERR_DATA, "%s is %d x %d pixels, its annotation says %d x %d", path, width, height,
                entry->width, entry->height);
}

enum status picture_make(const struct page *page, size_t image, const char *path,
                         struct picture *out)
{
    struct picture picture = {0};
    struct panel truth = {0}, found = {0};
    struct image whole = {0}, fitted = {0};
    enum status status = OK;
    GUARD(load(&page->truth->images[image], path, &whole));
    GUARD(image_fit(&whole, PICTURE_SIDE, 2, &fitted));
    const double scale[2] = {(double)fitted.width / whole.width,
                             (double)fitted.height / whole.height};
    GUARD(gather_objects(page, image, scale, &truth));
    GUARD(gather_detections(page, image, scale, &found));
    GUARD(canvas_draw_styled(&fitted, truth.objects, truth.styles, truth.n, &picture.truth));
    GUARD(canvas_draw_styled(&fitted, found.objects, found.styles, found.n, &picture.found));
    *out = picture;
    picture = (struct picture){0};
done:
    picture_free(&picture);
    panel_free(&truth);
    panel_free(&found);
    image_free(&whole);
    image_free(&fitted);
    return status;
}
