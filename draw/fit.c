#include "draw/fit.h"

#include <math.h>

#include "draw/surface.h"

enum status image_fit(const struct image *image, int side, double max_enlargement,
                      struct image *out)
{
    struct surface from = {0}, to = {0};
    enum status status = OK;
    double scale = fmin(side / fmax(image->width, image->height), max_enlargement);
    int width = (int)fmax(1, round(image->width * scale));
    int height = (int)fmax(1, round(image->height * scale));
    GUARD(surface_from_image(image, &from));
    GUARD(surface_create(width, height, &to));
    cairo_scale(to.cr, (double)width / image->width, (double)height / image->height);
    cairo_set_source_surface(to.cr, from.pixels, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(to.cr), CAIRO_FILTER_GOOD);
    cairo_pattern_set_extend(cairo_get_source(to.cr), CAIRO_EXTEND_PAD); // no dark rim
    cairo_paint(to.cr);
    GUARD(surface_to_image(&to, out));
done:
    surface_free(&from);
    surface_free(&to);
    return status;
}
