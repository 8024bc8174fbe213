#!/usr/bin/env python3
"""Makes a set of the shape of COCO's val2017 to time and compare evaluators on: truth.json,
boxes.json and masks.json (results). Needs numpy and pycocotools.

5,000 images, 36,781 objects of 80 classes (30 % of one class), 100 results an image. About two
results an object lie near it, mostly with its class; the others are anywhere. Objects have polygons
of one to three rings, crowds (1.2 %) have uncompressed run lengths; results are compressed run
lengths. Coordinates have two decimals and scores five.

--hard makes a set of rare cases instead: 15 % crowds, repeated objects, boxes on a grid of 8
pixels, areas on the limits of small, medium and large, scores of two decimals (many ties), three
classes without objects, files shuffled.
"""
import argparse
import json
import pathlib

import numpy as np
from pycocotools import mask

SIZES = [(480, 640), (640, 480), (427, 640), (640, 427), (500, 375), (375, 500)]


class Maker:
    def __init__(self, arguments):
        self.hard = arguments.hard
        self.rng = np.random.default_rng(arguments.seed)
        self.n_images = arguments.images
        self.n_objects = arguments.objects
        self.per_image = arguments.results
        ids = np.sort(self.rng.choice(580000, self.n_images, replace=False)) + 1
        self.images = [{"id": int(i), "width": SIZES[k][1], "height": SIZES[k][0],
                        "file_name": f"{i:012d}.jpg"}
                       for i, k in zip(ids, self.rng.choice(len(SIZES), self.n_images,
                                                            p=[.4, .15, .2, .1, .1, .05]))]
        self.classes = [i for i in range(1, 91) if i not in
                        (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
        weights = 1 / (np.arange(80) + 6.0)
        weights[0] = weights[1:].sum() * 0.3 / 0.7
        if self.hard:
            weights[-3:] = 0
        self.weights = weights / weights.sum()

    def place(self, width, height):
        """A box: sides spread evenly over scales from 6 pixels to most of the image."""
        w, h = np.exp(self.rng.uniform(np.log(6), np.log([0.9 * width, 0.9 * height])))
        box = [self.rng.uniform(0, width - w), self.rng.uniform(0, height - h), w, h]
        return self.finish(box)

    def near(self, box):
        x, y, w, h = box
        spread = self.rng.choice([0.02, 0.08, 0.3])
        dx, dy, dw, dh = self.rng.normal(0, spread, 4)
        return self.finish([x + dx * w, y + dy * h, w * np.exp(dw), h * np.exp(dh)])

    def finish(self, box):
        if self.hard:
            box = [8 * round(v / 8) for v in box]
            return [box[0], box[1], max(box[2], 8), max(box[3], 8)]
        return [round(float(v), 2) for v in box[:2]] + [max(round(float(v), 2), 1) for v in box[2:]]

    def rings(self, box, shape):
        """Rings around the middle of a box; a shape is drawn once for an object."""
        x, y, w, h = box
        return [[round(float(v), 2) for p in zip(x + w * px, y + h * py) for v in p]
                for px, py in shape]

    def shape(self, at_most):
        result = []
        for _ in range(self.rng.choice([1, 2, 3], p=[.88, .09, .03])):
            n = int(self.rng.integers(8, at_most))
            turn = np.sort(self.rng.uniform(0, 2 * np.pi, n))
            radius = 0.5 * self.rng.uniform(0.75, 1.0, n)
            result.append((0.5 + radius * np.cos(turn), 0.5 + radius * np.sin(turn)))
        return result

    def rle(self, rings, image):
        return mask.merge(mask.frPyObjects(rings, image["height"], image["width"]))

    def annotate(self, image, category, box, shape, crowd):
        rings = self.rings(box, shape)
        rle = self.rle(rings, image)
        area = float(mask.area(rle))
        if self.hard and self.rng.random() < 0.2:
            area = float(self.rng.choice([1024, 9216]))
        segmentation = rings
        if crowd:
            pixels = mask.decode(rle).flatten("F")
            changes = np.flatnonzero(np.diff(np.concatenate([[0], pixels])))
            counts = np.diff(np.concatenate([[0], changes, [pixels.size]]))
            segmentation = {"counts": counts.tolist(), "size": rle["size"]}
        return {"segmentation": segmentation, "area": area, "iscrowd": int(crowd),
                "image_id": image["id"], "bbox": box, "category_id": category}

    def results_of(self, image, annotations, shapes):
        """(category, box, shape, score) of an image's results."""
        found = []
        for annotation, shape in zip(annotations, shapes):
            for _ in range(self.rng.integers(1, 4)):
                category = annotation["category_id"]
                if self.rng.random() < 0.15:
                    category = self.classes[self.rng.integers(80)]
                found.append((category, self.near(annotation["bbox"]), shape,
                              self.rng.beta(2, 2)))
        while len(found) < self.per_image:
            category = self.classes[self.rng.choice(80, p=self.weights)]
            if self.rng.random() < 0.5:
                category = self.classes[self.rng.integers(80)]
            found.append((category, self.place(image["width"], image["height"]), self.shape(24),
                          self.rng.beta(1, 8)))
        return found[:self.per_image]

    def make(self, folder):
        counts = self.rng.multinomial(self.n_objects, self.rng.dirichlet([0.9] * self.n_images))
        crowds = 0.15 if self.hard else 0.012
        annotations, boxes, masks = [], [], []
        for image, count in zip(self.images, counts):
            own, shapes = [], []
            for _ in range(count):
                box = self.place(image["width"], image["height"])
                category = self.classes[self.rng.choice(80, p=self.weights)]
                shape = self.shape(45)
                if self.hard and own and self.rng.random() < 0.1:
                    box, shape, category = own[-1]["bbox"], shapes[-1], own[-1]["category_id"]
                own.append(self.annotate(image, category, box, shape,
                                         self.rng.random() < crowds))
                shapes.append(shape)
            annotations += own
            for category, box, shape, score in self.results_of(image, own, shapes):
                head = {"image_id": image["id"], "category_id": category}
                score = round(float(score), 2 if self.hard else 5)
                rle = self.rle(self.rings(box, shape), image)
                rle["counts"] = rle["counts"].decode()
                boxes.append(head | {"bbox": box, "score": score})
                masks.append(head | {"segmentation": rle, "score": score})
        if self.hard:
            for part in (annotations, boxes, masks):
                self.rng.shuffle(part)
        for i, annotation in enumerate(annotations):
            annotation["id"] = 1000 + 7 * i
        truth = {"images": self.images, "annotations": annotations,
                 "categories": [{"id": i, "name": f"class {i}"} for i in self.classes]}
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in (("truth", truth), ("boxes", boxes), ("masks", masks)):
            with open(folder / f"{name}.json", "w") as file:
                json.dump(value, file)
        print(f"{folder}: {len(self.images)} images, {len(annotations)} objects, "
              f"{len(boxes)} results")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--objects", type=int, default=36781)
    parser.add_argument("--results", type=int, default=100, help="of each image")
    parser.add_argument("--seed", type=int, default=2017)
    parser.add_argument("--hard", action="store_true", help="a set of rare cases")
    arguments = parser.parse_args()
    Maker(arguments).make(arguments.output)


if __name__ == "__main__":
    main()
