// Images as floats: resampling and measures of likeness, for experiments with pooling layers.
#ifndef TARN_COCO_FLOAT_IMAGE_H
#define TARN_COCO_FLOAT_IMAGE_H

#include "base/status.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FLOAT_IMAGE_CHANNELS = 3 };

// Rows from the top, RGB interleaved; 1 is white.
struct float_image {
    int width, height;
    float *rgb; // height * width * 3, mem_alloc
};

enum status float_image_create(int width, int height, struct float_image *image) MUST_USE;
void float_image_free(struct float_image *image);

// The top left width x height pixels, divided by 255. The image must hold them.
enum status float_image_from(const struct image *image, int width, int height,
                             struct float_image *out) MUST_USE;

// Rounded to 8 bits; values outside 0..1 are clipped.
enum status float_image_to(const struct float_image *image, struct image *out) MUST_USE;

// k times as large: every pixel k x k times, or bilinear between pixel centres, the border's values
// beyond it (PyTorch's interpolate with align_corners = false).
enum status float_image_up_nearest(const struct float_image *image, int k,
                                   struct float_image *out) MUST_USE;
enum status float_image_up_bilinear(const struct float_image *image, int k,
                                    struct float_image *out) MUST_USE;

// 1/k of both sides, which k must divide: cubic convolution (Keys 1981, a = -1/2) stretched by k,
// so that nothing aliases; at the border the weights inside are scaled to sum 1.
enum status float_image_down_cubic(const struct float_image *image, int k,
                                   struct float_image *out) MUST_USE;

// ---- likeness; both images of one size --------------------------------------------------------

// Peak signal to noise ratio in dB for a peak of 1, over all pixels and channels; infinite for
// equal images.
double float_image_psnr(const struct float_image *a, const struct float_image *b);

// Structural similarity (Wang et al. 2004): Gaussian windows of 11x11 with deviation 1.5 that lie
// wholly inside, K1 = 0.01, K2 = 0.03, range 1, biased moments; mean over windows and channels.
// ERR_USAGE for sides below 11.
enum { SSIM_WINDOW = 11 };
enum status float_image_ssim(const struct float_image *a, const struct float_image *b,
                             double *ssim) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
