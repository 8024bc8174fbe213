// The n smallest of a stream of distinct keys, in whatever order they come.
#ifndef TARN_CPU_SMALLEST_H
#define TARN_CPU_SMALLEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct smallest {
    uint64_t *keys; // room for 2 * keep
    size_t n, keep;
    uint64_t limit; // keys from here on are not among them
};

static inline struct smallest smallest_of(size_t keep, uint64_t *memory)
{
    struct smallest s = {memory, 0, keep, keep ? UINT64_MAX : 0};
    return s;
}

// Leaves at most `keep`, in no order.
void smallest_shrink(struct smallest *s);
// The same in ascending order.
void smallest_sort(struct smallest *s);

static inline void smallest_add(struct smallest *s, uint64_t key)
{
    if (key >= s->limit) return;
    s->keys[s->n++] = key;
    if (s->n == 2 * s->keep) smallest_shrink(s);
}

// Adds what another one holds.
void smallest_merge(struct smallest *s, const struct smallest *other);

#ifdef __cplusplus
}
#endif
#endif
