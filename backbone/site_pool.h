// The pooling layer at one place of a network: a copy of the chosen pool with its own trainable
// parameters.
#ifndef TARN_BACKBONE_SITE_POOL_H
#define TARN_BACKBONE_SITE_POOL_H

#include "nn/ops.h"
#include "nn/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

// Copies `chosen` (fields def, window and args), checks that the site and the parameters suit the
// pool, and declares its parameters for n_channels under `prefix` ("backbone.body.pool.").
// index: struct pool.index. ERR_USAGE names the pool and the site.
enum status site_pool_create(const struct pool *chosen, enum pool_site site, int index,
                             struct params *params, const char *prefix, int n_channels,
                             struct pool **pool) MUST_USE;
void site_pool_destroy(struct pool *pool); // NULL-safe

enum status site_pool_forward(const struct pool *pool, struct tape *tape, struct tensor *x,
                              struct tensor **y) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
