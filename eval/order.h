// Stable orders as index arrays.
#ifndef TARN_EVAL_ORDER_H
#define TARN_EVAL_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// *order: (n) indices of the elements by image, then category, then position; mem_alloc.
// Keys are below n_images and n_categories. ERR_MEMORY also for n >= 2^32.
enum status order_by_cell(const uint32_t *images, const uint32_t *categories, size_t n,
                          size_t n_images, size_t n_categories, uint32_t **order) MUST_USE;

// Sorts order[0..n) by descending scores[order[i]]; equal ones keep their sequence. scratch: (n).
void order_by_score(uint32_t *order, size_t n, const double *scores, uint32_t *scratch);

#ifdef __cplusplus
}
#endif
#endif
