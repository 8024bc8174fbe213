#!/usr/bin/env python3
"""Writes tests/golden/data/*.safetensors: what torchvision's RetinaNet computes on small inputs.

    tools/golden.py [--output DIR] [CASE ...]

Needs torch, torchvision, numpy and safetensors. Parameters and images are not stored: both sides
compute them from Philox counters keyed by the parameter's name (tests/golden/values.h). Large
tensors are stored as four statistics and 64 strided samples. Everything runs in float32 on the CPU.
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
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from torchvision.ops.misc import FrozenBatchNorm2d

FIRST_SEED = 20170807
STREAM = 5  # RNG_TEST
N_CLASSES = 7
N_STEPS = 5
LR, MOMENTUM, WEIGHT_DECAY = 2e-4, 0.9, 0.01
N_SAMPLES = 64
NOISE, N_NOISES, NOISE_LIMIT = 1e-6, 2, 5e-5
N_DETECTIONS = 300
MARGIN = 1e-5  # detections must not hang on differences smaller than this

# Sizes of the two images (height, width), and the resizing rule: for inference and for training.
LARGE = {"sizes": [(120, 150), (100, 90)], "min": 128, "max": 192}
SMALL = {"sizes": [(45, 55), (50, 40)], "min": 48, "max": 64}

CASES = {
    "r18_frozen_bn": {"depth": 18, "norm": "frozen_bn", "trainable": 3},
    "r18_bn": {"depth": 18, "norm": "bn", "trainable": 5, "lr": 2e-5},
    "r18_gn": {"depth": 18, "norm": "gn", "trainable": 5, "lr": 5e-5},
    "r18_soft2": {"depth": 18, "norm": "frozen_bn", "trainable": 5, "pool": (2, 2, 0)},
    "r18_soft3": {"depth": 18, "norm": "frozen_bn", "trainable": 5, "pool": (3, 2, 1)},
    "r50_frozen_bn": {"depth": 50, "norm": "frozen_bn", "trainable": 5, "lr": 1e-4},
}


seed = FIRST_SEED  # of the current case


def philox(key, stream, step, element):
    """Philox4x32-10 as base/rng.h; element: uint64 array -> (n, 4) uint32."""
    low = np.uint64(0xFFFFFFFF)
    c0, c1 = element & low, element >> np.uint64(32)
    c2 = np.full_like(element, step)
    c3 = np.full_like(element, stream)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def uniform(name, n):
    """n numbers in [0, 1) with 24 bits that depend on the seed and the name."""
    step = 2166136261
    for byte in name.encode():
        step = ((step ^ byte) * 16777619) & 0xFFFFFFFF
    blocks = philox(seed, STREAM, step, np.arange((n + 3) // 4, dtype=np.uint64))
    bits = blocks.reshape(-1)[:n] >> np.uint32(8)
    return bits.astype(np.float32) * np.float32(1.0 / 16777216.0)


def is_norm(name):
    return ".bn" in name or name.startswith("bn") or ".downsample.1." in name


def parameter_value(name, shape):
    """The same rules as golden_fill in tests/golden/values.c."""
    n = int(np.prod(shape))
    u = uniform(name, n)
    v = np.float32(2) * u - np.float32(1)
    if len(shape) in (2, 4):
        is_small = any(part in name for part in ("inner_blocks", "bbox_reg", "bbox_pred"))
        gain = 0.1 if is_small else 6.0
        values = v * np.float32(math.sqrt(gain / np.prod(shape[1:])))
    elif is_norm(name) and name.endswith("weight"):
        # A classifier's bottlenecks, whose statistics are trained: quiet branches, or rounding
        # errors would grow from block to block.
        is_quiet = name.startswith("layer") and name.endswith("bn3.weight")
        scale = np.float32(0.1 if is_quiet else 1)
        values = scale * (np.float32(0.5) + np.float32(0.5) * u)
    elif name.endswith("running_var"):
        values = np.float32(0.5) + u
    elif name.endswith("cls_logits.bias"):
        values = np.float32(0.5) * v - np.float32(4)
    else:
        values = np.float32(0.1) * v
    return torch.from_numpy(values.reshape(shape).copy())


class SoftPool(nn.Module):
    """sum(exp(x) x) / sum(exp(x)) over each window; padding takes no part."""

    def __init__(self, kernel, stride, padding):
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def forward(self, x):
        n, c, h, w = x.shape
        p = self.padding
        out_h = (h + 2 * p - self.kernel) // self.stride + 1
        out_w = (w + 2 * p - self.kernel) // self.stride + 1

        def windows(t, value):
            t = nn.functional.pad(t, (p, p, p, p), value=value)
            t = nn.functional.unfold(t, self.kernel, stride=self.stride)
            return t.view(n, c, self.kernel**2, out_h, out_w)

        values = windows(x, 0.0)
        inside = windows(torch.ones_like(x), 0.0) > 0
        weights = torch.softmax(torch.where(inside, values, float("-inf")), dim=2)
        return (weights * values).sum(dim=2)


def make_model(case, geometry):
    norm = {
        "frozen_bn": FrozenBatchNorm2d,
        "bn": nn.BatchNorm2d,
        "gn": lambda channels: nn.GroupNorm(32, channels),
    }[case["norm"]]
    body = getattr(torchvision.models, f"resnet{case['depth']}")(weights=None, norm_layer=norm)
    if "pool" in case:
        body.maxpool = SoftPool(*case["pool"])
    backbone = _resnet_fpn_extractor(
        body, case["trainable"], returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256)
    )
    model = RetinaNet(backbone, N_CLASSES, min_size=geometry["min"], max_size=geometry["max"])
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.dtype == torch.float32:
            state[name] = parameter_value(name, tuple(tensor.shape))
    model.load_state_dict(state)
    return model


def make_images(geometry):
    """Two 8-bit images: coarse coloured noise, so that features differ from place to place."""
    images = []
    for i, (h, w) in enumerate(geometry["sizes"]):
        pixels = uniform(f"image{i}", h * w * 3).reshape(h, w, 3)
        blocks = uniform(f"blocks{i}", ((h + 15) // 16) * ((w + 15) // 16) * 3)
        blocks = blocks.reshape((h + 15) // 16, (w + 15) // 16, 3)
        coarse = blocks.repeat(16, axis=0).repeat(16, axis=1)[:h, :w]
        mixed = np.float32(0.25) * pixels + np.float32(0.75) * coarse
        images.append((mixed * np.float32(255)).astype(np.uint8))
    return images


def make_targets():
    """Boxes in original coordinates; labels 1..6. The last image's boxes overlap."""
    boxes = [
        [[4, 5, 24, 40], [23.5, 11.25, 54, 38], [2, 25, 17, 44], [30, 2, 45, 14]],
        [[3, 5, 28, 35], [8, 11, 36, 44]],
    ]
    labels = [[1, 3, 6, 2], [4, 4]]
    return [
        {"boxes": torch.tensor(b, dtype=torch.float32), "labels": torch.tensor(l)}
        for b, l in zip(boxes, labels)
    ]


def to_memory_order(tensor):
    """NCHW -> NHWC and OIHW -> OHWI: the order that the program keeps in memory."""
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor


def summary(tensor):
    """Statistics (sum, sum of sizes, norm, largest size) and N_SAMPLES strided samples."""
    flat = to_memory_order(tensor.detach()).reshape(-1).to(torch.float64).numpy()
    size = np.abs(flat)
    stats = np.array([flat.sum(), size.sum(), np.sqrt((flat**2).sum()), size.max()])
    index = (np.arange(N_SAMPLES, dtype=np.int64) * (len(flat) // N_SAMPLES * 2 + 1)) % len(flat)
    return stats, flat[index].astype(np.float32)


class Recorder:
    def __init__(self):
        self.out = {}

    def add(self, name, tensor):
        self.out[name + ".stats"], self.out[name + ".samples"] = summary(tensor)

    def add_many(self, name, tensors):
        pairs = [summary(t) for t in tensors]
        self.out[name + ".stats"] = np.stack([p[0] for p in pairs])
        self.out[name + ".samples"] = np.stack([p[1] for p in pairs])


def is_settled(boxes, scores, labels, keep, threshold):
    """False where float32 noise could change what suppression keeps of one image."""
    kept, rest = keep[:N_DETECTIONS], keep[N_DETECTIONS:]
    if len(kept) < 50:
        sys.exit(f"{len(kept)} detections prove little")
    last = scores[kept[-1]]
    if len(rest) and last - scores[rest[0]] < MARGIN:
        return False
    rivals = torch.where(scores >= last)[0]
    iou = torchvision.ops.box_iou(boxes[kept], boxes[rivals])
    lead = scores[kept][:, None] - scores[rivals][None, :]
    pairs = (labels[kept][:, None] == labels[rivals][None, :]) & (kept[:, None] != rivals[None, :])
    at_threshold = pairs & (lead > -MARGIN) & ((iou - threshold).abs() < MARGIN)
    tied = pairs & (lead.abs() < MARGIN / 10) & (iou > threshold - MARGIN)
    return not (at_threshold.any() or tied.any())


def record_detection(case, recorder):
    """Feature maps, head outputs, anchors and detections in evaluation mode; None: unsettled."""
    model = make_model(case, LARGE)
    images = make_images(LARGE)
    maps, n_candidates, settled = {}, [], []

    def hook(module, name):
        module.register_forward_hook(lambda m, i, o: maps.setdefault(name, o))

    body = model.backbone.body
    for stage in (2, 3, 4):
        hook(body[f"layer{stage}"], f"c{stage + 1}")
    hook(body.maxpool, "stem")
    hook(model.backbone, "fpn")
    hook(model.head, "head")
    hook(model.transform, "canvas")
    hook(model.anchor_generator, "anchors")
    nms = torchvision.ops.boxes.batched_nms

    def spy(boxes, scores, labels, threshold):
        # The clean definition: class by class, then by score (torchvision has two, by size).
        keep = torchvision.ops.boxes._batched_nms_vanilla(boxes, scores, labels, threshold)
        n_candidates.append(len(scores))
        settled.append(is_settled(boxes, scores, labels, keep, threshold))
        return keep

    torchvision.ops.boxes.batched_nms = spy
    model.eval()
    with torch.no_grad():
        detections = model([torch.from_numpy(i).permute(2, 0, 1) / 255.0 for i in images])
    torchvision.ops.boxes.batched_nms = nms
    if not all(settled):
        return None

    recorder.add("canvas", maps["canvas"][0].tensors)
    for name in ("stem", "c3", "c4", "c5"):
        recorder.add(name, maps[name])
    for i, p in enumerate(maps["fpn"].values()):
        recorder.add(f"p{i + 3}", p)
    logits, deltas = maps["head"]["cls_logits"], maps["head"]["bbox_regression"]
    begin = 0
    for i, p in enumerate(maps["fpn"].values()):
        n = p.shape[2] * p.shape[3] * 9
        # (N, anchors, K) of one level is already in memory order (N, H, W, A*K).
        recorder.add(f"logits{i}", logits[:, begin : begin + n])
        recorder.add(f"deltas{i}", deltas[:, begin : begin + n])
        begin += n
    recorder.add("anchors", maps["anchors"][0])
    for i, d in enumerate(detections):
        recorder.out[f"detections{i}.boxes"] = d["boxes"].numpy()
        recorder.out[f"detections{i}.scores"] = d["scores"].numpy()
        recorder.out[f"detections{i}.labels"] = d["labels"].numpy().astype(np.int32)
    return f"{n_candidates} candidates, {[len(d['scores']) for d in detections]} detections"


def shift_off_zero(values, bias):
    """Moves zero into the widest gap among the middle half of each channel's values.

    values: maps (N,C,H,W) that a ReLU is about to see; bias is what was added to them last.
    """
    channels = values[0].shape[1]
    flat = torch.cat([v.transpose(0, 1).reshape(channels, -1) for v in values], dim=1)
    ordered = flat.sort(dim=1).values
    n = ordered.shape[1]
    middle = ordered[:, n // 4 : n - n // 4]
    widest = (middle[:, 1:] - middle[:, :-1]).argmax(dim=1, keepdim=True)
    shift = -(middle.gather(1, widest) + middle.gather(1, widest + 1)).flatten() / 2
    bias.add_(shift)
    return [v + shift[None, :, None, None] for v in values]


class Calibration:
    """Changes biases so that no ReLU meets a value near 0; `changed` holds them by name.

    Each of a million ReLUs may otherwise flip on rounding errors, and one flip can change a
    gradient by a hundredth: no two programs would agree.
    """

    def __init__(self, model):
        model.train()
        self.model, self.changed = model, {}
        named = [*model.named_parameters(), *model.named_buffers()]
        self.names = {id(t): n for n, t in named}

    def settle(self, values, bias):
        self.changed[self.names[id(bias)]] = bias
        return shift_off_zero(values, bias.data)

    def watch(self, relu, norms):
        calls = []

        def hook(module, args):
            calls.append(1)
            return (self.settle([args[0]], norms[len(calls) - 1].bias)[0],)

        return relu.register_forward_pre_hook(hook)

    def body(self, images):
        """The backbone's maps."""
        body = self.model.backbone.body
        hooks = [self.watch(body.relu, [body.bn1])]
        for stage in (1, 2, 3, 4):
            for block in body[f"layer{stage}"]:
                norms = [block.bn1, block.bn2] + ([block.bn3] if hasattr(block, "bn3") else [])
                hooks.append(self.watch(block.relu, norms))
        features = body(images)
        for hook in hooks:
            hook.remove()
        return features

    def result(self):
        return {n: t.detach().clone() for n, t in self.changed.items()}


def calibrate(model, inputs):
    """The changed biases by name."""
    calibration = Calibration(model)
    with torch.no_grad():
        features = calibration.body(model.transform(inputs)[0].tensors)
        levels = list(model.backbone.fpn(features).values())
        extra = model.backbone.fpn.extra_blocks
        calibration.settle([levels[3]], extra.p6.bias)
        levels = list(model.backbone.fpn(features).values())
        for head in (model.head.classification_head, model.head.regression_head):
            maps = levels
            for conv in head.conv:
                maps = calibration.settle([conv[0](m) for m in maps], conv[0].bias)
                maps = [m.relu() for m in maps]
    return calibration.result()


def add_noise(module, inputs, output):
    return output + NOISE * output.detach().square().mean().sqrt() * torch.randn_like(output)


def train(case, biases, noisy):
    """Losses, matches, gradients, and parameters after N_STEPS steps of SGD."""
    model = make_model(case, SMALL)
    model.load_state_dict(biases, strict=False)
    targets = make_targets()
    inputs = [torch.from_numpy(i).permute(2, 0, 1) / 255.0 for i in make_images(SMALL)]
    matches = []
    matcher = model.proposal_matcher
    model.proposal_matcher = lambda quality: matches.append(matcher(quality)) or matches[-1]
    for module in model.modules():
        if noisy and isinstance(module, nn.Conv2d):
            module.register_forward_hook(add_noise)
    model.train()
    named = sorted((n, p) for n, p in model.named_parameters() if p.requires_grad)
    parameters = [p for _, p in named]
    lr = case.get("lr", LR)
    optimiser = torch.optim.SGD(parameters, lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    out = {"names": [n for n, _ in named], "losses": []}
    for step in range(N_STEPS + 1):
        loss = model(inputs, [dict(t) for t in targets])
        out["losses"].append([loss["classification"].item(), loss["bbox_regression"].item()])
        optimiser.zero_grad()
        sum(loss.values()).backward()
        if step == 0:
            out["gradients"] = [p.grad.clone() for p in parameters]
            out["matched"] = torch.stack(matches)
        if step < N_STEPS:
            optimiser.step()
    out["parameters"] = [p.detach() for p in parameters]
    out["velocity"] = [optimiser.state[p]["momentum_buffer"] for p in parameters]
    running = sorted((n, b) for n, b in model.named_buffers() if "running" in n)
    if case["norm"] != "bn":
        running = []
    out["running_names"] = [n for n, _ in running]
    out["running"] = [b for _, b in running]
    return out


def record_training(case, recorder):
    """Trains once, and again with noise of the size of rounding errors; None: that mattered."""
    inputs = [torch.from_numpy(i).permute(2, 0, 1) / 255.0 for i in make_images(SMALL)]
    biases = calibrate(make_model(case, SMALL), inputs)
    exact = train(case, biases, False)
    for _ in range(N_NOISES):
        noisy = train(case, biases, True)
        for key in ("gradients", "velocity"):
            for a, b in zip(exact[key], noisy[key]):
                if (a - b).abs().max() > NOISE_LIMIT * a.abs().max():
                    return None
    for key in ("gradients", "parameters", "velocity", "running"):
        if exact[key]:
            recorder.add_many(key, exact[key])
    for name, bias in biases.items():
        recorder.out["bias." + name] = bias.numpy()
    recorder.out["losses"] = np.array(exact["losses"], dtype=np.float64)
    recorder.out["matched"] = (exact["matched"] + 2).numpy().astype(np.uint8)
    for i, t in enumerate(make_targets()):
        recorder.out[f"targets{i}.boxes"] = t["boxes"].numpy()
        recorder.out[f"targets{i}.labels"] = t["labels"].numpy().astype(np.int32)
    return exact


def first_settled(what, record):
    """Tries seeds until record() has something; leaves the seed in place."""
    global seed
    for seed in range(FIRST_SEED, FIRST_SEED + 400):
        result = record()
        if result:
            return result
    sys.exit(f"no seed gives {what} that rounding errors do not change")


def run(name, output):
    torch.manual_seed(0)
    case = CASES[name]
    recorder = Recorder()
    found = first_settled("detections", lambda: record_detection(case, recorder))
    seeds = {"seed": str(seed)}
    trained = first_settled("gradients", lambda: record_training(case, recorder))
    seeds["training_seed"] = str(seed)
    metadata = seeds | {
        "command": f"tools/golden.py {name}",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "case": repr(case),
        "lr": repr(case.get("lr", LR)),
        "momentum": repr(MOMENTUM),
        "weight_decay": repr(WEIGHT_DECAY),
        "parameters": "\n".join(trained["names"]),
        "running": "\n".join(trained["running_names"]),
    }
    path = output / f"{name}.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in recorder.out.items()}, path, metadata)
    path.chmod(0o644)
    losses = trained["losses"]
    print(
        f"{name}: seeds {list(seeds.values())}, {found}, losses {losses[0]} -> {losses[-1]},"
        f" {path.stat().st_size} bytes"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=here / "tests/golden/data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join(CASES))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.cases or CASES:
        if name not in CASES:
            sys.exit(f"no case {name}: choose from {' '.join(CASES)}")
        run(name, options.output)


if __name__ == "__main__":
    main()
