#include "cpu/smallest.h"

#include <stdlib.h>

static void swap(uint64_t *a, uint64_t *b)
{
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

// Quickselect (Hoare): the smallest k come to stand in front.
static void select_front(uint64_t *keys, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t low = 0, high = n - 1;
    while (low < high) {
        uint64_t pivot = keys[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (keys[i] < pivot) i++;
            while (keys[j] > pivot) j--;
            if (i <= j) swap(&keys[i++], &keys[j--]);
        }
        if (k - 1 <= j)
            high = j;
        else if (k - 1 >= i)
            low = i;
        else
            return;
    }
}

void smallest_shrink(struct smallest *s)
{
    if (s->n <= s->keep) return;
    select_front(s->keys, (ptrdiff_t)s->n, (ptrdiff_t)s->keep);
    s->n = s->keep;
    uint64_t largest = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->keys[i] > largest) largest = s->keys[i];
    s->limit = largest;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void smallest_sort(struct smallest *s)
{
    smallest_shrink(s);
    qsort(s->keys, s->n, sizeof *s->keys, ascending);
}

void smallest_merge(struct smallest *s, const struct smallest *other)
{
    for (size_t i = 0; i < other->n; i++) smallest_add(s, other->keys[i]);
}
