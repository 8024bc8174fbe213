#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/sanitizer.h"

enum { ALIGNMENT = 64, MIN_CHUNK = 1 << 20 };
// Behind each object, where a sanitizer is to see overruns.
enum { GAP = HAS_ADDRESS_SANITIZER ? ALIGNMENT : 0 };

static void *host_get(void *context, size_t bytes)
{
    (void)context;
    return mem_map(bytes);
}

static void host_put(void *context, void *chunk, size_t bytes)
{
    (void)context;
    mem_unmap(chunk, bytes);
}

const struct arena_source arena_host_source = {NULL, host_get, host_put};

void arena_init(struct arena *arena, const struct arena_source *source)
{
    memset(arena, 0, sizeof *arena);
    arena->source = *source;
}

static arena_observer the_observer;

void arena_observe(arena_observer observer)
{
    the_observer = observer;
}

void arena_mark(const struct arena *arena, void *memory, size_t bytes, bool is_used)
{
    if (arena->source.get != host_get) {
        if (the_observer) the_observer(memory, bytes, is_used);
    } else if (is_used) {
        MEMORY_SHOW(memory, bytes);
    } else {
        MEMORY_HIDE(memory, bytes);
    }
}

static void mark_chunk(const struct arena *arena, int i, bool is_used)
{
    arena_mark(arena, arena->chunks[i].memory, arena->chunks[i].bytes, is_used);
}

static void release_chunks(struct arena *arena)
{
    for (int i = 0; i < arena->n_chunks; i++) {
        mark_chunk(arena, i, true);
        arena->source.put(arena->source.context, arena->chunks[i].memory, arena->chunks[i].bytes);
    }
    arena->n_chunks = 0;
    arena->current = 0;
    arena->used = 0;
    arena->total = 0;
}

void arena_free(struct arena *arena)
{
    if (arena->source.put) release_chunks(arena);
}

static enum status add_chunk(struct arena *arena, size_t bytes)
{
    if (arena->n_chunks == ARENA_MAX_CHUNKS)
        return fail(ERR_MEMORY, "out of memory: an arena has %d chunks", ARENA_MAX_CHUNKS);
    size_t mask = (size_t)MIN_CHUNK - 1;
    if (bytes > SIZE_MAX / 2) return fail(ERR_MEMORY, "out of memory: %zu bytes wanted", bytes);
    bytes = (bytes + mask) & ~mask;
    char *memory = (char *)arena->source.get(arena->source.context, bytes);
    if (!memory) return ERR_MEMORY;
    arena->chunks[arena->n_chunks] = (struct arena_chunk){memory, bytes};
    mark_chunk(arena, arena->n_chunks, false);
    arena->current = arena->n_chunks++;
    arena->used = 0;
    return OK;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        (void)fail(ERR_MEMORY, "out of memory: %zu bytes wanted", bytes);
        return NULL;
    }
    size_t asked = bytes;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GAP;
    if (arena->n_chunks == 0 || arena->chunks[arena->current].bytes - arena->used < bytes) {
        // Grow geometrically: few chunks whatever the total. Near the end of memory, no further
        // than what is needed.
        size_t wanted = bytes > arena->total / 2 ? bytes : arena->total / 2;
        if (add_chunk(arena, wanted) != OK &&
            (wanted == bytes || add_chunk(arena, bytes) != OK))
            return NULL;
    }
    void *object = arena->chunks[arena->current].memory + arena->used;
    arena->used += bytes;
    arena->total += bytes;
    if (arena->total > arena->peak) arena->peak = arena->total;
    arena_mark(arena, object, asked, true);
    return object;
}

void *arena_alloc_zeroed(struct arena *arena, size_t bytes)
{
    void *object = arena_alloc(arena, bytes);
    if (object) memset(object, 0, bytes);
    return object;
}

void arena_reset(struct arena *arena)
{
    if (arena->n_chunks > 1) {
        release_chunks(arena);
        // What was ever in use, in one piece. If that cannot be had now, later allocations will try
        // smaller ones.
        if (add_chunk(arena, arena->peak) != OK) arena->n_chunks = 0;
    } else if (arena->n_chunks == 1) {
        mark_chunk(arena, 0, false);
    }
    arena->used = 0;
    arena->total = 0;
}
