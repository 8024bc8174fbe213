#include "tests/ops/kept.h"

#include <stddef.h>

void draw_kept(int32_t *keep, int32_t *n_keep, int64_t n, int64_t max_keep, int64_t n_slots)
{
    for (int64_t image = 0; image < n; image++) {
        int64_t limit = max_keep < n_slots ? max_keep : n_slots;
        int64_t kept = n == 1 ? limit : limit * image / (n - 1);
        if (n_keep) n_keep[image] = (int32_t)kept;
        for (int64_t k = 0; keep && k < max_keep; k++)
            keep[image * max_keep + k] = k < kept ? (int32_t)(n_slots - 1 - k) : -1;
    }
}
