#!/usr/bin/env python3
"""Loads a RetinaNet checkpoint of tarn into torchvision's model, strictly, and compares detections.

    tarn eval --checkpoint C --images DIR --annotations GT.json --save-results R.json
    tools/check_torchvision.py C R.json --images DIR --annotations GT.json [--limit N]

Needs torch, torchvision and safetensors. Images are decoded by Pillow; its pixels are libjpeg's own,
as tarn's are. Prints, over the images, the largest differences between detections of one class that overlap
(IoU >= 0.9), and how many have no partner. Ends with status 1 when one with a score of 0.1 or more has none,
or a score differs by more than 1e-4."""
import argparse
import json
import sys

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torchvision.models import resnet
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops import FrozenBatchNorm2d, box_iou
from torchvision.ops.feature_pyramid_network import LastLevelP6P7


def build(config, n_classes):
    norm = {"frozen_bn": FrozenBatchNorm2d, "bn": torch.nn.BatchNorm2d}[config["backbone"]["norm"]]
    body = getattr(resnet, config["backbone"]["type"])(weights=None, norm_layer=norm)
    backbone = _resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4],
                                     extra_blocks=LastLevelP6P7(256, 256))
    data = config["data"]
    size = data["val_min_size"] or data["min_size"][-1]
    return RetinaNet(backbone, n_classes, min_size=size, max_size=data["max_size"]).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("results")
    parser.add_argument("--images", required=True)
    parser.add_argument("--annotations", required=True)
    parser.add_argument("--limit", type=int, default=1000000)
    options = parser.parse_args()

    with safe_open(options.checkpoint, "pt") as file:
        metadata = file.metadata()
    config = json.loads(metadata[next(k for k in metadata if k.endswith("config"))])
    state = load_file(options.checkpoint)
    n_classes = state["head.classification_head.cls_logits.bias"].numel() // 9
    model = build(config, n_classes)
    model.load_state_dict(state, strict=True)
    print(f"load_state_dict(strict=True): {len(state)} tensors")

    truth = json.load(open(options.annotations))
    categories = sorted(c["id"] for c in truth["categories"])
    ours = {}
    for r in json.load(open(options.results)):
        ours.setdefault(r["image_id"], []).append(r)
    worst = {"score": 0.0, "box": 0.0}
    n_pairs = n_single = n_single_sure = 0
    for image in sorted(truth["images"], key=lambda i: i["id"])[:options.limit]:
        pixels = np.asarray(Image.open(f"{options.images}/{image['file_name']}").convert("RGB"))
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
        with torch.no_grad():
            theirs = model([tensor])[0]
        mine = ours.get(image["id"], [])
        boxes = torch.tensor([r["bbox"] for r in mine], dtype=torch.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        iou = box_iou(boxes, theirs["boxes"].double())
        labels = torch.tensor([categories.index(r["category_id"]) + 1 for r in mine])
        iou[labels[:, None] != theirs["labels"][None, :]] = 0
        scores = torch.tensor([r["score"] for r in mine])
        # Of several overlapping candidates the partner is the one of the nearest score.
        cost = torch.where(iou >= 0.9, (scores[:, None] - theirs["scores"][None, :]).abs(), 9.0)
        free = torch.ones(len(theirs["scores"]), dtype=torch.bool)
        for i in range(len(mine)):
            j = int(torch.where(free, cost[i], 9.0).argmin()) if free.any() else -1
            if j < 0 or not free[j] or cost[i, j] > 1:
                n_single += 1
                n_single_sure += bool(scores[i] >= 0.1)
                continue
            free[j] = False
            n_pairs += 1
            worst["score"] = max(worst["score"], float(cost[i, j]))
            worst["box"] = max(worst["box"], float((boxes[i] - theirs["boxes"][j]).abs().max()))
        n_single += int(free.sum())
        n_single_sure += int((theirs["scores"][free] >= 0.1).sum())
    print(f"{n_pairs} pairs; largest difference of a score {worst['score']:.2e}, "
          f"of a coordinate {worst['box']:.2e} pixels")
    print(f"{n_single} without partner, {n_single_sure} of them with a score of 0.1 or more")
    return 1 if n_single_sure or worst["score"] > 1e-4 else 0


if __name__ == "__main__":
    sys.exit(main())
