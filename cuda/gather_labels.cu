#include "cuda/kept.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"

static __global__ void __launch_bounds__(CUDA_BLOCK)
    gather_labels_kernel(const int32_t *labels, const int32_t *keep, const int32_t *n_keep,
                         uint32_t n_images, uint32_t n_slots, uint32_t max_keep,
                         int32_t *roi_labels)
{
    uint32_t i = blockIdx.x * CUDA_BLOCK + threadIdx.x, image, place;
    if (i >= n_images * max_keep) return;
    int32_t label = 0;
    if (kept_at(n_keep, n_images, i, &image, &place))
        label = labels[(size_t)image * n_slots + (uint32_t)keep[(size_t)image * max_keep + place]];
    roi_labels[i] = label;
}

enum status cuda_gather_labels_forward(const struct op_call *call)
{
    uint32_t n_images = (uint32_t)call->in[0]->shape[0], n_slots = (uint32_t)call->in[0]->shape[1];
    uint32_t max_keep = (uint32_t)call->in[1]->shape[1];
    unsigned blocks = cuda_blocks((size_t)n_images * max_keep);
    if (blocks == 0) return OK;
    CUDA_LAUNCH(gather_labels_kernel, blocks, CUDA_BLOCK, 0, cuda_stream(call),
                (const int32_t *)call->in[0]->data, (const int32_t *)call->in[1]->data,
                (const int32_t *)call->in[2]->data, n_images, n_slots, max_keep,
                (int32_t *)call->out[0]->data);
    return cuda_check(call, "gather_labels");
}
