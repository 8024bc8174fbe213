#include "eval/per_image.h"

#include "base/mem.h"
#include "eval/order.h"

enum status per_image_keep(const uint32_t *images, const double *scores, size_t n, size_t n_images,
                           size_t limit, bool *is_kept)
{
    uint32_t *order = NULL, *scratch = mem_alloc(n, sizeof *scratch); // zeroed: one category
    enum status status = OK;
    if (!scratch) return ERR_MEMORY;
    GUARD(order_by_cell(images, scratch, n, n_images, 1, &order));
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && images[order[end]] == images[order[begin]];) end++;
        order_by_score(order + begin, end - begin, scores, scratch);
        for (size_t i = begin; i < end; i++) is_kept[order[i]] = i - begin < limit;
    }
done:
    mem_free(order);
    mem_free(scratch);
    return status;
}
