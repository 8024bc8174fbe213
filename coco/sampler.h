// The order of images: which ones make up batch 0, 1, 2, ...
#ifndef TARN_COCO_SAMPLER_H
#define TARN_COCO_SAMPLER_H

#include "coco/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sampler_config {
    const struct coco_dataset *dataset;
    int batch_size;
    bool shuffle;         // endless epochs, each in an order of its own; else one pass, by id
    bool group_by_aspect; // with shuffle: a batch holds landscape or portrait images only
    bool keep_empty;      // images without objects (crowds do not count) are included
    uint64_t seed;
};

struct sampler;
enum status sampler_create(const struct sampler_config *config, struct sampler **sampler) MUST_USE;
void sampler_destroy(struct sampler *sampler);

// The images of the next batch: indices into dataset->images, *n of them; batch_size always when
// shuffling, and 0 after the end of a single pass. Images of an epoch that do not fill a batch
// (of their group) begin the next one: nothing is left out, no batch is short.
void sampler_next(struct sampler *sampler, size_t *indices, int *n);

size_t sampler_n_images(const struct sampler *sampler); // in one epoch

#ifdef __cplusplus
}
#endif
#endif
