#!/usr/bin/env python3
"""Times torchvision's RetinaNet on the CPU: the forward pass alone, or a training step.

Random weights and pixels, no resizing and no post-processing, so that it does the work that
`tarn bench model` does. Prints one JSON object with every time in seconds. tools/bench_compare.sh
runs the two in turn.
"""
import argparse
import json
import time

import torch
import torchvision
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNet
from torchvision.ops.feature_pyramid_network import LastLevelP6P7


def build(backbone, classes):
    body = resnet_fpn_backbone(
        backbone_name=backbone, weights=None, trainable_layers=3, returned_layers=[2, 3, 4],
        extra_blocks=LastLevelP6P7(256, 256))
    sizes = tuple((x, int(x * 2 ** (1 / 3)), int(x * 2 ** (2 / 3)))
                  for x in [32, 64, 128, 256, 512])
    anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))
    return RetinaNet(body, classes, anchor_generator=anchors)


def targets_for(batch, height, width, classes, n_objects):
    targets = []
    for _ in range(batch):
        corner = torch.rand(n_objects, 2) * torch.tensor([width * 0.7, height * 0.7])
        extent = 16 + torch.rand(n_objects, 2) * torch.tensor([width * 0.3, height * 0.3]) * 0.9
        targets.append({"boxes": torch.cat([corner, corner + extent], 1),
                        "labels": torch.randint(1, classes, (n_objects,))})
    return targets


def forward(model, images):
    features = list(model.backbone(images).values())
    return model.head(features), features


def train_step(model, optimizer, images, image_list, targets):
    outputs, features = forward(model, images)
    anchors = model.anchor_generator(image_list, features)
    losses = model.compute_loss(targets, outputs, anchors)
    optimizer.zero_grad(set_to_none=True)
    sum(losses.values()).backward()
    optimizer.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", default="800x1344", help="HEIGHTxWIDTH")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--classes", type=int, default=91)
    parser.add_argument("--objects", type=int, default=16, help="boxes in each image (training)")
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
    model = build(args.backbone, args.classes)
    images = torch.randn(args.batch, 3, height, width)
    if args.layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    if args.train:
        model.train()
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9, weight_decay=1e-4)
        image_list = ImageList(images, [(height, width)] * args.batch)
        targets = targets_for(args.batch, height, width, args.classes, args.objects)

        def once():
            train_step(model, optimizer, images, image_list, targets)
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
        "model": "retinanet_" + args.backbone, "mode": "train" if args.train else "forward",
        "layout": args.layout, "batch": args.batch, "height": height, "width": width,
        "threads": torch.get_num_threads(), "seconds": seconds}))


if __name__ == "__main__":
    main()
