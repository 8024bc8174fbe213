#include "coco/sampler.h"

#include "base/mem.h"
#include "base/rng.h"

enum { LANDSCAPE, PORTRAIT, N_GROUPS };

struct sampler {
    struct sampler_config config;
    size_t *images; // (n_images) in ascending order
    size_t *order;  // (n_images) the epoch's
    size_t n_images, at;
    uint32_t epoch;
    size_t *waiting[N_GROUPS]; // (batch_size)
    int n_waiting[N_GROUPS];
};

static bool has_objects(const struct coco_dataset *dataset, const struct coco_image *image)
{
    for (size_t i = 0; i < image->n_objects; i++)
        if (!dataset->objects[image->first + i].is_crowd) return true;
    return false;
}

// The permutation is a function of seed and epoch alone.
static void begin_epoch(struct sampler *s)
{
    struct rng rng;
    for (size_t i = 0; i < s->n_images; i++) s->order[i] = s->images[i];
    s->at = 0;
    if (!s->config.shuffle) return;
    rng_start(&rng, s->config.seed, RNG_SHUFFLE, s->epoch++);
    for (size_t i = s->n_images; i > 1; i--) {
        size_t other = rng_below(&rng, (uint32_t)i), image = s->order[i - 1];
        s->order[i - 1] = s->order[other];
        s->order[other] = image;
    }
}

enum status sampler_create(const struct sampler_config *config, struct sampler **sampler)
{
    const struct coco_dataset *dataset = config->dataset;
    size_t n = dataset->n_images;
    if (n > UINT32_MAX) return fail(ERR_DATA, "%s: too many images", dataset->path);
    struct sampler *s = (struct sampler *)mem_alloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    s->config = *config;
    s->images = (size_t *)mem_alloc(n, sizeof *s->images);
    s->order = (size_t *)mem_alloc(n, sizeof *s->order);
    bool is_allocated = s->images && s->order;
    for (int g = 0; g < N_GROUPS; g++) {
        s->waiting[g] = (size_t *)mem_alloc((size_t)config->batch_size, sizeof **s->waiting);
        is_allocated = is_allocated && s->waiting[g];
    }
    if (!is_allocated) {
        sampler_destroy(s);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++)
        if (config->keep_empty || has_objects(dataset, &dataset->images[i]))
            s->images[s->n_images++] = i;
    if (config->shuffle && s->n_images == 0) {
        sampler_destroy(s);
        return fail(ERR_DATA, "%s: no images to train on", dataset->path);
    }
    begin_epoch(s);
    *sampler = s;
    return OK;
}

void sampler_destroy(struct sampler *sampler)
{
    if (!sampler) return;
    mem_free(sampler->images);
    mem_free(sampler->order);
    for (int g = 0; g < N_GROUPS; g++) mem_free(sampler->waiting[g]);
    mem_free(sampler);
}

static int group_of(const struct sampler *s, size_t index)
{
    const struct coco_image *image = &s->config.dataset->images[index];
    return s->config.group_by_aspect && image->height > image->width ? PORTRAIT : LANDSCAPE;
}

static void next_shuffled(struct sampler *s, size_t *indices)
{
    for (;;) {
        if (s->at == s->n_images) begin_epoch(s);
        size_t image = s->order[s->at++];
        int group = group_of(s, image);
        s->waiting[group][s->n_waiting[group]++] = image;
        if (s->n_waiting[group] < s->config.batch_size) continue;
        for (int i = 0; i < s->config.batch_size; i++) indices[i] = s->waiting[group][i];
        s->n_waiting[group] = 0;
        return;
    }
}

void sampler_next(struct sampler *sampler, size_t *indices, int *n)
{
    struct sampler *s = sampler;
    *n = 0;
    if (s->config.shuffle) {
        next_shuffled(s, indices);
        *n = s->config.batch_size;
        return;
    }
    while (*n < s->config.batch_size && s->at < s->n_images) indices[(*n)++] = s->order[s->at++];
}

size_t sampler_n_images(const struct sampler *sampler)
{
    return sampler->n_images;
}
