// Host memory. The only place in the program that calls malloc and its relatives.
#ifndef TARN_BASE_MEM_H
#define TARN_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// n * size zeroed bytes, 64-byte aligned; NULL, with fail() set to ERR_MEMORY, on overflow or
// exhaustion. n * size == 0 gives a valid pointer.
void *mem_alloc(size_t n, size_t size);

// Grows or shrinks a mem_alloc block; new bytes are not zeroed. On failure the old block stays.
void *mem_resize(void *block, size_t n, size_t size);

// A copy of a string (or of its first n bytes, terminated), to be freed with mem_free.
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t n);

void mem_free(void *block); // NULL-safe

// Large, page-aligned memory straight from the system, on huge pages where there are any.
void *mem_map(size_t bytes);
void mem_unmap(void *block, size_t bytes);

// Makes room for at least `needed` elements in a growing array, doubling its capacity.
// *array is a mem_alloc block or NULL.
enum status mem_reserve(void *array_pointer, size_t *capacity, size_t needed,
                        size_t size) MUST_USE;

// Tests only: the nth allocation from now on (1 = the next) fails, and all after it when `all`;
// 0 switches failing off. Counts over all threads.
void mem_fail_at(size_t nth, bool all);

// x * y and x + y with overflow detected: false on overflow.
bool size_mul(size_t x, size_t y, size_t *product);
bool size_add(size_t x, size_t y, size_t *sum);

#ifdef __cplusplus
}
#endif
#endif
