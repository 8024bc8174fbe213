#!/usr/bin/env python3
"""Times torchvision's detectors and classifiers on the CPU: the forward pass, or a training step.

Random weights and pixels, no resizing, so that it does the work that `tarn bench model` does:
RetinaNet without post-processing; Faster and Mask R-CNN with proposals, the heads on 1000 and 100
made-up RoIs an image, and the selection of detections, but without pasting masks; a classifier with
trained batch norm. Prints one JSON object with every time in seconds. tools/bench_compare.sh runs
the two in turn.
"""
import argparse
import json
import time

import torch
import torchvision
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FasterRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNN
from torchvision.models.detection.retinanet import RetinaNet
from torchvision.models.detection.roi_heads import maskrcnn_inference
from torchvision.ops.feature_pyramid_network import LastLevelP6P7


def build(model, backbone, classes):
    if model == "classifier":
        return torchvision.models.get_model(backbone, weights=None, num_classes=classes)
    if model != "retinanet":
        body = resnet_fpn_backbone(backbone_name=backbone, weights=None, trainable_layers=3)
        return {"faster_rcnn": FasterRCNN, "mask_rcnn": MaskRCNN}[model](body, classes)
    body = resnet_fpn_backbone(
        backbone_name=backbone, weights=None, trainable_layers=3, returned_layers=[2, 3, 4],
        extra_blocks=LastLevelP6P7(256, 256))
    sizes = tuple((x, int(x * 2 ** (1 / 3)), int(x * 2 ** (2 / 3)))
                  for x in [32, 64, 128, 256, 512])
    anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))
    return RetinaNet(body, classes, anchor_generator=anchors)


def ellipses(boxes, height, width):
    y = torch.arange(height)[:, None] + 0.5
    x = torch.arange(width)[None, :] + 0.5
    masks = []
    for x1, y1, x2, y2 in boxes.tolist():
        dx, dy = (2 * x - x1 - x2) / (x2 - x1), (2 * y - y1 - y2) / (y2 - y1)
        masks.append(dx**2 + dy**2 <= 1)
    return torch.stack(masks).to(torch.uint8)


def targets_for(args, height, width):
    targets = []
    for _ in range(args.batch):
        corner = torch.rand(args.objects, 2) * torch.tensor([width * 0.7, height * 0.7])
        extent = torch.tensor([width, height]) * (0.05 + 0.25 * torch.rand(args.objects, 2))
        target = {"boxes": torch.cat([corner, corner + extent], 1),
                  "labels": torch.randint(1, args.classes, (args.objects,))}
        if args.model == "mask_rcnn":
            target["masks"] = ellipses(target["boxes"], height, width)
        targets.append(target)
    return targets


def made_up_rois(n, height, width):
    """The same as tarn's: five sizes in turn, spread evenly."""
    i = torch.arange(n, dtype=torch.float64)
    side = 24.0 * 2.0 ** (i % 5)
    w, h = side.clamp(max=width), side.clamp(max=height)
    x, y = (i * 0.6180339887) % 1 * (width - w), (i * 0.7548776662) % 1 * (height - h)
    return torch.stack([x, y, x + w, y + h], 1).float()


def retinanet_forward(model, images):
    features = list(model.backbone(images.tensors).values())
    return model.head(features), features


def rcnn_forward(model, images):
    features = model.backbone(images.tensors)
    model.rpn(images, features)
    heads, sizes = model.roi_heads, images.image_sizes
    rois = [made_up_rois(1000, *size) for size in sizes]
    pooled = heads.box_head(heads.box_roi_pool(features, rois, sizes))
    logits, deltas = heads.box_predictor(pooled)
    heads.postprocess_detections(logits, deltas, rois, sizes)
    if heads.has_mask():
        rois = [made_up_rois(heads.detections_per_img, *size) for size in sizes]
        pooled = heads.mask_head(heads.mask_roi_pool(features, rois, sizes))
        labels = [torch.ones(len(r), dtype=torch.int64) for r in rois]
        maskrcnn_inference(heads.mask_predictor(pooled), labels)


def retinanet_losses(model, images, targets):
    outputs, features = retinanet_forward(model, images)
    return model.compute_loss(targets, outputs, model.anchor_generator(images, features))


def rcnn_losses(model, images, targets):
    features = model.backbone(images.tensors)
    proposals, losses = model.rpn(images, features, targets)
    return losses | model.roi_heads(features, proposals, images.image_sizes, targets)[1]


def classifier_forward(model, images):
    return model(images.tensors)


def classifier_losses(model, images, targets):
    labels = torch.stack([target["labels"][0] for target in targets])
    return {"classification": torch.nn.functional.cross_entropy(model(images.tensors), labels)}


def train_step(losses, optimizer):
    optimizer.zero_grad(set_to_none=True)
    sum(losses.values()).backward()
    optimizer.step()


def count_positives(model, counts):
    """Notes how many RoIs of each batch match objects."""
    select = model.roi_heads.select_training_samples

    def spy(*args):
        out = select(*args)
        counts.append(sum(int((labels > 0).sum()) for labels in out[2]))
        return out

    model.roi_heads.select_training_samples = spy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="retinanet",
                        choices=["retinanet", "faster_rcnn", "mask_rcnn", "classifier"])
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", default="800x1344", help="HEIGHTxWIDTH")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--classes", type=int, default=91)
    parser.add_argument("--objects", type=int, default=8, help="boxes in each image (training)")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--layout", default="channels_last",
                        choices=["contiguous", "channels_last"])
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: torch's choice")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    height, width = (int(x) for x in args.size.split("x"))
    model = build(args.model, args.backbone, args.classes)
    forward, losses = {"retinanet": (retinanet_forward, retinanet_losses),
                       "classifier": (classifier_forward, classifier_losses)}.get(
                           args.model, (rcnn_forward, rcnn_losses))
    images = torch.randn(args.batch, 3, height, width)
    if args.layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    images = ImageList(images, [(height, width)] * args.batch)
    positives = []
    if args.train:
        model.train()
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trained, lr=1e-6, momentum=0.9, weight_decay=1e-4)
        targets = targets_for(args, height, width)
        if losses is rcnn_losses:
            count_positives(model, positives)

        def once():
            train_step(losses(model, images, targets), optimizer)
    else:
        model.eval()

        def once():
            with torch.inference_mode():
                forward(model, images)

    for _ in range(args.warmup):
        once()
    seconds = []
    for _ in range(args.iterations):
        start = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "program": "torchvision", "versions": [torch.__version__, torchvision.__version__],
        "model": args.model + "_" + args.backbone, "mode": "train" if args.train else "forward",
        "layout": args.layout, "batch": args.batch, "height": height, "width": width,
        "threads": torch.get_num_threads(), "positive_rois": positives[-1] if positives else -1,
        "seconds": seconds}))


if __name__ == "__main__":
    main()
