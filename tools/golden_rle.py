#!/usr/bin/env python3
"""Writes tests/golden/eval/rle.txt: masks, polygons and overlaps as pycocotools computes them.

    tools/golden_rle.py [--output FILE]

Needs pycocotools. One case a line, its parts separated by blanks:
    polygon HEIGHT WIDTH N x y ...  TEXT AREA x y w h       a ring, its mask, rle_box
    union HEIGHT WIDTH RINGS N x y ... N x y ...  TEXT      rings of one object
    merge HEIGHT WIDTH TEXT TEXT  UNION INTERSECTION
    iou H W TEXT H W TEXT CROWD  VALUE                      VALUE as the bits of a double
"""
import argparse
import pathlib
import random
import struct

import numpy as np
from pycocotools import mask

SEED = 20140501


def ring(rng, height, width):
    step = rng.choice([0, 1, 0.2, 0.1, 0.5])
    margin = rng.choice([0, 0.3, 1, 20])
    points = []
    for _ in range(rng.randint(3, 10)):
        x = rng.uniform(-margin * width, (1 + margin) * width)
        y = rng.uniform(-margin * height, (1 + margin) * height)
        if step:
            x, y = round(x / step) * step, round(y / step) * step
        points += [round(x, 4), round(y, 4)]
        if rng.random() < 0.1:
            points += points[-2:]
        if rng.random() < 0.1:
            points += [points[-2], round(rng.uniform(0, height), 4)]
    return points + (points[:2] if rng.random() < 0.2 else [])


def size(rng):
    return (rng.randint(80, 300), rng.randint(80, 300)) if rng.random() < 0.03 else \
        (rng.randint(1, 40), rng.randint(1, 40))


def numbers(points):
    return f"{len(points) // 2} " + " ".join(map(repr, points))


def text(rle):
    return rle["counts"].decode()


def of_counts(counts, height, width):
    return mask.frPyObjects({"counts": counts, "size": [height, width]}, height, width)


def random_mask(rng, height, width):
    """From pixels, from a polygon, or from runs some of which are empty."""
    kind = rng.randrange(3)
    if kind == 0:
        pixels = np.random.default_rng(rng.randrange(1 << 30)).random((height, width)) < 0.5
        return mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    if kind == 1:
        return mask.frPyObjects([ring(rng, height, width)], height, width)[0]
    cuts = sorted(rng.choices(range(height * width + 1), k=rng.randint(0, 8)))
    return of_counts([b - a for a, b in zip([0] + cuts, cuts + [height * width])], height, width)


def polygon_line(rng):
    height, width = size(rng)
    points = ring(rng, height, width)
    rle = mask.frPyObjects([points], height, width)[0]
    box = " ".join(f"{v:.0f}" for v in mask.toBbox(rle))
    return f"polygon {height} {width} {numbers(points)} {text(rle)} {mask.area(rle)} {box}"


def union_line(rng):
    height, width = size(rng)
    rings = [ring(rng, height, width) for _ in range(rng.randint(2, 4))]
    rle = mask.merge(mask.frPyObjects(rings, height, width))
    return f"union {height} {width} {len(rings)} {' '.join(map(numbers, rings))} {text(rle)}"


def merge_line(rng):
    height, width = size(rng)
    pixels = [mask.encode(mask.decode(random_mask(rng, height, width))) for _ in range(2)]
    return (f"merge {height} {width} {text(pixels[0])} {text(pixels[1])} "
            f"{text(mask.merge(pixels))} {text(mask.merge(pixels, intersect=True))}")


def iou_line(rng):
    height, width = size(rng)
    a = random_mask(rng, height, width)
    if rng.random() < 0.1:
        height, width = width, height + rng.randint(0, 1)
    b = random_mask(rng, height, width)
    crowd = rng.randint(0, 1)
    bits = struct.pack(">d", mask.iou([a], [b], [crowd])[0][0]).hex()
    return (f"iou {a['size'][0]} {a['size'][1]} {text(a)} {height} {width} {text(b)} "
            f"{crowd} {bits}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent / "tests/golden/eval/rle.txt")
    arguments = parser.parse_args()
    rng = random.Random(SEED)
    lines = [line(rng) for line, count in [(polygon_line, 200), (union_line, 50),
                                           (merge_line, 60), (iou_line, 200)]
             for _ in range(count)]
    arguments.output.write_text("\n".join(lines) + "\n")
    print(len(lines), "cases")


if __name__ == "__main__":
    main()
