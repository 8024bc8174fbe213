#include "coco/copy_paste.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { BLUR = 5, BLUR_HALF = 2 };

static const uint8_t *mask_of(const struct collate_objects *objects,
                              const struct collate_object *object)
{
    return objects->masks.bytes + object->start;
}

static enum status choose(const struct collate_objects *source, struct rng *rng, bool **chosen)
{
    *chosen = (bool *)mem_alloc(source->n, sizeof **chosen);
    if (!*chosen) return ERR_MEMORY;
    for (size_t i = 0; i < source->n; i++) (*chosen)[rng_below(rng, (uint32_t)source->n)] = true;
    return OK;
}

static void cover(const struct collate_objects *objects, const struct collate_object *object,
                  uint8_t *alpha, size_t width)
{
    const int32_t *f = object->frame;
    const uint8_t *mask = mask_of(objects, object);
    for (int32_t y = 0; y < f[3]; y++)
        for (int32_t x = 0; x < f[2]; x++)
            alpha[(size_t)(f[1] + y) * width + (size_t)(f[0] + x)] |= *mask++;
}

static enum status append(const struct collate_objects *from, const struct collate_object *object,
                          struct collate_objects *to)
{
    struct collate_object copy = *object;
    size_t n = (size_t)object->frame[2] * (size_t)object->frame[3];
    copy.start = to->masks.n;
    TRY(mem_reserve(&to->masks.bytes, &to->masks.capacity, to->masks.n + n, 1));
    if (n) memcpy(to->masks.bytes + to->masks.n, mask_of(from, object), n);
    to->masks.n += n;
    return collate_objects_add(to, &copy);
}

// Takes what is covered off the last object's mask; true when anything was.
static bool uncover(struct collate_objects *objects, const uint8_t *alpha, size_t width,
                    int32_t bounds[4])
{
    const struct collate_object *object = &objects->list[objects->n - 1];
    const int32_t *f = object->frame;
    uint8_t *mask = objects->masks.bytes + object->start;
    bool is_touched = false;
    bounds[0] = bounds[1] = INT32_MAX;
    bounds[2] = bounds[3] = 0;
    for (int32_t y = f[1]; y < f[1] + f[3]; y++)
        for (int32_t x = f[0]; x < f[0] + f[2]; x++, mask++) {
            if (!*mask) continue;
            if (alpha[(size_t)y * width + (size_t)x]) {
                *mask = 0;
                is_touched = true;
                continue;
            }
            if (x < bounds[0]) bounds[0] = x;
            if (y < bounds[1]) bounds[1] = y;
            if (x >= bounds[2]) bounds[2] = x + 1;
            if (y >= bounds[3]) bounds[3] = y + 1;
        }
    return is_touched;
}

static enum status keep_visible(const struct collate_objects *own,
                                const struct collate_object *object, const uint8_t *alpha,
                                int width, struct collate_objects *result)
{
    int32_t bounds[4];
    TRY(append(own, object, result));
    if (!uncover(result, alpha, (size_t)width, bounds)) return OK;
    struct collate_object *kept = &result->list[result->n - 1];
    if (bounds[2] == 0) { // nothing is left
        result->masks.n = kept->start;
        result->n--;
        return OK;
    }
    for (int i = 0; i < 4; i++) kept->box[i] = (float)bounds[i];
    return OK;
}

enum status copy_paste_objects(const struct collate_objects *own,
                               const struct collate_objects *source, int width, int height,
                               struct rng *rng, struct collate_objects *result, uint8_t **alpha)
{
    struct collate_objects made = {0};
    uint8_t *covered = NULL;
    bool *chosen = NULL;
    enum status status = OK;
    *alpha = NULL;
    if (source->n == 0) return OK;
    GUARD(choose(source, rng, &chosen));
    covered = (uint8_t *)mem_alloc((size_t)width * (size_t)height, 1);
    if (!covered) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < source->n; i++)
        if (chosen[i]) cover(source, &source->list[i], covered, (size_t)width);
    for (size_t i = 0; i < own->n; i++)
        GUARD(keep_visible(own, &own->list[i], covered, width, &made));
    for (size_t i = 0; i < source->n; i++)
        if (chosen[i]) GUARD(append(source, &source->list[i], &made));
    *result = made;
    *alpha = covered;
    made = (struct collate_objects){0};
    covered = NULL;
done:
    collate_objects_free(&made);
    mem_free(covered);
    mem_free(chosen);
    return status;
}

static int reflect(int i, int n)
{
    if (i < 0) i = -i;
    if (i >= n) i = 2 * (n - 1) - i;
    return i < 0 || i >= n ? 0 : i; // sides of less than three pixels
}

static void blur_weights(float weights[BLUR])
{
    float sum = 0;
    for (int i = 0; i < BLUR; i++) {
        float x = (float)(i - BLUR_HALF) / 2.0f;
        weights[i] = expf(-0.5f * x * x);
        sum += weights[i];
    }
    for (int i = 0; i < BLUR; i++) weights[i] /= sum;
}

// sums[x]: over the column's pixels around y. False: none of them is set.
static bool blur_columns(const uint8_t *alpha, int width, int height, int y,
                         const float weights[BLUR], float *sums)
{
    bool is_any = false;
    memset(sums, 0, (size_t)width * sizeof *sums);
    for (int k = 0; k < BLUR; k++) {
        const uint8_t *row = alpha + (size_t)reflect(y + k - BLUR_HALF, height) * (size_t)width;
        if (!memchr(row, 1, (size_t)width)) continue;
        is_any = true;
        for (int x = 0; x < width; x++) sums[x] += weights[k] * (float)row[x];
    }
    return is_any;
}

enum status copy_paste_pixels(const uint8_t *alpha, int width, int height,
                              const struct image *source, float *canvas, int canvas_width)
{
    float weights[BLUR], normalised[256][4];
    float *sums = (float *)mem_alloc((size_t)width, sizeof *sums);
    if (!sums) return ERR_MEMORY;
    blur_weights(weights);
    image_normalisation(normalised);
    for (int y = 0; y < height; y++) {
        if (!blur_columns(alpha, width, height, y, weights, sums)) continue;
        float *row = canvas + 3 * (size_t)y * (size_t)canvas_width;
        for (int x = 0; x < width; x++) {
            float a = 0;
            for (int k = 0; k < BLUR; k++)
                a += weights[k] * sums[reflect(x + k - BLUR_HALF, width)];
            if (a <= 0.0f) continue;
            bool is_inside = x < source->width && y < source->height;
            size_t at = is_inside ? (size_t)y * (size_t)source->width + (size_t)x : 0;
            for (int c = 0; c < 3; c++) {
                float value = is_inside ? normalised[source->rgb[3 * at + (size_t)c]][c] : 0.0f;
                row[3 * x + c] += (value - row[3 * x + c]) * a;
            }
        }
    }
    mem_free(sums);
    return OK;
}
