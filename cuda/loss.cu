#include "cuda/loss.h"

enum { LOSS_THREADS = 512 };

static __device__ double loss_block_sum(double value)
{
    __shared__ double of_warp[LOSS_THREADS / 32];
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(CUDA_ALL_LANES, value, step);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    double sum = 0.0;
    for (int w = 0; w < LOSS_THREADS / 32; w++) sum += of_warp[w];
    return sum;
}

// One block.
static __global__ void __launch_bounds__(LOSS_THREADS)
    loss_total_kernel(const float *sums, int64_t n_images, int64_t n_sums, struct loss_scale scale,
                      float *loss)
{
    double total = 0.0;
    for (int64_t image = 0; image < n_images; image++) {
        double sum = 0.0;
        for (int64_t i = threadIdx.x; i < n_sums; i += LOSS_THREADS)
            sum += (double)sums[image * n_sums + i];
        total += sum * loss_weight(&scale, image);
    }
    total = loss_block_sum(total);
    if (threadIdx.x == 0) *loss = (float)total;
}

enum status loss_total(const struct op_call *call, const float *sums, int64_t n_images,
                       int64_t n_sums, const struct loss_scale *scale, float *loss)
{
    CUDA_LAUNCH(loss_total_kernel, 1, LOSS_THREADS, 0, cuda_stream(call), sums, n_images, n_sums,
                *scale, loss);
    return cuda_check(call, "loss");
}
