#define _GNU_SOURCE // MAP_ANONYMOUS, madvise
#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };

static atomic_size_t fail_countdown; // 0: off
static atomic_bool fail_all;

void mem_fail_at(size_t nth, bool all)
{
    atomic_store(&fail_all, all);
    atomic_store(&fail_countdown, nth);
}

static bool should_fail(void)
{
    size_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (left == 0) return false;
    if (left == 1) {
        if (!atomic_load(&fail_all)) atomic_store(&fail_countdown, 0);
        return true;
    }
    atomic_store(&fail_countdown, left - 1);
    return false;
}

bool size_mul(size_t x, size_t y, size_t *product)
{
    return !__builtin_mul_overflow(x, y, product);
}

bool size_add(size_t x, size_t y, size_t *sum)
{
    return !__builtin_add_overflow(x, y, sum);
}

// Before each block stands a header with its size, so that mem_resize can copy.
struct header {
    size_t bytes;
    char padding[ALIGNMENT - sizeof(size_t)];
};

static void *out_of_memory(size_t n, size_t size)
{
    (void)fail(ERR_MEMORY, "out of memory: %zu x %zu bytes wanted", n, size);
    return NULL;
}

// Of just the size: a sanitizer then sees the first byte beyond it.
void *mem_alloc(size_t n, size_t size)
{
    size_t bytes, total;
    void *block;
    if (!size_mul(n, size, &bytes) || !size_add(bytes, sizeof(struct header), &total) ||
        total > SIZE_MAX / 2 || should_fail() || posix_memalign(&block, ALIGNMENT, total) != 0)
        return out_of_memory(n, size);
    memset(block, 0, total);
    struct header *header = (struct header *)block;
    header->bytes = bytes;
    return header + 1;
}

void *mem_resize(void *block, size_t n, size_t size)
{
    size_t bytes;
    if (!size_mul(n, size, &bytes)) return out_of_memory(n, size);
    void *fresh = mem_alloc(n, size);
    if (!fresh) return NULL;
    if (block) {
        const struct header *header = (const struct header *)block - 1;
        memcpy(fresh, block, header->bytes < bytes ? header->bytes : bytes);
        mem_free(block);
    }
    return fresh;
}

char *mem_strndup(const char *text, size_t n)
{
    char *copy = (char *)mem_alloc(n + 1, 1);
    if (copy) memcpy(copy, text, n);
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

void mem_free(void *block)
{
    if (block) free((struct header *)block - 1);
}

void *mem_map(size_t bytes)
{
    enum { HUGE_PAGE = 2 << 20 };
    if (should_fail()) return out_of_memory(1, bytes);
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return out_of_memory(1, bytes);
    if (bytes >= HUGE_PAGE) (void)madvise(block, bytes, MADV_HUGEPAGE); // only a hint
    return block;
}

void mem_unmap(void *block, size_t bytes)
{
    if (block) munmap(block, bytes);
}

enum status mem_reserve(void *array_pointer, size_t *capacity, size_t needed, size_t size)
{
    void *array;
    memcpy(&array, array_pointer, sizeof array);
    if (needed <= *capacity) return OK;
    size_t grown = *capacity ? *capacity : 8;
    while (grown < needed) {
        if (grown > SIZE_MAX / 2) return fail(ERR_MEMORY, "out of memory: array of %zu", needed);
        grown *= 2;
    }
    array = mem_resize(array, grown, size);
    if (!array) return ERR_MEMORY;
    memcpy(array_pointer, &array, sizeof array);
    *capacity = grown;
    return OK;
}
