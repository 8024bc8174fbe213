#include "cuda/kept.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"

static __global__ void __launch_bounds__(CUDA_BLOCK)
    gather_rois_kernel(const float4 *boxes, const int32_t *keep, const int32_t *n_keep,
                       uint32_t n_images, uint32_t n_slots, uint32_t max_keep, float4 *rois,
                       int32_t *roi_image, int32_t *count)
{
    uint32_t i = blockIdx.x * CUDA_BLOCK + threadIdx.x, image, place;
    if (i == 0) *count = kept_total(n_keep, n_images);
    if (i >= n_images * max_keep) return;
    bool is_kept = kept_at(n_keep, n_images, i, &image, &place);
    float4 box = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if (is_kept)
        box = boxes[(size_t)image * n_slots + (uint32_t)keep[(size_t)image * max_keep + place]];
    rois[i] = box;
    roi_image[i] = is_kept ? (int32_t)image : 0;
}

enum status cuda_gather_rois_forward(const struct op_call *call)
{
    uint32_t n_images = (uint32_t)call->in[0]->shape[0], n_slots = (uint32_t)call->in[0]->shape[1];
    uint32_t max_keep = (uint32_t)call->in[1]->shape[1];
    unsigned blocks = (n_images * max_keep + CUDA_BLOCK) / CUDA_BLOCK; // one thread for the count
    CUDA_LAUNCH(gather_rois_kernel, blocks, CUDA_BLOCK, 0, cuda_stream(call),
                (const float4 *)call->in[0]->data, (const int32_t *)call->in[1]->data,
                (const int32_t *)call->in[2]->data, n_images, n_slots, max_keep,
                (float4 *)call->out[0]->data, (int32_t *)call->out[1]->data,
                (int32_t *)call->out[2]->data);
    return cuda_check(call, "gather_rois");
}
