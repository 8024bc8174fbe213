#include "base/resize.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"

// Blocks: row of the canvas, image. What a byte stands for is looked up.
static __global__ void __launch_bounds__(CUDA_BLOCK)
    resize_images_kernel(float *images, const uint8_t *pixels, const int32_t *places, int width)
{
    __shared__ float normal[3][256];
    const int32_t *place = places + (size_t)blockIdx.y * N_PLACE;
    int y = (int)blockIdx.x, old_width = place[PLACE_WIDTH], new_width = place[PLACE_NEW_WIDTH];
    int used = y < place[PLACE_NEW_HEIGHT] ? new_width : 0;
    float *to = images + 3 * ((size_t)blockIdx.y * gridDim.x + blockIdx.x) * width;
    for (int i = (int)threadIdx.x; i < 3 * 256; i += CUDA_BLOCK)
        normal[i / 256][i % 256] = resize_normal(i % 256, i / 256);
    __syncthreads();
    for (int i = 3 * used + (int)threadIdx.x; i < 3 * width; i += CUDA_BLOCK) to[i] = 0.0f;
    if (used == 0) return;
    uint64_t start = (uint64_t)(uint32_t)place[PLACE_START_HIGH] << 32 |
                     (uint32_t)place[PLACE_START_LOW];
    struct resize_tap down = resize_tap_at(y, place[PLACE_HEIGHT], place[PLACE_NEW_HEIGHT]);
    const uint8_t *upper = pixels + start + (size_t)down.first * 3 * old_width;
    const uint8_t *lower = pixels + start + (size_t)down.second * 3 * old_width;
    for (int x = (int)threadIdx.x; x < used; x += CUDA_BLOCK) {
        struct resize_tap tap = resize_tap_at(x, old_width, new_width);
        int first = 3 * (place[PLACE_FLIP] ? old_width - 1 - tap.first : tap.first);
        int second = 3 * (place[PLACE_FLIP] ? old_width - 1 - tap.second : tap.second);
#pragma unroll
        for (int c = 0; c < 3; c++) {
            float above = resize_blend(normal[c][upper[first + c]], normal[c][upper[second + c]],
                                       tap.weight);
            float below = resize_blend(normal[c][lower[first + c]], normal[c][lower[second + c]],
                                       tap.weight);
            to[3 * x + c] = resize_blend(above, below, down.weight);
        }
    }
}

enum status cuda_resize_images_forward(const struct op_call *call)
{
    const struct tensor *images = call->out[0];
    if (tensor_count(images) == 0) return OK;
    dim3 grid((unsigned)images->shape[1], (unsigned)images->shape[0]);
    CUDA_LAUNCH(resize_images_kernel, grid, CUDA_BLOCK, 0, cuda_stream(call),
                (float *)images->data, (const uint8_t *)call->in[0]->data,
                (const int32_t *)call->in[1]->data, (int)images->shape[2]);
    return cuda_check(call, "resize_images");
}
