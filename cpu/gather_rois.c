#include <string.h>

#include "cpu/kernels.h"

enum status cpu_gather_rois_forward(const struct op_call *call)
{
    int64_t n_images = call->in[0]->shape[0], n_slots = call->in[0]->shape[1];
    int64_t max_keep = call->in[1]->shape[1];
    const float *boxes = call->in[0]->data;
    const int32_t *keep = call->in[1]->data, *n_keep = call->in[2]->data;
    float *rois = call->out[0]->data;
    int32_t *roi_image = call->out[1]->data;
    int64_t n = 0;
    for (int64_t image = 0; image < n_images; image++)
        for (int64_t k = 0; k < n_keep[image]; k++, n++) {
            int64_t slot = image * n_slots + keep[image * max_keep + k];
            memcpy(rois + 4 * n, boxes + 4 * slot, 4 * sizeof *rois);
            roi_image[n] = (int32_t)image;
        }
    *(int32_t *)call->out[2]->data = (int32_t)n;
    list_zero_beyond(call->out[0], rois, n);
    memset(roi_image + n, 0, (size_t)(n_images * max_keep - n) * sizeof *roi_image);
    return OK;
}
