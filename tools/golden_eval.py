#!/usr/bin/env python3
"""Writes tests/golden/eval/: small evaluation problems and pycocotools' whole tensors for them.

    tools/golden_eval.py [--output DIR] [CASE ...]

Needs numpy and pycocotools. Each case is three files: CASE.truth.json (annotations),
CASE.results.json and CASE.expected.txt with the versions, the parameters, the 12 numbers and, for
each (threshold, category, area, limit), the recall and the 101 precisions and scores as bits of
doubles, equal neighbours written once: "3ff0000000000000*4" is 1.0 four times.
"""
import argparse
import contextlib
import importlib.metadata
import io
import itertools
import json
import pathlib
import random
import struct

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SEED = 20150615


def bits(value):
    return struct.pack(">d", float(value)).hex()


def runs(values):
    return " ".join(f"{b}*{len(list(group))}" for b, group in itertools.groupby(map(bits, values)))


class Problem:
    """Annotations and results under construction."""

    def __init__(self, name):
        self.rng = random.Random(f"{SEED} {name}")
        self.images, self.categories, self.annotations, self.results = [], [], [], []

    def add_images(self, ids, width=400, height=300):
        self.images += [{"id": i, "width": width, "height": height, "file_name": f"{i}.jpg"}
                        for i in ids]

    def add_categories(self, ids):
        self.categories += [{"id": i, "name": f"class {i}"} for i in ids]

    def box(self, quantum, largest=200):
        side = lambda: max(quantum or 1, self.rng.uniform(1, largest))
        b = [self.rng.uniform(0, 300), self.rng.uniform(0, 200), side(), side()]
        return [round(v / quantum) * quantum for v in b] if quantum else [round(v, 2) for v in b]

    def annotate(self, image, category, box, **extra):
        self.annotations.append({"id": len(self.annotations) + 1, "image_id": image,
                                 "category_id": category, "bbox": box,
                                 "area": box[2] * box[3], "iscrowd": 0} | extra)

    def detect(self, image, category, box, score):
        self.results.append({"image_id": image, "category_id": category, "bbox": box,
                             "score": score})

    def near(self, box, amount, quantum):
        b = [v + self.rng.uniform(-amount, amount) * box[2 + i % 2] for i, v in enumerate(box)]
        b[2:] = [max(b[2], quantum or 1), max(b[3], quantum or 1)]
        return [round(v / quantum) * quantum for v in b] if quantum else [round(v, 3) for v in b]

    def score(self, digits):
        return round(self.rng.random(), digits)

    def fill(self, images, categories, n_objects, n_detections, quantum=8, digits=2, crowds=0.15,
             amount=0.3):
        """Random objects, detections near them and anywhere, shuffled."""
        for image, category in itertools.product(images, categories):
            for _ in range(self.rng.randint(0, n_objects)):
                box = self.box(quantum)
                area = self.rng.choice([None, None, None, 1024, 9216, 500.5, 20000])
                extra = {"iscrowd": int(self.rng.random() < crowds)}
                if area is not None:
                    extra["area"] = area
                self.annotate(image, category, box, **extra)
                if self.rng.random() < 0.1:
                    self.annotate(image, category, box)
                for _ in range(self.rng.randint(0, 3)):
                    self.detect(image, category, self.near(box, amount, quantum),
                                self.score(digits))
            for _ in range(self.rng.randint(0, n_detections)):
                self.detect(image, category, self.box(quantum), self.score(digits))
        self.rng.shuffle(self.annotations)
        self.rng.shuffle(self.results)

    def ring(self, x, y, w, h):
        """A polygon of some corners around the middle of a box."""
        n = self.rng.randint(3, 9)
        turns = sorted(self.rng.uniform(0, 2 * np.pi) for _ in range(n))
        return [round(float(v), 2) for t in turns
                for v in (x + w / 2 + w / 2 * np.cos(t) * self.rng.uniform(0.6, 1.1),
                          y + h / 2 + h / 2 * np.sin(t) * self.rng.uniform(0.6, 1.1))]

    def fill_masks(self, images, categories, height, width, n_objects, n_detections):
        """Polygons, run lengths of both kinds and crowds; detections are compressed run lengths."""
        for image, category in itertools.product(images, categories):
            for _ in range(self.rng.randint(0, n_objects)):
                box = [self.rng.uniform(-10, width), self.rng.uniform(-10, height),
                       self.rng.uniform(2, width / 2), self.rng.uniform(2, height / 2)]
                rings = [self.ring(*box) for _ in range(self.rng.choice([1, 1, 1, 2, 3]))]
                rle = mask.merge(mask.frPyObjects(rings, height, width))
                kind, crowd = self.rng.randrange(4), 0
                segmentation = rings
                if kind == 0:
                    crowd = self.rng.randint(0, 1)
                    pixels = mask.decode(rle).flatten("F").tolist()
                    counts = [len(list(g)) for _, g in itertools.groupby([0] + pixels)]
                    counts[0] -= 1
                    segmentation = {"size": [height, width], "counts": counts}
                elif kind == 1:
                    segmentation = {"size": [height, width], "counts": rle["counts"].decode()}
                area = self.rng.choice([int(mask.area(rle)), int(mask.area(rle)), 1024, 9216])
                self.annotate(image, category, [round(v, 2) for v in box], area=area, iscrowd=crowd,
                              segmentation=segmentation)
                for _ in range(self.rng.randint(0, 2)):
                    moved = [[v + self.rng.choice([0, 0, 1, 2.5]) for v in r] for r in rings]
                    self.detect_mask(image, category, moved, height, width)
            for _ in range(self.rng.randint(0, n_detections)):
                box = [self.rng.uniform(0, width), self.rng.uniform(0, height),
                       self.rng.uniform(2, width), self.rng.uniform(2, height)]
                self.detect_mask(image, category, [self.ring(*box)], height, width)
        self.rng.shuffle(self.annotations)
        self.rng.shuffle(self.results)

    def detect_mask(self, image, category, rings, height, width):
        rle = mask.merge(mask.frPyObjects(rings, height, width))
        self.results.append({"image_id": image, "category_id": category, "score": self.score(2),
                             "segmentation": {"size": [height, width],
                                              "counts": rle["counts"].decode()}})

    def truth(self):
        return {"images": self.images, "annotations": self.annotations,
                "categories": self.categories}


def ties():
    """Crowds, duplicates, quantised boxes, areas on the limits, tied scores, shuffled files."""
    p = Problem("ties")
    p.add_images([17, 3, 99, 2147483648, 5, 8, 1, 250])
    p.add_categories([90, 1, 7, 33])
    p.fill([17, 3, 99, 2147483648, 5, 8], [90, 1, 7], 5, 4)
    for image in (17, 3, 1):  # 33 has detections alone, 250 nothing, 1 detections alone
        p.detect(image, 33, p.box(8), p.score(2))
        p.detect(image, 1, p.box(8), p.score(2))
    return p, {}


def fractions():
    """Numbers with many digits; a class without detections, one without anything."""
    p = Problem("fractions")
    p.add_images(range(1, 13))
    p.add_categories([2, 4, 6])
    p.fill(range(1, 13), [2], 6, 5, quantum=0, digits=16, amount=0.15)
    for image in (1, 2, 5):
        p.annotate(image, 4, p.box(0))
    return p, {}


def recalls():
    """20 and 100 objects of a class, so that recalls fall on hundredths."""
    p = Problem("recalls")
    p.add_images(range(1, 21))
    p.add_categories([1, 2])
    for image in range(1, 21):
        p.annotate(image, 1, [10, 10, 50, 60])
        p.detect(image, 1, [10 + p.rng.randint(0, 12), 10, 50, 60], p.score(1))
        for k in range(5):
            p.annotate(image, 2, [40 * k, 0, 32, 32])
            p.detect(image, 2, [40 * k, p.rng.randint(0, 9), 32, 32], p.score(3))
            if k % 2:
                p.detect(image, 2, [40 * k + 3, 100, 32, 32], p.score(3))
    return p, {}


def limits():
    """More than 100 detections in one image and class."""
    p = Problem("limits")
    p.add_images([1, 2])
    p.add_categories([1])
    for image in (1, 2):
        for k in range(12):
            p.annotate(image, 1, [30 * k, 20, 28, 40], iscrowd=int(k == 5))
        for _ in range(130):
            k = p.rng.randint(0, 12)
            p.detect(image, 1, [30 * k + p.rng.randint(-3, 3), 20, 28, 40 + p.rng.randint(0, 8)],
                     p.score(1))
    return p, {}


def single():
    """One perfect detection: AP is one ulp below 1."""
    p = Problem("single")
    p.add_images([1])
    p.add_categories([1])
    p.annotate(1, 1, [10.5, 20.25, 100, 50])
    p.detect(1, 1, [10.5, 20.25, 100, 50], 0.5)
    return p, {}


def odd_ids():
    """Annotation ids 0 (never found) and below; objects of unknown images and categories."""
    p = Problem("odd_ids")
    p.add_images([1, 2])
    p.add_categories([1, 2])
    for image, category in itertools.product([1, 2], [1, 2]):
        for k in range(3):
            p.annotate(image, category, [50 * k, 20, 40, 40 + k])
            p.detect(image, category, [50 * k + 2, 20, 40, 40], p.score(1))
    p.annotations[0]["id"] = 0
    p.annotations[4]["id"] = -7
    p.annotate(77, 1, [0, 0, 10, 10])
    p.annotate(1, 78, [0, 0, 10, 10])
    p.detect(1, 78, [0, 0, 10, 10], 0.9)
    return p, {}


def pooled():
    """All categories as one."""
    p = Problem("pooled")
    p.add_images([4, 2, 9])
    p.add_categories([5, 3, 8])
    p.fill([4, 2, 9], [5, 3, 8], 3, 3)
    return p, {"use_categories": False}


def settings():
    """Thresholds, area ranges and limits of one's own."""
    p = Problem("settings")
    p.add_images(range(1, 7))
    p.add_categories([1, 2])
    p.fill(range(1, 7), [1, 2], 5, 6)
    return p, {"thresholds": [0.1, 0.5, 0.75, 1.0], "limits": [2, 5, 100],
               "areas": [["all", 0, 1e10], ["tiny", 0, 500], ["large", 4096, 1e5]]}


def masks():
    """Masks of every kind, crowds, areas on the limits, empty masks, masks of another size."""
    p = Problem("masks")
    height, width = 70, 90
    p.add_images([3, 1, 2, 12], width, height)
    p.add_categories([7, 5])
    p.fill_masks([3, 1, 2], [7, 5], height, width, 4, 3)
    for size, counts in [([height, width], [height * width]), ([width, height], [0, 6300]),
                         ([height, width], [0, 0, 3, 0, 97, 200, 6000])]:
        rle = mask.frPyObjects({"size": size, "counts": counts}, *size)
        p.results.append({"image_id": 3, "category_id": 7, "score": 0.99,
                          "segmentation": {"size": size, "counts": rle["counts"].decode()}})
    return p, {"type": "segm"}


def mask_limits():
    """Large masks beside small ones, all categories as one."""
    p = Problem("mask_limits")
    height, width = 240, 320
    p.add_images([1, 2], width, height)
    p.add_categories([1, 2])
    p.fill_masks([1, 2], [1, 2], height, width, 3, 2)
    return p, {"type": "segm", "use_categories": False}


def mask_boxes():
    """Results of masks alone, evaluated as boxes: the masks' boxes and areas."""
    p, _ = masks()
    p.results = [r for r in p.results if mask.area(r["segmentation"])]
    return p, {}


def rectangles():
    """Results of boxes alone, evaluated as masks."""
    p = Problem("rectangles")
    height, width = 90, 120
    p.add_images([1, 2, 3], width, height)
    p.add_categories([1, 2])
    p.fill_masks([1, 2, 3], [1, 2], height, width, 3, 0)
    p.results = []
    for a in p.annotations:
        for _ in range(2):
            p.detect(a["image_id"], a["category_id"], p.near(a["bbox"], 0.1, 0), p.score(2))
    return p, {"type": "segm"}


def duplicates():
    """Annotation ids that occur twice and thrice, in other images and classes: repeat_last."""
    p = Problem("duplicates")
    p.add_images([6, 2, 11])
    p.add_categories([2, 1])
    p.fill([6, 2, 11], [2, 1], 4, 2, crowds=0.1)
    for _ in range(len(p.annotations) // 3):
        a, b = p.rng.sample(p.annotations, 2)
        a["id"] = b["id"]
    p.annotate(77, 1, [0, 0, 10, 10], id=p.annotations[0]["id"])
    p.annotate(6, 78, [0, 0, 10, 10], id=p.annotations[1]["id"])
    return p, {}


def box_areas():
    """Results with masks and boxes, evaluated as masks: areas are the boxes' (--area-from-box)."""
    p = Problem("box_areas")
    height, width = 150, 180
    p.add_images([1, 2, 3], width, height)
    p.add_categories([1, 2])
    p.fill_masks([1, 2, 3], [1, 2], height, width, 3, 3)
    for r in p.results:
        r["bbox"] = [round(v * p.rng.uniform(0.5, 1.5), 1) for v in mask.toBbox(r["segmentation"])]
    return p, {"type": "segm"}


CASES = {f.__name__: f
         for f in (ties, fractions, recalls, limits, single, odd_ids, pooled, settings, masks,
                   mask_limits, mask_boxes, rectangles, duplicates, box_areas)}


def evaluate(truth, results, options):
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = json.loads(json.dumps(truth))
        gt.createIndex()
        dt = gt.loadRes(json.loads(json.dumps(results)))
        e = COCOeval(gt, dt, options.get("type", "bbox"))
        e.params.useCats = int(options.get("use_categories", True))
        if "thresholds" in options:
            e.params.iouThrs = np.array(options["thresholds"])
        if "limits" in options:
            e.params.maxDets = options["limits"]
        if "areas" in options:
            e.params.areaRngLbl = [a[0] for a in options["areas"]]
            e.params.areaRng = [a[1:] for a in options["areas"]]
        e.evaluate()
        e.accumulate()
        if "areas" not in options:
            e.summarize()
    return e


def expected_text(e, options):
    p = e.params
    T, R, K, A, M = e.eval["precision"].shape
    lines = [f"# pycocotools {importlib.metadata.version('pycocotools')}, numpy {np.__version__}; "
             "made by tools/golden_eval.py",
             f"type {e.params.iouType}",
             f"use_categories {int(p.useCats)}",
             "thresholds " + " ".join(map(bits, p.iouThrs)),
             "areas " + " ".join(f"{label} {bits(low)} {bits(high)}"
                                 for label, (low, high) in zip(p.areaRngLbl, p.areaRng)),
             "limits " + " ".join(map(str, p.maxDets)),
             "stats " + ("none" if "areas" in options else " ".join(map(bits, e.stats))),
             f"curves {T} {R} {K} {A} {M}"]
    for t, k, a, m in np.ndindex(T, K, A, M):
        lines.append(f"{t} {k} {a} {m} {bits(e.eval['recall'][t, k, a, m])}")
        lines.append(" " + runs(e.eval["precision"][t, :, k, a, m]))
        lines.append(" " + runs(e.eval["scores"][t, :, k, a, m]))
    return "\n".join(lines) + "\n"


def one_per_line(items):
    return "[\n" + ",\n".join(json.dumps(i, separators=(",", ":")) for i in items) + "\n]"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent / "tests/golden/eval")
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], metavar="CASE")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.cases or CASES:
        problem, options = CASES[name]()
        truth = problem.truth()
        text = expected_text(evaluate(truth, problem.results, options), options)
        (arguments.output / f"{name}.truth.json").write_text(
            "{" + ",\n".join(f'"{k}":{one_per_line(v)}' for k, v in truth.items()) + "}\n")
        (arguments.output / f"{name}.results.json").write_text(one_per_line(problem.results) + "\n")
        (arguments.output / f"{name}.expected.txt").write_text(text)
        print(name, len(truth["annotations"]), "objects,", len(problem.results), "detections")


if __name__ == "__main__":
    main()
