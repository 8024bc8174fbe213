#include "base/arena.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/sanitizer.h"

Test(arena, objects_are_aligned_and_apart)
{
    struct arena arena;
    arena_init(&arena, &arena_host_source);
    unsigned char *last = NULL;
    for (size_t i = 1; i < 200; i++) {
        unsigned char *object = (unsigned char *)arena_alloc_zeroed(&arena, i * 37);
        cr_assert_not_null(object);
        cr_expect_eq((uintptr_t)object % 64, 0u);
        for (size_t k = 0; k < i * 37; k++) cr_assert_eq(object[k], 0);
        memset(object, (int)i, i * 37);
        if (last) cr_expect_eq(last[(i - 1) * 37 - 1], (unsigned char)(i - 1));
        last = object;
    }
    arena_free(&arena);
}

Test(arena, same_sequence_gives_same_addresses_after_reset)
{
    struct arena arena;
    void *first[3];
    arena_init(&arena, &arena_host_source);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < 3; i++) {
            void *object = arena_alloc(&arena, (i + 1) << 20);
            cr_assert_not_null(object);
            // The first reset joins chunks; from then on nothing moves.
            if (round == 1) first[i] = object;
            if (round > 1) cr_expect_eq(object, first[i]);
        }
        if (round) cr_expect_eq(arena.n_chunks, 1);
        arena_reset(&arena);
    }
    // A sanitizer's build has gaps between them.
    cr_expect(arena.peak >= (size_t)6 << 20 && arena.peak < ((size_t)6 << 20) + 1024);
    arena_free(&arena);
}

#if HAS_ADDRESS_SANITIZER
Test(arena, a_sanitizer_sees_overruns)
{
    struct arena arena;
    arena_init(&arena, &arena_host_source);
    char *object = (char *)arena_alloc(&arena, 70), *next = (char *)arena_alloc(&arena, 128);
    cr_expect(!__asan_address_is_poisoned(object + 69) && __asan_address_is_poisoned(object + 70));
    cr_expect(!__asan_address_is_poisoned(next + 127) && __asan_address_is_poisoned(next + 128));
    arena_reset(&arena);
    cr_expect(__asan_address_is_poisoned(object));
    arena_free(&arena);
}
#endif

Test(arena, refuses_absurd_sizes_and_reports_exhaustion)
{
    struct arena arena;
    arena_init(&arena, &arena_host_source);
    cr_expect_null(arena_alloc(&arena, SIZE_MAX - 10));
    mem_fail_at(1, true);
    cr_expect_null(arena_alloc(&arena, 100));
    mem_fail_at(0, false);
    cr_expect_not_null(arena_alloc(&arena, 100));
    arena_free(&arena);
}

Test(mem, sizes_overflow_into_errors)
{
    cr_expect_null(mem_alloc(SIZE_MAX / 2, 3));
    cr_expect_null(mem_alloc(1, SIZE_MAX - 8));
    void *empty = mem_alloc(0, 16);
    cr_expect_not_null(empty);
    mem_free(empty);
    mem_free(NULL);
}

Test(mem, resize_keeps_content_and_old_block_on_failure)
{
    char *block = (char *)mem_alloc(4, 1);
    memcpy(block, "abc", 4);
    mem_fail_at(1, false);
    cr_expect_null(mem_resize(block, 100, 1));
    cr_expect_str_eq(block, "abc");
    block = (char *)mem_resize(block, 1000, 1);
    cr_assert_not_null(block);
    cr_expect_str_eq(block, "abc");
    mem_free(block);
}

Test(mem, reserve_grows_by_doubling)
{
    int *array = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(mem_reserve(&array, &capacity, (size_t)i + 1, sizeof *array), OK);
        array[i] = i;
    }
    cr_expect_eq(capacity, 1024u);
    for (int i = 0; i < 1000; i++) cr_expect_eq(array[i], i);
    mem_free(array);
}
