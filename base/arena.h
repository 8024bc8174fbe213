// Bump allocation from chunks that a source provides (host or device memory).
// Objects are never freed singly. Equal sequences of allocations give equal addresses.
#ifndef TARN_BASE_ARENA_H
#define TARN_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct arena_source {
    void *context;
    void *(*get)(void *context, size_t bytes); // NULL, with fail() set, when exhausted
    void (*put)(void *context, void *chunk, size_t bytes);
};

extern const struct arena_source arena_host_source; // mem_map

struct arena_chunk {
    char *memory;
    size_t bytes;
};

enum { ARENA_MAX_CHUNKS = 64 };

struct arena {
    struct arena_source source;
    struct arena_chunk chunks[ARENA_MAX_CHUNKS];
    int n_chunks;
    int current;  // chunk being filled
    size_t used;  // of the current chunk
    size_t total; // bytes handed out since the last reset, alignment included
    size_t peak;  // largest total ever
};

// Nothing is allocated here; chunks are asked for when they are needed.
void arena_init(struct arena *arena, const struct arena_source *source);
void arena_free(struct arena *arena); // gives all chunks back

// 64-byte aligned, not zeroed. NULL, with fail() set, when the source has no more.
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_alloc_zeroed(struct arena *arena, size_t bytes); // host sources only

// Forgets all objects, keeps the memory; several chunks become one of their total size, so
// that the next round needs no new ones.
void arena_reset(struct arena *arena);

// Tells sanitizers what of an arena's memory is in use. arena_alloc and arena_reset do so; whoever
// hands out again what an arena gave tells it too.
void arena_mark(const struct arena *arena, void *memory, size_t bytes, bool is_used);

// Tests only: is told the same of arenas whose memory the host cannot touch. NULL: nobody is.
typedef void (*arena_observer)(void *memory, size_t bytes, bool is_used);
void arena_observe(arena_observer observer);

#ifdef __cplusplus
}
#endif
#endif
