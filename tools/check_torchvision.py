#!/usr/bin/env python3
"""Loads a checkpoint of tarn into torchvision's RetinaNet and compares detections.

    tarn detect --checkpoint C.safetensors IMAGES --output OUT --score-threshold 0.3
    tools/check_torchvision.py --checkpoint C.safetensors --images IMAGES \\
        --detections OUT/detections.json --score-threshold 0.3

Results of `tarn eval --save-results` do as well, with --annotations and the config's score
threshold (0.05). load_state_dict(strict=True) must accept the file. Every detection of either
program must have a counterpart in the other: same class, score and box within the tolerances.
Exit status 1 if not.
Needs torch, torchvision, Pillow and safetensors.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors import safe_open
from torch import nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from torchvision.ops.misc import FrozenBatchNorm2d

from golden import SoftPool

BODY_CHANNELS = {"resnet18": 512, "resnet34": 512}
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


def stem_pool(pool):
    kind = pool["type"]
    if kind == "default":
        return None
    if kind == "soft" and pool.get("beta", 1) == 1:
        return SoftPool(pool["kernel"], pool["stride"], pool["padding"])
    if kind == "max":
        return nn.MaxPool2d(pool["kernel"], pool["stride"], pool["padding"])
    sys.exit(f"torchvision has no counterpart of the stem pool {kind}")


def make_model(config, n_classes, score_threshold):
    backbone, head = config["backbone"], config["retinanet"]
    eps, groups = backbone["norm_eps"], backbone["gn_groups"]
    norm = {
        "frozen_bn": lambda channels: FrozenBatchNorm2d(channels, eps=eps),
        "bn": lambda channels: nn.BatchNorm2d(channels, eps=eps),
        "gn": lambda channels: nn.GroupNorm(groups, channels, eps=eps),
    }[backbone["norm"]]
    body = getattr(torchvision.models, backbone["type"])(weights=None, norm_layer=norm)
    if backbone["pool"]["downsample"]["type"] != "default":
        sys.exit("torchvision's ResNet has no downsample pools")
    pool = stem_pool(backbone["pool"]["stem"])
    if pool:
        body.maxpool = pool
    if backbone["stride_in_1x1"] == "true":
        for stage in (body.layer2, body.layer3, body.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    p6_in = BODY_CHANNELS.get(backbone["type"], 2048) if head["p6_from_c5"] else 256
    extractor = _resnet_fpn_extractor(
        body, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(p6_in, 256)
    )
    data = config["data"]
    return RetinaNet(
        extractor,
        n_classes,
        min_size=data["val_min_size"] or data["min_size"][-1],
        max_size=data["max_size"],
        score_thresh=score_threshold,
        nms_thresh=head["nms_threshold"],
        detections_per_img=head["max_detections"],
        topk_candidates=head["top_k"],
    )


def difference(a, b):
    """Of scores, and of corners in pixels."""
    boxes = [[x, y, x + w, y + h] for x, y, w, h in (a["bbox"], b["bbox"])]
    return abs(a["score"] - b["score"]), max(abs(p - q) for p, q in zip(*boxes))


def match(ours, theirs, tolerances):
    """Pairs each of ours with its closest counterpart; returns differences and what is left."""
    left, pairs, alone = list(theirs), [], []
    for a in ours:
        rivals = [b for b in left if b["category_id"] == a["category_id"]]
        best = min(rivals, key=lambda b: difference(a, b)[1], default=None)
        if best is None or any(d > t for d, t in zip(difference(a, best), tolerances)):
            alone.append(a)
            continue
        left.remove(best)
        pairs.append(difference(a, best))
    return pairs, alone, left


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--images", required=True, type=pathlib.Path, help="folder or file")
    parser.add_argument("--detections", required=True, help="detections.json, or results of eval")
    parser.add_argument("--annotations", help="what eval's results were computed for")
    parser.add_argument("--score-threshold", type=float, default=0.5,
                        help="as given to tarn detect")
    parser.add_argument("--score-tolerance", type=float, default=1e-4)
    parser.add_argument("--box-tolerance", type=float, default=0.05, help="pixels")
    options = parser.parse_args()

    with safe_open(options.checkpoint, "pt") as file:
        metadata = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}
    config = json.loads(metadata["tarn.config"])
    categories = {c["label"]: c["id"] for c in json.loads(metadata["tarn.classes"])}
    n_classes = state["head.classification_head.cls_logits.bias"].shape[0] // 9
    model = make_model(config, n_classes, options.score_threshold)
    model.load_state_dict(state, strict=True)
    model.eval()
    print(f"load_state_dict(strict=True): {len(state)} tensors")

    with open(options.detections, encoding="utf-8") as file:
        found = json.load(file)
    if options.annotations:
        with open(options.annotations, encoding="utf-8") as file:
            names = {image["id"]: image["file_name"] for image in json.load(file)["images"]}
        for d in found:
            d["file_name"] = names[d["image_id"]]
    images = options.images
    paths = [images] if images.is_file() else sorted(images.iterdir())
    paths = [p for p in paths if p.suffix.lower() in IMAGE_SUFFIXES]
    pairs, n_alone, n_theirs, n_left = [], 0, 0, 0
    for path in paths:
        pixels = np.array(Image.open(path).convert("RGB"))
        with torch.no_grad():
            out = model([torch.from_numpy(pixels).permute(2, 0, 1) / 255.0])[0]
        theirs = [
            {
                "category_id": categories.get(label, label),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": score,
            }
            for (x1, y1, x2, y2), score, label in zip(
                out["boxes"].tolist(), out["scores"].tolist(), out["labels"].tolist()
            )
        ]
        ours = [d for d in found if pathlib.Path(d["file_name"]).name == path.name]
        tolerances = options.score_tolerance, options.box_tolerance
        matched, alone, left = match(ours, theirs, tolerances)
        pairs += matched
        n_theirs += len(theirs)
        n_alone += len(alone)
        n_left += len(left)
        for what, entries in ("tarn", alone), ("torchvision", left):
            for d in entries:
                box = ", ".join(f"{v:.2f}" for v in d["bbox"])
                print(f"{path.name}: only {what}: {d['category_id']} {d['score']:.6f} ({box})")
    print(
        f"{len(paths)} images; detections: tarn {len(pairs) + n_alone}, torchvision {n_theirs};"
        f" without counterpart: {n_alone} and {n_left}"
    )
    if pairs:
        scores, boxes = zip(*pairs)
        print(f"largest differences: score {max(scores):.3g}, box {max(boxes):.3g} pixels")
    sys.exit(1 if n_alone or n_left else 0)


if __name__ == "__main__":
    main()
