#include "coco/crop.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "coco/image_window.h"

static int at_least_one(double value)
{
    return value < 1 ? 1 : (int)value;
}

void crop_of_box(const float box[4], double margin, int image_width, int image_height,
                 struct crop *crop)
{
    const double limit[2] = {image_width, image_height};
    int begin[2], length[2];
    for (int axis = 0; axis < 2; axis++) {
        double low = (double)box[axis], high = (double)box[axis + 2], grow = margin * (high - low);
        low = fmin(fmax(floor(low - grow), 0), limit[axis] - 1);
        high = fmin(ceil(high + grow), limit[axis]);
        begin[axis] = (int)low;
        length[axis] = at_least_one(high - low);
    }
    *crop = (struct crop){begin[0], begin[1], length[0], length[1]};
}

// The whole width or height, as far as the ratio allows.
static void center(double ratio, const struct crop *from, struct crop *crop)
{
    double width = from->width, height = from->height;
    if (width / height < 1 / ratio)
        height = nearbyint(width * ratio);
    else if (width / height > ratio)
        width = nearbyint(height * ratio);
    crop->width = at_least_one(width);
    crop->height = at_least_one(height);
    crop->left = from->left + (from->width - crop->width) / 2;
    crop->top = from->top + (from->height - crop->height) / 2;
}

static void place(const struct crop *from, int width, int height, struct rng *rng,
                  struct crop *crop)
{
    int top = (int)rng_below(rng, (uint32_t)(from->height - height) + 1);
    int left = (int)rng_below(rng, (uint32_t)(from->width - width) + 1);
    *crop = (struct crop){from->left + left, from->top + top, width, height};
}

static void draw_square(int side, const struct crop *from, struct rng *rng, struct crop *crop)
{
    if (side > from->width) side = from->width;
    if (side > from->height) side = from->height;
    place(from, side, side, rng, crop);
}

void crop_draw(const struct crop_config *config, const struct crop *from, struct rng *rng,
               struct crop *crop)
{
    if (config->cut) {
        draw_square(config->cut, from, rng, crop);
        return;
    }
    enum { TRIES = 10 };
    double area = (double)from->width * from->height, log_ratio = log(config->ratio);
    for (int i = 0; i < TRIES; i++) {
        double u = rng_double(rng), v = rng_double(rng);
        double part = area * (config->scale_min + u * (config->scale_max - config->scale_min));
        double ratio = exp(log_ratio * (2 * v - 1));
        int width = (int)nearbyint(sqrt(part * ratio)), height = (int)nearbyint(sqrt(part / ratio));
        if (width < 1 || height < 1 || width > from->width || height > from->height) continue;
        place(from, width, height, rng, crop);
        return;
    }
    center(config->ratio, from, crop);
}

int crop_reduction(const struct crop *crop, int size)
{
    int reduction = 8, least = crop->width < crop->height ? crop->width : crop->height;
    while (reduction > 1 && least / reduction < size) reduction /= 2;
    return reduction;
}

static enum status cut(const struct image *image, const struct crop *crop, struct image *part)
{
    size_t row = 3 * (size_t)crop->width;
    uint8_t *rgb = (uint8_t *)mem_alloc((size_t)crop->height, row);
    if (!rgb) return ERR_MEMORY;
    for (int y = 0; y < crop->height; y++) {
        size_t at = (size_t)(crop->top + y) * (size_t)image->width + (size_t)crop->left;
        memcpy(rgb + (size_t)y * row, image->rgb + 3 * at, row);
    }
    *part = (struct image){crop->width, crop->height, rgb};
    return OK;
}

// What lies outside of the crop must not bleed into it: it is cut out before it is resized.
static enum status cut_window(const struct image *image, const struct crop *crop,
                              const struct image_window *window, struct image *out)
{
    struct image part;
    if (crop->width == image->width && crop->height == image->height)
        return image_window_cut(image, window, out);
    TRY(cut(image, crop, &part));
    enum status status = image_window_cut(&part, window, out);
    image_free(&part);
    return status;
}

enum status crop_resized(const struct image *image, const struct crop *crop, int size, bool flip,
                         struct image *out)
{
    struct image_window window = {flip, size, size, 0, 0, size, size};
    return cut_window(image, crop, &window, out);
}

enum status crop_center(const struct crop_config *config, const struct image *image,
                        const struct crop *from, struct image *out)
{
    int size = config->size, width = config->resize, height = config->resize;
    if (from->width < from->height)
        height = (int)((double)config->resize * from->height / from->width);
    else
        width = (int)((double)config->resize * from->width / from->height);
    struct image_window window = {
        .new_width = width,
        .new_height = height,
        .left = (int)nearbyint((width - size) / 2.0),
        .top = (int)nearbyint((height - size) / 2.0),
        .width = size,
        .height = size,
    };
    return cut_window(image, from, &window, out);
}
