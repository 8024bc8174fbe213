#include "detect/batch_check.h"

#include <math.h>

enum status batch_check(const struct batch *batch, int first_label, int n_classes)
{
    for (int i = 0; i < batch->n; i++) {
        long long id = (long long)batch->image_ids[i];
        int count = batch->counts[i];
        if (count < 0 || count > batch->max_objects)
            return fail(ERR_DATA, "image %lld has %d objects, the batch holds %d", id, count,
                        batch->max_objects);
        for (int k = 0; k < count; k++) {
            size_t slot = (size_t)i * (size_t)batch->max_objects + (size_t)k;
            int label = batch->labels[slot];
            if (label < first_label || label >= n_classes)
                return fail(ERR_DATA,
                            "image %lld, object %d: label %d, but the model has classes %d to %d",
                            id, k, label, first_label, n_classes - 1);
            const float *b = batch->boxes + 4 * slot;
            bool finite = isfinite(b[0]) && isfinite(b[1]) && isfinite(b[2]) && isfinite(b[3]);
            if (!finite || !(b[2] > b[0]) || !(b[3] > b[1]))
                return fail(ERR_DATA, "image %lld, object %d: the box (%g, %g, %g, %g) has no area",
                            id, k, (double)b[0], (double)b[1], (double)b[2], (double)b[3]);
        }
    }
    return OK;
}
