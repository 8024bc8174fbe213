#include "eval/order.h"

#include <string.h>

#include "base/mem.h"

// One stable counting pass: from -> to, by keys[from[i]]. starts: (n_keys + 1), zeroed.
static void counting_pass(const uint32_t *keys, const uint32_t *from, uint32_t *to, size_t n,
                          size_t *starts, size_t n_keys)
{
    for (size_t i = 0; i < n; i++) starts[keys[i] + (size_t)1]++;
    for (size_t k = 0; k < n_keys; k++) starts[k + 1] += starts[k];
    for (size_t i = 0; i < n; i++) {
        uint32_t element = from ? from[i] : (uint32_t)i;
        to[starts[keys[element]]++] = element;
    }
}

enum status order_by_cell(const uint32_t *images, const uint32_t *categories, size_t n,
                          size_t n_images, size_t n_categories, uint32_t **order)
{
    if (n > UINT32_MAX) return fail(ERR_MEMORY, "%zu boxes are more than fit", n);
    uint32_t *by_category = mem_alloc(n, sizeof *by_category);
    uint32_t *by_cell = mem_alloc(n, sizeof *by_cell);
    size_t *category_starts = mem_alloc(n_categories + 1, sizeof *category_starts);
    size_t *image_starts = mem_alloc(n_images + 1, sizeof *image_starts);
    enum status status = OK;
    if (!by_category || !by_cell || !category_starts || !image_starts) {
        status = ERR_MEMORY;
        goto done;
    }
    counting_pass(categories, NULL, by_category, n, category_starts, n_categories);
    counting_pass(images, by_category, by_cell, n, image_starts, n_images);
    *order = by_cell;
    by_cell = NULL;
done:
    mem_free(by_category);
    mem_free(by_cell);
    mem_free(category_starts);
    mem_free(image_starts);
    return status;
}

static void insertion_sort(uint32_t *order, size_t n, const double *scores)
{
    for (size_t i = 1; i < n; i++) {
        uint32_t element = order[i];
        double score = scores[element];
        size_t j = i;
        for (; j > 0 && scores[order[j - 1]] < score; j--) order[j] = order[j - 1];
        order[j] = element;
    }
}

static void merge(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *to,
                  const double *scores)
{
    size_t i = 0, j = 0;
    while (i < n_a && j < n_b) *to++ = scores[b[j]] > scores[a[i]] ? b[j++] : a[i++];
    memcpy(to, a + i, (n_a - i) * sizeof *to);
    memcpy(to + (n_a - i), b + j, (n_b - j) * sizeof *to);
}

void order_by_score(uint32_t *order, size_t n, const double *scores, uint32_t *scratch)
{
    enum { RUN = 16 };
    for (size_t i = 0; i < n; i += RUN)
        insertion_sort(order + i, n - i < RUN ? n - i : RUN, scores);
    uint32_t *from = order, *to = scratch;
    for (size_t width = RUN; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            size_t n_a = n - i < width ? n - i : width;
            size_t n_b = n - i - n_a < width ? n - i - n_a : width;
            merge(from + i, n_a, from + i + n_a, n_b, to + i, scores);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order) memcpy(order, from, n * sizeof *order);
}
