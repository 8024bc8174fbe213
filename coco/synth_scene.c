#include "coco/synth_scene.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static const float TWO_PI = 6.2831853f;
static const float LARGEST_RADIUS = 0.34f; // of the short side

struct painter {
    int width, height;
    float *rgb;     // (height, width, 3), 0..255
    uint8_t *owner; // (height, width) which object is on top, 0: none
    // the brush
    struct rng *rng;
    int texture;
    float colours[2][3], opacity;
    float x, y, cosine, sine, pitch; // texture coordinates
    uint8_t owner_id;
    int n_hidden[SCENE_MAX_OBJECTS + 1]; // pixels lost, by owner
    int n_pixels;
    int kind; // of the only shape, for classification
};

enum { TEXTURE_FLAT, TEXTURE_STRIPES, TEXTURE_CHECKS, TEXTURE_DOTS, TEXTURE_SHADED, N_TEXTURES };

// Share of the second colour at a pixel.
static float texture_at(const struct painter *p, int x, int y)
{
    float dx = (float)x - p->x, dy = (float)y - p->y;
    float u = (p->cosine * dx + p->sine * dy) / p->pitch;
    float v = (p->cosine * dy - p->sine * dx) / p->pitch;
    float fu = u - floorf(u) - 0.5f, fv = v - floorf(v) - 0.5f;
    switch (p->texture) {
    case TEXTURE_STRIPES:
        return fu > 0.0f ? 1.0f : 0.0f;
    case TEXTURE_CHECKS:
        return (fu > 0.0f) == (fv > 0.0f) ? 1.0f : 0.0f;
    case TEXTURE_DOTS:
        return fu * fu + fv * fv < 0.09f ? 1.0f : 0.0f;
    case TEXTURE_SHADED:
        return 0.5f + 0.5f * sinf(u);
    default:
        return 0.0f;
    }
}

static void paint_pixel(void *context, int x, int y, float coverage)
{
    struct painter *p = (struct painter *)context;
    float *pixel = p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
    float second = texture_at(p, x, y), alpha = coverage * p->opacity;
    for (int c = 0; c < 3; c++) {
        float colour = p->colours[0][c] + second * (p->colours[1][c] - p->colours[0][c]);
        pixel[c] += alpha * (colour - pixel[c]);
    }
    if (p->owner_id && coverage >= 0.5f)
        p->owner[(size_t)y * (size_t)p->width + (size_t)x] = p->owner_id;
}

// A dry run of painting: what would be hidden, and how large the shape is.
static void count_pixel(void *context, int x, int y, float coverage)
{
    struct painter *p = (struct painter *)context;
    if (coverage < 0.5f) return;
    p->n_pixels++;
    p->n_hidden[p->owner[(size_t)y * (size_t)p->width + (size_t)x]]++;
}

// Shapes are colourful, what lies behind them is nearly grey: a detector without pretraining finds
// its way to the shapes. Unless tinted, they can be told apart by their outline alone.
static void shape_colours(struct rng *rng, const struct synth_config *config, int kind,
                          float colours[2][3])
{
    float hue = rng_uniform(rng, 0.0f, 6.0f);
    if (config->tinted > 0 && rng_double(rng) < config->tinted) {
        // Two thirds of the class's own sector of the circle.
        float sector = 6.0f / (float)config->n_classes;
        hue = sector * ((float)kind + (hue + 1.0f) / 9.0f);
    }
    float low = rng_uniform(rng, 0.0f, 0.35f);
    float value = rng_uniform(rng, 140.0f, 250.0f), second = rng_uniform(rng, 0.45f, 0.85f);
    for (int c = 0; c < 3; c++) {
        // The hue's channels: 1 within a sixth of the circle, falling to 0 over the next.
        float distance = fabsf(hue - 2.0f * (float)c);
        if (distance > 3.0f) distance = 6.0f - distance;
        float pure = fminf(1.0f, fmaxf(0.0f, 2.0f - distance));
        colours[0][c] = value * (low + (1.0f - low) * pure);
        colours[1][c] = second * colours[0][c];
    }
}

static void grey_colour(struct rng *rng, float level, float colour[3])
{
    for (int c = 0; c < 3; c++) colour[c] = level + rng_uniform(rng, -12.0f, 12.0f);
}

static void choose_brush(struct painter *p, float x, float y, float size)
{
    float angle = rng_uniform(p->rng, 0.0f, TWO_PI);
    p->texture = (int)rng_below(p->rng, N_TEXTURES);
    p->x = x;
    p->y = y;
    p->cosine = cosf(angle);
    p->sine = sinf(angle);
    p->pitch = fmaxf(3.0f, size * rng_uniform(p->rng, 0.12f, 0.4f));
}

// Sum of smooth random fields of falling wavelength.
static void add_field(struct painter *p, int cells, float strength)
{
    enum { MAX_CELLS = 32 };
    float grid[MAX_CELLS + 1][MAX_CELLS + 1][3];
    for (int i = 0; i <= cells; i++)
        for (int j = 0; j <= cells; j++)
            grey_colour(p->rng, rng_uniform(p->rng, -strength, strength), grid[i][j]);
    for (int y = 0; y < p->height; y++) {
        float v = (float)(y * cells) / (float)p->height;
        int i = (int)v;
        v -= (float)i;
        for (int x = 0; x < p->width; x++) {
            float u = (float)(x * cells) / (float)p->width;
            int j = (int)u;
            u -= (float)j;
            float *pixel = p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
            for (int c = 0; c < 3; c++) {
                float top = grid[i][j][c] + u * (grid[i][j + 1][c] - grid[i][j][c]);
                float low = grid[i + 1][j][c] + u * (grid[i + 1][j + 1][c] - grid[i + 1][j][c]);
                pixel[c] += top + v * (low - top);
            }
        }
    }
}

// Strokes and blobs of no class, as grey as the background.
static void add_clutter(struct painter *p, float level)
{
    int n = 4 + (int)rng_below(p->rng, 9);
    float side = (float)(p->width < p->height ? p->width : p->height);
    for (int i = 0; i < n; i++) {
        struct polygon shape;
        float x = rng_uniform(p->rng, 0.0f, (float)p->width);
        float y = rng_uniform(p->rng, 0.0f, (float)p->height);
        float size = side * rng_uniform(p->rng, 0.03f, 0.16f);
        if (rng_below(p->rng, 2)) {
            shape_blob(p->rng, &shape);
        } else {
            double thin = (double)rng_uniform(p->rng, 0.02f, 0.07f);
            size *= 2.0f;
            shape = (struct polygon){4, {-1.0, 1.0, 1.0, -1.0}, {-thin, -thin, thin, thin}};
        }
        choose_brush(p, x, y, size);
        for (int k = 0; k < 2; k++)
            grey_colour(p->rng, level + rng_uniform(p->rng, -80.0f, 80.0f), p->colours[k]);
        p->opacity = rng_uniform(p->rng, 0.4f, 0.9f);
        polygon_place(&shape, (double)rng_uniform(p->rng, 0.0f, TWO_PI), (double)size, (double)x,
                      (double)y);
        polygon_fill(&shape, p->width, p->height, paint_pixel, p);
    }
}

// Tries one place for a shape; false when too much of something would be out of sight.
static bool try_shape(struct painter *p, const struct synth_config *config, struct scene *scene,
                      int n_pixels[])
{
    int id = scene->n_objects + 1, kind = (int)rng_below(p->rng, (uint32_t)config->n_classes);
    if (config->classification) kind = p->kind;
    float side = (float)(p->width < p->height ? p->width : p->height);
    // Equal shares for every doubling of size: most shapes are small.
    float smallest = (float)config->smallest / 2, doublings = log2f(LARGEST_RADIUS / smallest);
    float radius = side * smallest * powf(2.0f, rng_uniform(p->rng, 0.0f, doublings));
    float x = rng_uniform(p->rng, 0.0f, (float)p->width);
    float y = rng_uniform(p->rng, 0.0f, (float)p->height);
    struct polygon shape, *outline = &scene->outlines[scene->n_objects];
    shape_outline(kind, p->rng, &shape);
    polygon_place(&shape, (double)rng_uniform(p->rng, 0.0f, TWO_PI), (double)radius, (double)x,
                  (double)y);
    polygon_clip(&shape, p->width, p->height, outline);
    if (outline->n < 3 || polygon_area(outline) < 0.55 * polygon_area(&shape)) return false;
    memset(p->n_hidden, 0, sizeof p->n_hidden);
    p->n_pixels = 0;
    polygon_fill(outline, p->width, p->height, count_pixel, p);
    if (p->n_pixels == 0) return false;
    int seen[SCENE_MAX_OBJECTS + 1];
    for (int i = 1; i < id; i++) {
        seen[i] = n_pixels[2 * i + 1] - p->n_hidden[i];
        if (seen[i] < 0.6 * n_pixels[2 * i]) return false;
    }
    for (int i = 1; i < id; i++) n_pixels[2 * i + 1] = seen[i];
    n_pixels[2 * id] = n_pixels[2 * id + 1] = p->n_pixels;
    choose_brush(p, x, y, radius);
    shape_colours(p->rng, config, kind, p->colours);
    p->opacity = 1.0f;
    p->owner_id = (uint8_t)id;
    polygon_fill(outline, p->width, p->height, paint_pixel, p);
    scene->kinds[scene->n_objects++] = kind;
    return true;
}

static void add_shapes(struct painter *p, const struct synth_config *config, struct scene *scene)
{
    enum { TRIES = 40 };
    int n_pixels[2 * SCENE_MAX_OBJECTS + 2]; // by id: of the shape, of these still seen
    int wanted = 1 + (int)rng_below(p->rng, SCENE_MAX_OBJECTS);
    bool must = config->classification; // an image without its shape would be labelled wrongly
    if (must) wanted = 1;
    for (int tries = 0; (must || tries < TRIES) && scene->n_objects < wanted; tries++)
        (void)try_shape(p, config, scene, n_pixels);
}

// Light from one side, sensor noise, 8 bits.
static void finish(struct painter *p, struct image *image)
{
    float angle = rng_uniform(p->rng, 0.0f, TWO_PI), fall = rng_uniform(p->rng, 0.0f, 0.3f);
    float gx = cosf(angle) * fall / (float)p->width, gy = sinf(angle) * fall / (float)p->height;
    float noise = rng_uniform(p->rng, 3.0f, 12.0f);
    size_t i = 0;
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            float light = 1.0f + gx * ((float)x - 0.5f * (float)p->width) +
                          gy * ((float)y - 0.5f * (float)p->height);
            for (int c = 0; c < 3; c++, i++) {
                // The sum of four bytes is close to normal: mean 510, deviation 148.
                uint32_t bits = rng_u32(p->rng);
                float sum =
                    (float)((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24));
                float value = p->rgb[i] * light + noise * (sum - 510.0f) * (1.0f / 148.0f);
                image->rgb[i] = (uint8_t)fminf(255.0f, fmaxf(0.0f, value + 0.5f));
            }
        }
    }
}

enum status scene_create(const struct synth_config *config, int index, struct scene *scene)
{
    struct rng rng;
    struct painter p = {.width = config->width, .height = config->height, .rng = &rng,
                        .kind = index % config->n_classes};
    size_t n = (size_t)config->width * (size_t)config->height;
    enum status status = ERR_MEMORY;
    float base[3];
    memset(scene, 0, sizeof *scene);
    p.rgb = (float *)mem_alloc(n, 3 * sizeof *p.rgb);
    p.owner = (uint8_t *)mem_alloc(n, 1);
    uint8_t *rgb = (uint8_t *)mem_alloc(n, 3);
    if (!p.rgb || !p.owner || !rgb) {
        mem_free(rgb);
        goto done;
    }
    scene->image = (struct image){config->width, config->height, rgb};
    status = OK;
    rng_start(&rng, config->seed, RNG_SYNTH, (uint32_t)index);
    float level = rng_uniform(&rng, 60.0f, 200.0f);
    grey_colour(&rng, level, base);
    for (size_t i = 0; i < 3 * n; i++) p.rgb[i] = base[i % 3];
    add_field(&p, 3, 40.0f);
    add_field(&p, 9, 20.0f);
    add_field(&p, 32, 12.0f);
    add_clutter(&p, level);
    add_shapes(&p, config, scene);
    finish(&p, &scene->image);
done:
    mem_free(p.rgb);
    mem_free(p.owner);
    return status;
}

void scene_free(struct scene *scene)
{
    image_free(&scene->image);
}
