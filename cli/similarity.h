// How much of an image is left after pooling: SSIM and PSNR (SoftPool's tables 1 and 3).
#ifndef TARN_CLI_SIMILARITY_H
#define TARN_CLI_SIMILARITY_H

#include "base/file.h"
#include "cli/pool_choice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum similarity_protocol {
    SIMILARITY_UP,   // the pooled image enlarged, nearest and bilinear, against the original
    SIMILARITY_DOWN, // the pooled image against the original reduced by cubic convolution
};
enum { SIMILARITY_VIEWS = 2 }; // UP: nearest, bilinear; DOWN has one

struct similarity_job {
    struct path_list images;
    const long *kernels;
    int n_kernels;
    enum similarity_protocol protocol;
    bool draws; // random pools draw; otherwise they do what they do in evaluation
    uint64_t seed;
    const struct pool_choice *pools;
    int n_pools;
};

// Means over images of one pool and kernel.
struct similarity {
    bool is_refused; // the pool does not have this kernel
    double ssim[SIMILARITY_VIEWS], psnr[SIMILARITY_VIEWS];
};

// results[pool * n_kernels + kernel]. Images are cropped at the right and the bottom to multiples
// of the kernel. ERR_USAGE names an image that is too small.
enum status similarity_measure(const struct similarity_job *job,
                               struct similarity *results) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
