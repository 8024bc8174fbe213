#!/usr/bin/env python3
"""Writes tests/golden/data/mask_*.safetensors: what torchvision's Mask R-CNN computes on small
inputs, and where torchvision and Detectron2's rule paste masks.

    tools/golden_rcnn.py [--output DIR] [CASE ...]

As tools/golden.py: parameters and images are computed from the seed by both sides, large tensors
are stored as statistics and samples, and a seed is taken only if noise of the size of rounding
errors changes nothing. Samples of anchors and RoIs are stored, to be injected.
"""
import argparse
import math
import pathlib
import sys

import numpy as np
import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.roi_heads import paste_masks_in_image, project_masks_on_boxes
from torchvision.ops.misc import FrozenBatchNorm2d

import golden

CASES = {
    "mask_r18": {"depth": 18, "trainable": 3, "lr": 5e-6},
}
# Anchors of these sizes make RoIs of three pyramid levels in images that are small.
LARGE = {
    "sizes": [(120, 150), (100, 90)], "min": 240, "max": 320, "anchors": [96, 144, 216, 256, 320]
}
SMALL = golden.SMALL | {"anchors": [32, 64, 128, 256, 512]}
TOP_K, KEEP, N_DETECTIONS = 200, 60, 25
TRAIN_TOP_K, TRAIN_KEEP = 200, 50
N_ANCHOR_SAMPLES, N_ROI_SAMPLES, ROI_FRACTION = 64, 16, 0.125
N_STEPS = golden.N_STEPS
LOSSES = ["objectness", "rpn_box_reg", "classifier", "box_reg", "mask"]
NOISE_LIMIT = golden.NOISE_LIMIT


class EvenSampler:
    """Takes positives and negatives at even distances instead of at random."""

    def __init__(self, n, fraction):
        self.n, self.n_positive, self.drawn = n, int(n * fraction), []

    def __call__(self, labels):
        def some(mask, n):
            index = torch.where(mask)[0]
            n = min(n, len(index))
            out = torch.zeros_like(mask)
            out[index[torch.arange(n) * len(index) // max(n, 1)]] = True
            return out

        positive = [some(l >= 1, self.n_positive) for l in labels]
        negative = [some(l == 0, self.n - int(p.sum())) for l, p in zip(labels, positive)]
        self.drawn.append((positive, negative))
        return positive, negative


def make_model(case, geometry):
    body = getattr(torchvision.models, f"resnet{case['depth']}")(
        weights=None, norm_layer=FrozenBatchNorm2d
    )
    model = MaskRCNN(
        _resnet_fpn_extractor(body, case["trainable"]),
        golden.N_CLASSES,
        min_size=geometry["min"],
        max_size=geometry["max"],
        rpn_anchor_generator=AnchorGenerator(
            tuple((size,) for size in geometry["anchors"]), ((0.5, 1.0, 2.0),) * 5
        ),
        rpn_pre_nms_top_n_train=TRAIN_TOP_K,
        rpn_post_nms_top_n_train=TRAIN_KEEP,
        rpn_pre_nms_top_n_test=TOP_K,
        rpn_post_nms_top_n_test=KEEP,
        box_detections_per_img=N_DETECTIONS,
    )
    model.rpn.fg_bg_sampler = EvenSampler(N_ANCHOR_SAMPLES, 0.5)
    model.roi_heads.fg_bg_sampler = EvenSampler(N_ROI_SAMPLES, ROI_FRACTION)
    state = model.state_dict()
    for name, tensor in state.items():
        state[name] = golden.parameter_value(name, tuple(tensor.shape))
    model.load_state_dict(state)
    return model


def make_inputs(geometry):
    images = golden.make_images(geometry)
    return [torch.from_numpy(i).permute(2, 0, 1) / 255.0 for i in images]


def make_targets():
    """golden.py's objects; each one's mask is the ellipse in its box."""
    targets = golden.make_targets()
    for target, (height, width) in zip(targets, SMALL["sizes"]):
        y = torch.arange(height, dtype=torch.float64)[:, None] + 0.5
        x = torch.arange(width, dtype=torch.float64)[None, :] + 0.5
        masks = []
        for x1, y1, x2, y2 in target["boxes"].double():
            dx, dy = (2 * x - x1 - x2) / (x2 - x1), (2 * y - y1 - y2) / (y2 - y1)
            masks.append(dx**2 + dy**2 <= 1)
        target["masks"] = torch.stack(masks).to(torch.uint8)
    return targets


def add_noise(model):
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.ConvTranspose2d)):
            module.register_forward_hook(golden.add_noise)


def is_close(a, b, scale=None):
    if a.shape != b.shape:
        return False
    scale = scale or a.double().abs().max().clamp(min=1e-30).item()
    return a.numel() == 0 or (a.double() - b.double()).abs().max().item() <= NOISE_LIMIT * scale


# ---- inference ------------------------------------------------------------------------------


def balance(case):
    """Biases with which all classes are found, and masks that are neither empty nor full."""
    model = make_model(case, LARGE)
    seen = {}
    heads = model.roi_heads
    heads.box_predictor.register_forward_hook(lambda m, i, o: seen.update(box=o[0]))
    heads.mask_predictor.register_forward_hook(lambda m, i, o: seen.update(mask=o))
    score, mask = heads.box_predictor.cls_score, heads.mask_predictor.mask_fcn_logits
    model.eval()
    with torch.no_grad():
        model(make_inputs(LARGE))
        score.bias -= seen["box"].mean(dim=0)
        mask.bias -= seen["mask"].transpose(0, 1).flatten(1).median(dim=1).values
    return {
        "roi_heads.box_predictor.cls_score.bias": score.bias.detach(),
        "roi_heads.mask_predictor.mask_fcn_logits.bias": mask.bias.detach(),
    }


def detect(case, biases, noisy):
    """Everything that is compared of one pass, in its order."""
    model = make_model(case, LARGE)
    model.load_state_dict(biases, strict=False)
    if noisy:
        add_noise(model)
    seen = {}

    def hook(module, name):
        module.register_forward_hook(lambda m, i, o: seen.setdefault(name, o))

    hook(model.transform, "canvas")
    hook(model.backbone, "fpn")
    hook(model.rpn.head, "rpn")
    hook(model.rpn.anchor_generator, "anchors")
    hook(model.rpn, "proposals")
    hook(model.roi_heads.box_roi_pool, "box_pooled")
    hook(model.roi_heads.box_predictor, "box")
    hook(model.roi_heads.mask_roi_pool, "mask_pooled")
    hook(model.roi_heads.mask_predictor, "mask_logits")
    model.eval()
    inputs = make_inputs(LARGE)
    with torch.no_grad():
        detections = model(inputs)
    out = {"canvas": seen["canvas"][0].tensors, "anchors": seen["anchors"][0]}
    for i, p in enumerate(seen["fpn"].values()):
        out[f"p{i + 2}"] = p
        out[f"logits{i}"], out[f"deltas{i}"] = seen["rpn"][0][i], seen["rpn"][1][i]
    out["box_pooled"], out["mask_pooled"] = seen["box_pooled"], seen["mask_pooled"]
    out["class_logits"], out["box_deltas"] = seen["box"]
    out["mask_logits"] = seen["mask_logits"]
    exact = {}
    for i, (boxes, found) in enumerate(zip(seen["proposals"][0], detections)):
        exact[f"proposals{i}"] = boxes
        for key in ("boxes", "scores", "labels"):
            exact[f"detections{i}.{key}"] = found[key]
        exact[f"detections{i}.masks"] = found["masks"][:, 0] > 0.5
    return out, exact


def same_masks(a, b):
    """Every pair overlaps by 0.9995 or more: other programs are asked for 0.999."""
    both, either = (a & b).sum((1, 2)), (a | b).sum((1, 2))
    return bool((both >= 0.9995 * either).all()) and int(either.min()) > 0


def record_detection(case, recorder):
    biases = balance(case)
    maps, found = detect(case, biases, False)
    for i in range(2):
        n_labels = len(found[f"detections{i}.labels"].unique())
        area = found[f"detections{i}.masks"].sum((1, 2)).float().mean()
        if len(found[f"detections{i}.scores"]) < 10 or n_labels < 3 or area < 100:
            return None  # proves little
    torch.manual_seed(0)
    for _ in range(golden.N_NOISES):
        noisy_maps, noisy = detect(case, biases, True)
        for name, values in noisy.items():
            if name.endswith("masks"):
                if values.shape != found[name].shape or not same_masks(values, found[name]):
                    return None
            elif not is_close(found[name], values, 1 if name.endswith("labels") else None):
                return None
        if not all(is_close(maps[name], values) for name, values in noisy_maps.items()):
            return None
    for name, bias in biases.items():
        recorder.out["balance." + name] = bias.numpy()
    for name, values in maps.items():
        recorder.add(name, values)
    for name, values in found.items():
        values = values.numpy()
        if name.endswith("labels"):
            values = values.astype(np.int32)
        elif name.endswith("masks"):
            values = np.packbits(values)
        recorder.out[name] = values
    sizes = torch.cat([found["proposals0"], found["proposals1"]])
    area = (sizes[:, 2] - sizes[:, 0]) * (sizes[:, 3] - sizes[:, 1])
    levels = torch.floor(4 + torch.log2(area.sqrt() / 224) + 1e-6).clamp(2, 5).int()
    if len(levels.unique()) < 3:
        return None
    counts = [len(found[f"detections{i}.scores"]) for i in range(2)]
    return f"RoIs of levels {torch.bincount(levels)[2:].tolist()}, {counts} detections"


# ---- training -------------------------------------------------------------------------------


def calibrate(case):
    model = make_model(case, SMALL)
    calibration = golden.Calibration(model)
    heads, rpn = model.roi_heads, model.rpn

    def linear(layer, x):
        (y,) = calibration.settle([layer(x)[:, :, None, None]], layer.bias)
        return y[:, :, 0, 0].relu()

    with torch.no_grad():
        images, targets = model.transform(make_inputs(SMALL), make_targets())
        maps = model.backbone.fpn(calibration.body(images.tensors))
        conv = rpn.head.conv[0][0]
        calibration.settle([conv(m) for m in maps.values()], conv.bias)
        proposals, _ = rpn(images, maps, targets)
        proposals, matched, labels, _ = heads.select_training_samples(proposals, targets)
        x = heads.box_roi_pool(maps, proposals, images.image_sizes).flatten(1)
        linear(heads.box_head.fc7, linear(heads.box_head.fc6, x))
        positive = [p[l > 0] for p, l in zip(proposals, labels)]
        x = heads.mask_roi_pool(maps, positive, images.image_sizes)
        for layer in heads.mask_head:
            (x,) = calibration.settle([layer[0](x)], layer[0].bias)
            x = x.relu()
        up = heads.mask_predictor.conv5_mask
        calibration.settle([up(x)], up.bias)
    return calibration.result()


def positives_first(boxes, labels):
    return torch.cat([boxes[labels > 0], boxes[labels == 0]])


def train(case, biases, noisy):
    """Samples, losses, gradients, and parameters after N_STEPS steps of SGD."""
    model = make_model(case, SMALL)
    model.load_state_dict(biases, strict=False)
    if noisy:
        add_noise(model)
    inputs = make_inputs(SMALL)
    heads, rois, targets28 = model.roi_heads, [], []
    select = heads.select_training_samples

    def spy(proposals, targets):
        out = select(proposals, targets)
        rois.append([positives_first(b, l) for b, l in zip(out[0], out[2])])
        positive = [l > 0 for l in out[2]]
        targets28.append(torch.cat([
            project_masks_on_boxes(t["masks"], b[p], m[p], 28)
            for t, b, m, p in zip(targets, out[0], out[1], positive)
        ]))
        return out

    heads.select_training_samples = spy
    model.train()
    named = sorted((n, p) for n, p in model.named_parameters() if p.requires_grad)
    parameters = [p for _, p in named]
    optimiser = torch.optim.SGD(
        parameters, case["lr"], momentum=golden.MOMENTUM, weight_decay=golden.WEIGHT_DECAY
    )
    out = {"names": [n for n, _ in named], "losses": []}
    for step in range(N_STEPS + 1):
        loss = model(inputs, [dict(t) for t in make_targets()])
        out["losses"].append([loss["loss_" + name].item() for name in LOSSES])
        optimiser.zero_grad()
        sum(loss.values()).backward()
        if step == 0:
            out["gradients"] = [p.grad.clone() for p in parameters]
        if step < N_STEPS:
            optimiser.step()
    out["parameters"] = [p.detach() for p in parameters]
    out["velocity"] = [optimiser.state[p]["momentum_buffer"] for p in parameters]
    out["rois"], out["mask_targets"] = [torch.stack(r) for r in rois], targets28[0]
    anchors = [
        torch.stack([p * 2 + n for p, n in zip(*draw)]) for draw in model.rpn.fg_bg_sampler.drawn
    ]
    if any((a != anchors[0]).any() for a in anchors):
        sys.exit("sampled anchors change from step to step")
    out["sampled_anchors"] = anchors[0].to(torch.uint8)
    out["sampled_rois"] = torch.stack([
        torch.stack([torch.where(p | n)[0] for p, n in zip(*draw)])
        for draw in heads.fg_bg_sampler.drawn
    ])
    return out


def to_memory_order(name, tensor):
    """Of parameters that golden.summary would not bring into the program's order."""
    if name.endswith("fc6.weight"):  # (O, C*7*7) -> (O, 7, 7, C)
        return tensor.reshape(len(tensor), -1, 7, 7).permute(0, 2, 3, 1).flatten()
    if name.endswith("conv5_mask.weight"):  # (I, O, 2, 2) -> (2, 2, O, I)
        return tensor.permute(2, 3, 1, 0).flatten()
    return tensor


def record_training(case, recorder):
    biases = calibrate(case)
    exact = train(case, biases, False)
    if not all(math.isfinite(v) and v > 0 for row in exact["losses"] for v in row):
        return None
    torch.manual_seed(0)
    for _ in range(golden.N_NOISES):
        noisy = train(case, biases, True)
        if any((exact[k] != noisy[k]).any() for k in ("sampled_anchors", "sampled_rois")):
            return None
        for key in ("rois", "gradients", "velocity"):
            if not all(is_close(a, b) for a, b in zip(exact[key], noisy[key])):
                return None
    for key in ("gradients", "parameters", "velocity"):
        pairs = zip(exact["names"], exact[key])
        recorder.add_many(key, [to_memory_order(name, tensor) for name, tensor in pairs])
    for name, bias in biases.items():
        recorder.out["bias." + name] = bias.numpy()
    recorder.out["losses"] = np.array(exact["losses"], dtype=np.float64)
    recorder.out["sampled_anchors"] = exact["sampled_anchors"].numpy()
    recorder.out["sampled_rois"] = exact["sampled_rois"].numpy().astype(np.int32)
    recorder.out["rois"] = exact["rois"][0].numpy()
    recorder.add("mask_targets", exact["mask_targets"])
    for i, target in enumerate(make_targets()):
        recorder.out[f"targets{i}.boxes"] = target["boxes"].numpy()
        recorder.out[f"targets{i}.labels"] = target["labels"].numpy().astype(np.int32)
        recorder.out[f"targets{i}.masks"] = np.packbits(target["masks"].numpy())
    return exact


def run(name, output):
    case = CASES[name]
    recorder = golden.Recorder()
    # The clean definition of suppression: class by class (torchvision has two, by size).
    torchvision.ops.boxes.batched_nms = torchvision.ops.boxes._batched_nms_vanilla
    found = golden.first_settled("detections", lambda: record_detection(case, recorder))
    seeds = {"seed": str(golden.seed)}
    trained = golden.first_settled("gradients", lambda: record_training(case, recorder))
    seeds["training_seed"] = str(golden.seed)
    metadata = seeds | {
        "command": f"tools/golden_rcnn.py {name}",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "case": repr(case),
        "lr": repr(case["lr"]),
        "momentum": repr(golden.MOMENTUM),
        "weight_decay": repr(golden.WEIGHT_DECAY),
        "parameters": "\n".join(trained["names"]),
    }
    save(recorder.out, output / f"{name}.safetensors", metadata)
    losses = trained["losses"]
    print(f"{name}: seeds {list(seeds.values())}, {found}, losses {losses[0]} -> {losses[-1]}")


# ---- pasting --------------------------------------------------------------------------------

PASTE_SIZE = (90, 120)
PASTE_BOXES = [
    [10, 20, 50, 70], [10.25, 20.75, 50.5, 69.875], [-30, -20, 40, 30], [80, 60, 200, 140],
    [-50, -50, 300, 200], [60, 40, 61, 41], [60.2, 40.3, 60.4, 40.4], [5, 5, 8, 85],
    [0, 0, 120, 90], [30, 30, 30, 60], [119.2, 3, 120, 20],
]


def grid_paste(mask, box, height, width):
    """Detectron2's rule: bilinear samples at pixel centres, zero outside of the map."""
    x1, y1, x2, y2 = box
    y = (torch.arange(height) + 0.5 - y1) / (y2 - y1) * 2 - 1
    x = (torch.arange(width) + 0.5 - x1) / (x2 - x1) * 2 - 1
    grid = torch.stack([x[None, :].expand(height, -1), y[:, None].expand(-1, width)], dim=2)
    return nn.functional.grid_sample(mask[None, None], grid[None], align_corners=False)[0, 0]


def write_paste(output):
    """Smooth blobs with values on both sides of the threshold, pasted into every box."""
    golden.seed = golden.FIRST_SEED
    height, width = PASTE_SIZE
    boxes = torch.tensor(PASTE_BOXES, dtype=torch.float32)
    coarse = golden.uniform("paste", len(boxes) * 36).reshape(len(boxes), 1, 6, 6)
    masks = nn.functional.interpolate(
        torch.from_numpy(coarse), (28, 28), mode="bilinear", align_corners=False
    )
    integer = paste_masks_in_image(masks, boxes, (height, width))[:, 0]
    grid = torch.stack([
        grid_paste(m[0], b, height, width) if b[2] > b[0] and b[3] > b[1]
        else torch.zeros(height, width)
        for m, b in zip(masks, boxes)
    ])
    out = {
        "boxes": boxes.numpy(),
        "masks": masks[:, 0].numpy(),
        "integer": np.stack([np.packbits(m.numpy() > 0.5) for m in integer]),
        "grid": np.stack([np.packbits(m.numpy() >= 0.5) for m in grid]),
    }
    metadata = {
        "command": "tools/golden_rcnn.py mask_paste",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "height": str(height),
        "width": str(width),
    }
    save(out, output / "mask_paste.safetensors", metadata)


def save(tensors, path, metadata):
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path, metadata)
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = pathlib.Path(__file__).resolve().parent.parent
    names = [*CASES, "mask_paste"]
    parser.add_argument("--output", type=pathlib.Path, default=here / "tests/golden/data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join(names))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.cases or names:
        if name not in names:
            sys.exit(f"no case {name}: choose from {' '.join(names)}")
        if name == "mask_paste":
            write_paste(options.output)
        else:
            run(name, options.output)


if __name__ == "__main__":
    main()
