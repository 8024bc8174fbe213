#include "values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { MAX_OBJECTS = 8 };

const struct golden_geometry golden_large = {{{120, 150}, {100, 90}}, 128, 192};
const struct golden_geometry golden_small = {{{45, 55}, {50, 40}}, 48, 64};

void golden_uniform(uint64_t seed, const char *name, size_t n, float *out)
{
    uint32_t step = 2166136261u; // FNV-1a
    for (const char *c = name; *c; c++) step = (step ^ (unsigned char)*c) * 16777619u;
    struct rng_block block = {{0}};
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) block = rng_philox(seed, RNG_TEST, step, i / 4);
        out[i] = rng_to_uniform(block.v[i % 4]);
    }
}

static bool has(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

static bool ends(const char *name, const char *part)
{
    size_t n = strlen(name), m = strlen(part);
    return n >= m && strcmp(name + n - m, part) == 0;
}

static float value_of(const struct param *param, float u)
{
    const char *name = param->name;
    const struct tensor *t = &param->tensor;
    float v = 2.0f * u - 1.0f;
    if (t->rank > 1) {
        bool is_small = has(name, "inner_blocks") || has(name, "bbox_reg") || has(name, "bbox_pred");
        int64_t shape[TENSOR_MAX_RANK], fan_in = 1;
        params_file_shape(param, shape);
        for (int i = 1; i < t->rank; i++) fan_in *= shape[i];
        return v * (float)sqrt((is_small ? 0.1 : 6.0) / (double)fan_in);
    }
    bool is_norm = has(name, ".bn") || strncmp(name, "bn", 2) == 0 || has(name, ".downsample.1.");
    if (is_norm && ends(name, "weight")) {
        // A classifier's bottlenecks, whose statistics are trained: quiet branches, or rounding
        // errors would grow from block to block.
        bool is_quiet = strncmp(name, "layer", 5) == 0 && ends(name, "bn3.weight");
        return (is_quiet ? 0.1f : 1.0f) * (0.5f + 0.5f * u);
    }
    if (ends(name, "running_var")) return 0.5f + u;
    if (ends(name, "cls_logits.bias")) return 0.5f * v - 4.0f;
    return 0.1f * v;
}

enum status golden_set_params(uint64_t seed, struct params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        struct param *param = params->items[i];
        size_t n = tensor_count(&param->tensor);
        float *values = mem_alloc(n, sizeof *values);
        if (!values) return ERR_MEMORY;
        golden_uniform(seed, param->name, n, values);
        for (size_t k = 0; k < n; k++) values[k] = value_of(param, values[k]);
        enum status status = params_set(params, param, values);
        mem_free(values);
        TRY(status);
    }
    return OK;
}

// Fine noise over coarse coloured squares, so that features differ from place to place.
static enum status make_image(uint64_t seed, int index, int height, int width, struct image *image)
{
    int rows = (height + 15) / 16, columns = (width + 15) / 16;
    size_t n = (size_t)(height * width * 3), n_blocks = (size_t)(rows * columns * 3);
    float *pixels = mem_alloc(n, sizeof *pixels), *blocks = mem_alloc(n_blocks, sizeof *blocks);
    image->rgb = mem_alloc(n, 1);
    image->width = width;
    image->height = height;
    if (!pixels || !blocks || !image->rgb) return ERR_MEMORY;
    char name[32];
    snprintf(name, sizeof name, "image%d", index);
    golden_uniform(seed, name, n, pixels);
    snprintf(name, sizeof name, "blocks%d", index);
    golden_uniform(seed, name, n_blocks, blocks);
    for (size_t i = 0; i < n; i++) {
        int c = (int)(i % 3), x = (int)(i / 3) % width, y = (int)(i / 3) / width;
        float mixed = 0.25f * pixels[i] + 0.75f * blocks[(y / 16 * columns + x / 16) * 3 + c];
        image->rgb[i] = (uint8_t)(mixed * 255.0f);
    }
    mem_free(pixels);
    mem_free(blocks);
    return OK;
}

enum status golden_batch(uint64_t seed, const struct golden_geometry *geometry,
                         struct batch *batch)
{
    const int(*sizes)[2] = geometry->sizes;
    int heights[GOLDEN_IMAGES], widths[GOLDEN_IMAGES];
    struct batch b = {.n = GOLDEN_IMAGES, .max_objects = MAX_OBJECTS};
    for (int i = 0; i < b.n; i++) {
        resize_target(sizes[i][1], sizes[i][0], geometry->min_size, geometry->max_size,
                      &widths[i], &heights[i]);
        if (heights[i] > b.height) b.height = heights[i];
        if (widths[i] > b.width) b.width = widths[i];
    }
    b.height = (b.height + 31) / 32 * 32;
    b.width = (b.width + 31) / 32 * 32;
    size_t canvas = (size_t)(b.height * b.width * 3), n = GOLDEN_IMAGES;
    b.images = mem_alloc(n * canvas, sizeof *b.images);
    b.sizes = mem_alloc(n * 2, sizeof *b.sizes);
    b.original_sizes = mem_alloc(n * 2, sizeof *b.original_sizes);
    b.image_ids = mem_alloc(n, sizeof *b.image_ids);
    b.boxes = mem_alloc(n * MAX_OBJECTS * 4, sizeof *b.boxes);
    b.labels = mem_alloc(n * MAX_OBJECTS, sizeof *b.labels);
    b.counts = mem_alloc(n, sizeof *b.counts);
    for (int i = 0; i < b.n; i++) {
        struct image image = {0};
        TRY(make_image(seed, i, sizes[i][0], sizes[i][1], &image));
        TRY(image_to_canvas(&image, false, widths[i], heights[i], b.images + (size_t)i * canvas,
                            b.width, b.height));
        image_free(&image);
        b.sizes[2 * i] = (float)heights[i];
        b.sizes[2 * i + 1] = (float)widths[i];
        b.original_sizes[2 * i] = sizes[i][0];
        b.original_sizes[2 * i + 1] = sizes[i][1];
        b.image_ids[i] = i + 1;
    }
    *batch = b;
    return OK;
}

void golden_add_objects(struct batch *batch, int image, int n, const float *boxes,
                        const float *labels)
{
    float ratio_y = batch->sizes[2 * image] / (float)batch->original_sizes[2 * image];
    float ratio_x = batch->sizes[2 * image + 1] / (float)batch->original_sizes[2 * image + 1];
    for (int k = 0; k < n; k++) {
        int slot = image * batch->max_objects + k;
        for (int j = 0; j < 4; j++)
            batch->boxes[4 * slot + j] = boxes[4 * k + j] * (j % 2 == 0 ? ratio_x : ratio_y);
        batch->labels[slot] = (int32_t)labels[k];
    }
    batch->counts[image] = n;
}

void golden_batch_free(struct batch *batch)
{
    mem_free(batch->images);
    mem_free(batch->sizes);
    mem_free(batch->original_sizes);
    mem_free(batch->image_ids);
    mem_free(batch->boxes);
    mem_free(batch->labels);
    mem_free(batch->counts);
}
