#include "nn/block_pool.h"

#include <stdint.h>

#include "base/mem.h"

struct block {
    char *memory;
    size_t bytes;
    bool is_free;
};

struct block_pool {
    struct arena arena;
    struct block *blocks; // in the order of their creation
    size_t n, capacity;
};

enum status block_pool_create(const struct arena_source *source, struct block_pool **pool)
{
    struct block_pool *p = (struct block_pool *)mem_alloc(1, sizeof *p);
    if (!p) return ERR_MEMORY;
    arena_init(&p->arena, source);
    *pool = p;
    return OK;
}

void block_pool_destroy(struct block_pool *pool)
{
    if (!pool) return;
    arena_free(&pool->arena);
    mem_free(pool->blocks);
    mem_free(pool);
}

// The smallest free block that fits and does not waste more than a third of itself. A step has a
// few hundred blocks, so a scan costs nothing beside any kernel.
static struct block *find_free(struct block_pool *pool, size_t bytes)
{
    struct block *best = NULL;
    for (size_t i = 0; i < pool->n; i++) {
        struct block *b = &pool->blocks[i];
        if (!b->is_free || b->bytes < bytes || b->bytes - b->bytes / 3 > bytes) continue;
        if (!best || b->bytes < best->bytes) best = b;
    }
    return best;
}

void *block_pool_get(struct block_pool *pool, size_t bytes)
{
    if (bytes == 0) bytes = 1;
    struct block *block = find_free(pool, bytes);
    if (!block) {
        if (mem_reserve(&pool->blocks, &pool->capacity, pool->n + 1, sizeof *pool->blocks) != OK)
            return NULL;
        char *memory = (char *)arena_alloc(&pool->arena, bytes);
        if (!memory) return NULL;
        block = &pool->blocks[pool->n++];
        *block = (struct block){memory, bytes, true};
    }
    block->is_free = false;
    arena_mark(&pool->arena, block->memory, bytes, true);
    return block->memory;
}

void block_pool_put(struct block_pool *pool, void *memory, bool is_over)
{
    // What is given back was mostly handed out lately: search from the end.
    for (size_t i = pool->n; i-- > 0;) {
        if (pool->blocks[i].memory != (char *)memory) continue;
        pool->blocks[i].is_free = true;
        if (is_over) arena_mark(&pool->arena, memory, pool->blocks[i].bytes, false);
        return;
    }
}

void block_pool_reset(struct block_pool *pool)
{
    pool->n = 0;
    arena_reset(&pool->arena);
}

size_t block_pool_peak_bytes(const struct block_pool *pool)
{
    return pool->arena.peak;
}
