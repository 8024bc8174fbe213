// Device memory for activations and gradients: blocks are handed out, taken back and handed out
// again within a step; a reset takes all back. Equal sequences of calls give equal addresses.
#ifndef TARN_NN_BLOCK_POOL_H
#define TARN_NN_BLOCK_POOL_H

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

struct block_pool;

enum status block_pool_create(const struct arena_source *source, struct block_pool **pool) MUST_USE;
void block_pool_destroy(struct block_pool *pool);
void *block_pool_get(struct block_pool *pool, size_t bytes); // NULL, with fail() set, when out
// memory must come from get. is_over: no work is still to come that takes what it holds.
void block_pool_put(struct block_pool *pool, void *memory, bool is_over);
void block_pool_reset(struct block_pool *pool);
size_t block_pool_peak_bytes(const struct block_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
