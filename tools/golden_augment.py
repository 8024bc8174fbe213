#!/usr/bin/env python3
"""Writes tests/coco/golden/masks.json (annotations), masks_expected.json (what torchvision's
detection references make of their masks and boxes) and augment.json (torchvision's ColorJitter
functions on 8-bit tensors, Pillow's BILINEAR).  Needs torch, torchvision, pycocotools, Pillow; the
tests need none of them.

usage: tools/golden_augment.py"""

import json
import math
import os
import random

import numpy as np
import torch
import torchvision
from PIL import Image
from pycocotools import mask as coco_mask
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms import functional as F

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "coco", "golden")
SIZES = [(37, 29), (61, 43), (40, 64), (23, 23)]  # width, height
MIN_SIZE, MAX_SIZE = 53, 90


def pixels(width, height):
    k = np.arange(width * height * 3, dtype=np.int64)
    return ((k * k * 31 + k * 7 + k // 61) & 255).astype(np.uint8).reshape(height, width, 3)


def ring(rng, width, height, corners):
    x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
    points = []
    for i in range(corners):
        angle, radius = 2 * math.pi * i / corners, rng.uniform(0.1, 0.5) * min(width, height)
        points += [round(x + radius * math.cos(angle), 2), round(y + radius * math.sin(angle), 2)]
    return points


def uncompressed(mask):
    flat, counts, value = mask.flatten(order="F"), [], 0
    run = 0
    for pixel in flat:
        if pixel != value:
            counts.append(run)
            run, value = 0, int(pixel)
        run += 1
    return counts + [run]


def decode(segmentation, height, width):
    """convert_coco_poly_to_mask of the references, run lengths beside polygons."""
    if isinstance(segmentation, list):
        masks = coco_mask.decode(coco_mask.frPyObjects(segmentation, height, width))
        return masks.any(axis=2) if masks.ndim == 3 else masks
    if isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, height, width)
    return coco_mask.decode(segmentation)


def annotate(rng, width, height):
    first, second = ring(rng, width, height, 7), ring(rng, width, height, 5)
    noise = np.array(
        [[rng.random() < 0.5 for _ in range(width)] for _ in range(height)], dtype=np.uint8
    )
    blob = decode([ring(rng, width, height, 9)], height, width).astype(np.uint8)
    text = coco_mask.encode(np.asfortranarray(noise))["counts"].decode()
    return [
        [first],
        [first, second],
        {"size": [height, width], "counts": uncompressed(blob)},
        {"size": [height, width], "counts": text},
        {"size": [height, width], "counts": [width * height]},
    ]


def main():
    rng = random.Random(5)
    images, annotations, expected = [], [], []
    for i, (width, height) in enumerate(SIZES):
        images.append({"id": i + 1, "file_name": f"{i}.png", "width": width, "height": height})
        for segmentation in annotate(rng, width, height):
            x, y = rng.uniform(0, width * 0.6), rng.uniform(0, height * 0.6)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i + 1,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": 1,
                    "segmentation": segmentation,
                    "bbox": [round(v, 2) for v in (x, y, width * 0.3, height * 0.4)],
                }
            )
    transform = GeneralizedRCNNTransform(MIN_SIZE, MAX_SIZE, [0.0] * 3, [1.0] * 3)
    transform.training = True
    for image in images:
        width, height = image["width"], image["height"]
        mine = [a for a in annotations if a["image_id"] == image["id"]]
        for flip in (False, True):
            boxes = torch.tensor([a["bbox"] for a in mine], dtype=torch.float32)
            boxes[:, 2:] += boxes[:, :2]
            boxes[:, 0::2].clamp_(min=0, max=width)
            boxes[:, 1::2].clamp_(min=0, max=height)
            masks = torch.stack(
                [
                    torch.as_tensor(decode(a["segmentation"], height, width).astype(np.uint8))
                    for a in mine
                ]
            )
            if flip:
                boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
                masks = masks.flip(-1)
            _, target = transform.resize(
                torch.zeros(3, height, width), {"boxes": boxes, "masks": masks}
            )
            runs = [
                coco_mask.encode(np.asfortranarray(m.numpy()))["counts"].decode()
                for m in target["masks"]
            ]
            expected.append(
                {
                    "image_id": image["id"],
                    "flip": flip,
                    "size": list(target["masks"].shape[1:]),
                    "boxes": [[float(v) for v in box] for box in target["boxes"]],
                    "masks": runs,
                }
            )

    with open(os.path.join(OUT, "masks.json"), "w", encoding="ascii") as file:
        json.dump(
            {
                "images": images,
                "annotations": annotations,
                "categories": [{"id": 1, "name": "thing"}],
            },
            file,
        )
    with open(os.path.join(OUT, "masks_expected.json"), "w", encoding="ascii") as file:
        json.dump(
            {
                "made_with": {"torch": torch.__version__, "torchvision": torchvision.__version__},
                "min_size": MIN_SIZE,
                "max_size": MAX_SIZE,
                "images": expected,
            },
            file,
        )

    colors = []
    source = pixels(17, 11)
    tensor = torch.from_numpy(source).permute(2, 0, 1)
    calls = [
        ("brightness", 0.3),
        ("brightness", 1.7),
        ("contrast", 0.2),
        ("contrast", 1.9),
        ("saturation", 0.0),
        ("saturation", 1.6),
        ("hue", -0.5),
        ("hue", -0.13),
        ("hue", 0.02),
        ("hue", 0.37),
    ]
    for name, amount in calls:
        changed = getattr(F, "adjust_" + name)(tensor, amount).permute(1, 2, 0).contiguous().numpy()
        colors.append({"property": name, "amount": amount, "rgb": changed.tobytes().hex()})
    windows = []
    for (width, height), (new_width, new_height) in [
        ((17, 11), (17, 11)),
        ((17, 11), (5, 4)),
        ((31, 23), (9, 20)),
        ((31, 23), (3, 2)),
        ((12, 9), (40, 31)),
        ((40, 7), (11, 23)),
    ]:
        resized = Image.fromarray(pixels(width, height)).resize(
            (new_width, new_height), Image.BILINEAR
        )
        windows.append(
            {
                "size": [width, height],
                "new_size": [new_width, new_height],
                "rgb": resized.tobytes().hex(),
            }
        )
    nearest = []
    for n_in, n_out in [
        (2, 82),
        (2, 94),
        (3, 164),
        (7, 7),
        (9, 18),
        (100, 33),
        (64, 47),
        (333, 800),
    ]:
        line = torch.arange(n_in, dtype=torch.float32).view(1, 1, 1, n_in)
        sources = (
            torch.nn.functional.interpolate(line, size=(1, n_out), mode="nearest")
            .flatten()
            .long()
            .tolist()
        )
        nearest.append({"in": n_in, "out": n_out, "sources": sources})
    with open(os.path.join(OUT, "augment.json"), "w", encoding="ascii") as file:
        json.dump(
            {
                "made_with": {"torchvision": torchvision.__version__},
                "color_size": [17, 11],
                "colors": colors,
                "windows": windows,
                "nearest": nearest,
            },
            file,
        )


if __name__ == "__main__":
    main()
