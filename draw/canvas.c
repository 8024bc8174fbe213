#include "draw/canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "draw/mask.h"
#include "draw/palette.h"
#include "draw/surface.h"
#include "draw/text.h"

struct rect {
    double x, y, w, h;
};

struct tag {
    struct rect frame; // clipped to the image
    struct rect area;  // w == 0: no tag
    char text[TEXT_BYTES];
    struct color color;
    bool is_dashed;
    double score;
    size_t order;
};

// Lengths that depend on the image's size alone.
struct layout {
    double width, height;
    double line, font, pad;
    double ascent, descent;
};

// A tag is compared with this many placed before it: bounds the work for absurd inputs.
enum { MAX_COMPARED = 500 };

static void choose_sizes(cairo_t *cr, const struct image *image, struct layout *layout)
{
    double side = fmin(image->width, image->height);
    layout->width = image->width;
    layout->height = image->height;
    layout->line = fmax(1.0, round(side / 260.0));
    layout->font = fmax(9.0, side / 38.0);
    layout->pad = fmax(2.0, round(layout->font * 0.28));
    text_font(cr, layout->font, true);
    text_height(cr, &layout->ascent, &layout->descent);
}

static bool clip_frame(const double box[4], const struct layout *layout, struct rect *frame)
{
    for (int i = 0; i < 4; i++)
        if (!isfinite(box[i])) return false;
    if (box[2] < box[0] || box[3] < box[1] || box[0] >= layout->width || box[1] >= layout->height ||
        box[2] <= 0 || box[3] <= 0)
        return false;
    // Half a line inwards: a frame along the image's border stays visible in full.
    double half = layout->line / 2;
    double x1 = fmin(fmax(box[0], half), fmax(half, layout->width - half));
    double y1 = fmin(fmax(box[1], half), fmax(half, layout->height - half));
    double x2 = fmin(fmax(box[2], x1), fmax(x1, layout->width - half));
    double y2 = fmin(fmax(box[3], y1), fmax(y1, layout->height - half));
    *frame = (struct rect){x1, y1, x2 - x1, y2 - y1};
    return true;
}

// "name 0.87", with the name shortened to what the image's width leaves. False: nothing fits.
static bool write_tag(cairo_t *cr, const struct canvas_object *object, const struct layout *layout,
                      struct tag *tag)
{
    char score[16] = "", name[TEXT_BYTES];
    if (isfinite(object->score))
        snprintf(score, sizeof score, "%.2f", fmin(fmax(object->score, -99), 99));
    text_clean(object->name, name);
    double room = layout->width - 2 * layout->pad;
    room = fmin(room, fmax(layout->width * 0.4, layout->font * 14)); // leave others their place
    double score_width = text_width(cr, score);
    if (score[0] && name[0]) score_width += text_width(cr, " ");
    text_fit(cr, name, room - score_width);
    if (name[0] && score[0])
        snprintf(tag->text, sizeof tag->text, "%.*s %s", TEXT_BYTES - 20, name, score);
    else
        memcpy(tag->text, name[0] ? name : score, name[0] ? strlen(name) + 1 : sizeof score);
    // The cut above may have split a character.
    char clean[TEXT_BYTES];
    text_clean(tag->text, clean);
    memcpy(tag->text, clean, sizeof clean);
    double width = text_width(cr, tag->text) + 2 * layout->pad;
    double height = layout->ascent + layout->descent + 2 * layout->pad;
    if (!tag->text[0] || width > layout->width || height > layout->height) return false;
    tag->area.w = ceil(width);
    tag->area.h = ceil(height);
    if (tag->area.w > layout->width) tag->area.w = layout->width;
    if (tag->area.h > layout->height) tag->area.h = layout->height;
    return true;
}

static double overlap(const struct rect *a, const struct rect *b)
{
    double w = fmin(a->x + a->w, b->x + b->w) - fmax(a->x, b->x);
    double h = fmin(a->y + a->h, b->y + b->h) - fmax(a->y, b->y);
    return w > 0 && h > 0 ? w * h : 0;
}

// Above the frame, inside at its top, below it, inside at its bottom, each at the left and right:
// the first place that covers the least of earlier tags.
static void place_tag(struct tag *tag, const struct tag *placed, size_t n_placed,
                      const struct layout *layout)
{
    double half = layout->line / 2;
    const struct rect *f = &tag->frame;
    double left = f->x - half, right = f->x + f->w + half - tag->area.w;
    double top = f->y - half, bottom = f->y + f->h + half;
    double ys[4] = {top - tag->area.h, top, bottom, bottom - tag->area.h};
    double best_cover = INFINITY;
    struct rect best = {0, 0, tag->area.w, tag->area.h};
    if (n_placed > MAX_COMPARED) n_placed = MAX_COMPARED;
    for (int i = 0; i < 8 && best_cover > 0; i++) {
        double x = i % 2 ? right : left, y = ys[i / 2];
        x = fmin(fmax(x, 0), layout->width - tag->area.w);
        bool fits = y >= 0 && y <= layout->height - tag->area.h;
        y = fmin(fmax(y, 0), layout->height - tag->area.h);
        struct rect candidate = {round(x - 0.499), round(y - 0.499), tag->area.w, tag->area.h};
        candidate.x = fmax(candidate.x, 0);
        candidate.y = fmax(candidate.y, 0);
        double cover = fits ? 0 : tag->area.w * tag->area.h * 4;
        for (size_t j = 0; j < n_placed; j++) cover += overlap(&candidate, &placed[j].area);
        if (cover < best_cover) {
            best_cover = cover;
            best = candidate;
        }
    }
    tag->area = best;
}

static void paint_frame(cairo_t *cr, const struct tag *tag, const struct layout *layout)
{
    const struct rect *f = &tag->frame;
    // A dark rim keeps the colour apart from a background of the same colour.
    cairo_rectangle(cr, f->x, f->y, f->w, f->h);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND); // a box of no extent is a dot
    cairo_set_source_rgba(cr, 0, 0, 0, 0.45);
    cairo_set_line_width(cr, layout->line + fmax(1.0, layout->line * 0.6));
    cairo_stroke_preserve(cr);
    cairo_set_source_rgb(cr, tag->color.r, tag->color.g, tag->color.b);
    cairo_set_line_width(cr, layout->line);
    const double dashes[2] = {layout->line * 4, layout->line * 3};
    cairo_set_dash(cr, dashes, tag->is_dashed ? 2 : 0, 0);
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
}

static void paint_tag(cairo_t *cr, const struct tag *tag, const struct layout *layout)
{
    const struct rect *a = &tag->area;
    if (a->w <= 0) return;
    cairo_rectangle(cr, a->x, a->y, a->w, a->h);
    cairo_set_source_rgb(cr, tag->color.r, tag->color.g, tag->color.b);
    cairo_fill(cr);
    struct color ink = palette_ink(tag->color);
    cairo_set_source_rgb(cr, ink.r, ink.g, ink.b);
    double slack = a->h - layout->ascent - layout->descent;
    text_show(cr, a->x + layout->pad, a->y + slack / 2 + layout->ascent, TEXT_LEFT, tag->text);
}

// Descending score, then input order; a missing score counts as the highest.
static int by_score(const void *left, const void *right)
{
    const struct tag *a = left, *b = right;
    double x = isnan(a->score) ? HUGE_VAL : a->score, y = isnan(b->score) ? HUGE_VAL : b->score;
    if (x != y) return x > y ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

// Where tags would cover much of the image, those of small objects go: frames and masks tell more.
static void thin_out(struct tag *tags, size_t n, const struct layout *layout)
{
    double covered = 0;
    for (size_t i = 0; i < n; i++) covered += tags[i].area.w * tags[i].area.h;
    if (covered < 0.2 * layout->width * layout->height) return;
    for (size_t i = 0; i < n; i++)
        if (tags[i].frame.w * tags[i].frame.h < 6 * tags[i].area.w * tags[i].area.h)
            tags[i].area.w = 0;
}

enum status canvas_draw_styled(const struct image *image, const struct canvas_object *objects,
                               const struct canvas_style *styles, size_t n, struct image *out)
{
    struct surface surface = {0};
    struct layout layout;
    size_t n_tags = 0;
    enum status status = OK;
    struct tag *tags = mem_alloc(n, sizeof *tags);
    if (!tags) return ERR_MEMORY;
    GUARD(surface_from_image(image, &surface));
    choose_sizes(surface.cr, image, &layout);
    for (size_t i = 0; i < n; i++) {
        struct tag *tag = &tags[n_tags];
        if (styles && styles[i].mask)
            GUARD(mask_paint(&surface, styles[i].mask, styles[i].color, (int)layout.line));
        if (!clip_frame(objects[i].box, &layout, &tag->frame)) continue;
        tag->color = styles ? styles[i].color : palette_class(objects[i].class_index);
        tag->is_dashed = styles && styles[i].is_dashed;
        tag->score = objects[i].score;
        tag->order = i;
        if (!write_tag(surface.cr, &objects[i], &layout, tag)) tag->area.w = 0;
        n_tags++;
    }
    thin_out(tags, n_tags, &layout);
    qsort(tags, n_tags, sizeof *tags, by_score);
    for (size_t i = 0; i < n_tags; i++)
        if (tags[i].area.w > 0) place_tag(&tags[i], tags, i, &layout);
    for (size_t i = n_tags; i-- > 0;) paint_frame(surface.cr, &tags[i], &layout);
    for (size_t i = n_tags; i-- > 0;) paint_tag(surface.cr, &tags[i], &layout);
    GUARD(surface_to_image(&surface, out));
done:
    surface_free(&surface);
    mem_free(tags);
    return status;
}

enum status canvas_draw(const struct image *image, const struct canvas_object *objects, size_t n,
                        struct image *out)
{
    return canvas_draw_styled(image, objects, NULL, n, out);
}

enum status canvas_save(const char *path, const struct image *image)
{
    const char *extension = path_extension(path);
    if (strcasecmp(extension, ".png") == 0) return image_save_png(path, image);
    if (strcasecmp(extension, ".jpg") == 0 || strcasecmp(extension, ".jpeg") == 0)
        return image_save_jpeg(path, image, 92);
    return fail(ERR_USAGE, "%s: pictures are written as .jpg, .jpeg or .png", path);
}
