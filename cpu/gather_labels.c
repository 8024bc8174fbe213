#include <string.h>

#include "cpu/kernels.h"

enum status cpu_gather_labels_forward(const struct op_call *call)
{
    int64_t n_images = call->in[0]->shape[0], n_slots = call->in[0]->shape[1];
    int64_t max_keep = call->in[1]->shape[1], n = 0;
    const int32_t *labels = call->in[0]->data, *keep = call->in[1]->data;
    const int32_t *n_keep = call->in[2]->data;
    int32_t *roi_labels = call->out[0]->data;
    for (int64_t image = 0; image < n_images; image++)
        for (int64_t k = 0; k < n_keep[image]; k++)
            roi_labels[n++] = labels[image * n_slots + keep[image * max_keep + k]];
    memset(roi_labels + n, 0, (size_t)(n_images * max_keep - n) * sizeof *roi_labels);
    return OK;
}
