#!/usr/bin/env python3
"""Loads a checkpoint of tarn into torchvision's model of its kind (RetinaNet, Faster or Mask R-CNN)
and compares detections.

    tarn detect --checkpoint C.safetensors IMAGES --output OUT --score-threshold 0.3
    tools/check_torchvision.py --checkpoint C.safetensors --images IMAGES \\
        --detections OUT/detections.json --score-threshold 0.3

Results of `tarn eval --save-results` do as well, with --annotations and the config's score
threshold (0.05). load_state_dict(strict=True) must accept the file. Every detection of either
program must have a counterpart in the other: same class, score and box within the tolerances, and
masks that overlap by --mask-iou. Exit status 1 if not.
Needs torch, torchvision, Pillow and safetensors, for masks pycocotools.
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
from torchvision.models.detection import FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from torchvision.ops.misc import FrozenBatchNorm2d

from golden import SoftPool

BODY_CHANNELS = {"resnet18": 512, "resnet34": 512}
N_CLASSES_OF = {  # parameter, and its rows for each class
    "retinanet": ("head.classification_head.cls_logits.bias", 9),
    "faster_rcnn": ("roi_heads.box_predictor.cls_score.bias", 1),
    "mask_rcnn": ("roi_heads.box_predictor.cls_score.bias", 1),
}
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


def make_body(config):
    backbone = config["backbone"]
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
    return body


def make_retinanet(config, n_classes, score_threshold, sizes):
    head = config["retinanet"]
    p6_in = BODY_CHANNELS.get(config["backbone"]["type"], 2048) if head["p6_from_c5"] else 256
    extractor = _resnet_fpn_extractor(
        make_body(config), 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(p6_in, 256)
    )
    return RetinaNet(
        extractor,
        n_classes,
        score_thresh=score_threshold,
        nms_thresh=head["nms_threshold"],
        detections_per_img=head["max_detections"],
        topk_candidates=head["top_k"],
        **sizes,
    )


def make_rcnn(config, n_classes, score_threshold, sizes):
    rpn, roi, has_masks = config["rpn"], config["roi"], config["model"]["type"] == "mask_rcnn"
    if roi["aligned"] or roi["class_agnostic"] or (has_masks and config["mask"]["class_agnostic"]):
        sys.exit("torchvision's model has neither aligned RoIs nor class-agnostic heads")
    if has_masks and config["mask"]["paste"] != "integer":
        sys.exit("torchvision's model pastes masks by whole pixels only")
    ratio, levels = roi["sampling_ratio"], ["0", "1", "2", "3"]
    masks = {"mask_roi_pool": MultiScaleRoIAlign(levels, 14, ratio)} if has_masks else {}
    return (MaskRCNN if has_masks else FasterRCNN)(
        _resnet_fpn_extractor(make_body(config), 5),
        n_classes,
        rpn_anchor_generator=AnchorGenerator(
            tuple((size,) for size in rpn["anchor_sizes"]), ((0.5, 1.0, 2.0),) * 5
        ),
        rpn_pre_nms_top_n_test=rpn["top_k"],
        rpn_post_nms_top_n_test=rpn["keep"],
        rpn_nms_thresh=rpn["nms_threshold"],
        box_roi_pool=MultiScaleRoIAlign(levels, 7, ratio),
        box_score_thresh=score_threshold,
        box_nms_thresh=roi["nms_threshold"],
        box_detections_per_img=roi["max_detections"],
        **masks,
        **sizes,
    )


def make_model(config, n_classes, score_threshold):
    data = config["data"]
    if config["model"].get("anchors", "torchvision") != "torchvision":
        sys.exit("torchvision's anchors are rounded")
    sizes = {
        "min_size": data["val_min_size"] or data["min_size"][-1], "max_size": data["max_size"]
    }
    make = make_retinanet if config["model"]["type"] == "retinanet" else make_rcnn
    return make(config, n_classes, score_threshold, sizes)


def mask_overlap(a, b):
    """Of an entry's run lengths with another's; 1 where there are no masks."""
    if "segmentation" not in a:
        return 1.0
    from pycocotools import mask

    return float(mask.iou([a["segmentation"]], [b["segmentation"]], [0])[0, 0])


def with_mask(entry, soft):
    if soft is None:
        return entry
    from pycocotools import mask

    runs = mask.encode(np.asfortranarray((soft[0] > 0.5).numpy().astype(np.uint8)))
    return entry | {"segmentation": runs}


def difference(a, b):
    """Of scores, and of corners in pixels."""
    boxes = [[x, y, x + w, y + h] for x, y, w, h in (a["bbox"], b["bbox"])]
    return abs(a["score"] - b["score"]), max(abs(p - q) for p, q in zip(*boxes))


def match(ours, theirs, tolerances, mask_iou):
    """Pairs each of ours with its closest counterpart; returns differences and what is left."""
    left, pairs, alone = list(theirs), [], []
    for a in ours:
        rivals = [b for b in left if b["category_id"] == a["category_id"]]
        best = min(rivals, key=lambda b: difference(a, b)[1], default=None)
        if best is None or any(d > t for d, t in zip(difference(a, best), tolerances)):
            alone.append(a)
            continue
        iou = mask_overlap(a, best)
        if iou < mask_iou:
            alone.append(a)
            continue
        # By identity: run lengths are bytes there and text here.
        left = [b for b in left if b is not best]
        pairs.append((*difference(a, best), iou))
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
    parser.add_argument("--mask-iou", type=float, default=0.999)
    options = parser.parse_args()

    with safe_open(options.checkpoint, "pt") as file:
        metadata = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}
    config = json.loads(metadata["tarn.config"])
    categories = {c["label"]: c["id"] for c in json.loads(metadata["tarn.classes"])}
    state.pop("head.loss_normalizer", None)  # of training alone
    name, per_class = N_CLASSES_OF[config["model"]["type"]]
    n_classes = state[name].shape[0] // per_class
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
        soft = out.get("masks", [None] * len(out["scores"]))
        theirs = [
            with_mask({
                "category_id": categories.get(label, label),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": score,
            }, mask)
            for (x1, y1, x2, y2), score, label, mask in zip(
                out["boxes"].tolist(), out["scores"].tolist(), out["labels"].tolist(), soft
            )
        ]
        ours = [d for d in found if pathlib.Path(d["file_name"]).name == path.name]
        tolerances = options.score_tolerance, options.box_tolerance
        matched, alone, left = match(ours, theirs, tolerances, options.mask_iou)
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
        scores, boxes, ious = zip(*pairs)
        print(f"largest differences: score {max(scores):.3g}, box {max(boxes):.3g} pixels;"
              f" least overlap of masks {min(ious):.6f}")
    sys.exit(1 if n_alone or n_left else 0)


if __name__ == "__main__":
    main()
