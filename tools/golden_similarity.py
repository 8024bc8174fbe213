#!/usr/bin/env python3
"""Makes tests/coco/golden/similarity.txt: SSIM and PSNR as scikit-image computes them, and the
resampling of images as torch does it.  Needs numpy, scikit-image and torch; the tests do not.

    python3 tools/golden_similarity.py

Lines "measure WIDTH HEIGHT LEVEL SSIM PSNR" compare picture(shift 0) with itself plus LEVEL times
picture(shift 1); "resample KIND K WIDTH HEIGHT" is followed by a resampled picture's values."""
import os

import numpy as np
import skimage
import torch
import torch.nn.functional as F
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "coco", "golden",
                   "similarity.txt")


MEASURED = [(11, 11, .1), (19, 13, .5), (40, 33, .02), (64, 48, 1), (24, 70, 0)]
RESAMPLED = [("nearest", 2, 4, 3), ("bilinear", 2, 5, 3), ("bilinear", 5, 3, 4),
             ("cubic", 2, 14, 10), ("cubic", 3, 15, 12), ("cubic", 5, 10, 10)]


def picture(width, height, shift):
    """Blocks of 3x3 pixels of one colour, in float32."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    x, y = (x + shift) // 3, (y + shift) // 3
    values = (37 * x + 101 * y + 59 * c + 7 * x * y) % 256
    return values.astype(np.float32) / np.float32(255)


def resample(image, kind, k):
    x = torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]
    if kind == "nearest":
        y = F.interpolate(x, scale_factor=k, mode="nearest")
    elif kind == "bilinear":
        y = F.interpolate(x, scale_factor=k, mode="bilinear", align_corners=False)
    else:
        size = (image.shape[0] // k, image.shape[1] // k)
        y = F.interpolate(x, size=size, mode="bicubic", align_corners=False, antialias=True)
    return y[0].permute(1, 2, 0).numpy()


def main():
    lines = [f"# scikit-image {skimage.__version__}, torch {torch.__version__.split('+')[0]}"]
    for width, height, level in MEASURED:
        a = picture(width, height, 0)
        b = (a + np.float32(level) * picture(width, height, 1)).astype(np.float32)
        ssim = structural_similarity(a.astype(np.float64), b.astype(np.float64), data_range=1.0,
                                     gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                     K1=0.01, K2=0.03, channel_axis=2)
        with np.errstate(divide="ignore"):
            psnr = peak_signal_noise_ratio(a.astype(np.float64), b.astype(np.float64),
                                           data_range=1.0)
        lines.append(f"measure {width} {height} {level} {ssim:.12g} {psnr:.12g}")
    for kind, k, width, height in RESAMPLED:
        lines.append(f"resample {kind} {k} {width} {height}")
        values = resample(picture(width, height, 0), kind, k).ravel()
        for i in range(0, len(values), 9):
            lines.append(" ".join(f"{v:.8g}" for v in values[i:i + 9]))
    with open(OUT, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


main()
