#!/usr/bin/env python3
"""Writes tests/golden/data/classifier_*.safetensors: what torchvision's ResNet classifiers compute
in training mode on two small images.

    tools/golden_classifier.py [--output DIR] [CASE ...]

As tools/golden.py: parameters and images are computed from the seed by both sides, large tensors
are stored as statistics and samples, and a seed is taken only if noise of the size of rounding
errors changes nothing.
"""
import argparse
import math
import pathlib
import sys
from types import SimpleNamespace

import numpy as np
import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

import golden

CASES = {
    "classifier_r18": {"depth": 18, "lr": 5e-6, "smoothing": 0.0},
    "classifier_r50": {"depth": 50, "lr": 1e-4, "smoothing": 0.1},
}
GEOMETRY = golden.SMALL
LABELS = [1, 4]


def make_model(case):
    model = getattr(torchvision.models, f"resnet{case['depth']}")(num_classes=golden.N_CLASSES)
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.dtype == torch.float32:
            state[name] = golden.parameter_value(name, tuple(tensor.shape))
    model.load_state_dict(state)
    return model


def make_inputs():
    """The detectors' canvas: resized, normalised, padded with zeros to multiples of 32."""
    transform = GeneralizedRCNNTransform(
        GEOMETRY["min"], GEOMETRY["max"], [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    images = golden.make_images(GEOMETRY)
    return transform([torch.from_numpy(i).permute(2, 0, 1) / 255.0 for i in images])[0].tensors


class Body:
    """A classifier with the parts and the call that golden.Calibration knows of a detector's."""

    def __init__(self, model):
        self.model, self.relu, self.bn1 = model, model.relu, model.bn1

    def __getitem__(self, name):
        return getattr(self.model, name)

    def __call__(self, images):
        return self.model(images)


def calibrate(case, inputs):
    model = make_model(case)
    calibration = golden.Calibration(model)
    calibration.model = SimpleNamespace(backbone=SimpleNamespace(body=Body(model)))
    with torch.no_grad():
        calibration.body(inputs)
    return calibration.result()


def train(case, biases, inputs, noisy):
    """Logits, losses, gradients, and parameters after N_STEPS steps of SGD."""
    model = make_model(case)
    model.load_state_dict(biases, strict=False)
    for module in model.modules():
        if noisy and isinstance(module, nn.Conv2d):
            module.register_forward_hook(golden.add_noise)
    model.train()
    named = sorted(model.named_parameters())
    parameters = [p for _, p in named]
    optimiser = torch.optim.SGD(
        parameters, case["lr"], momentum=golden.MOMENTUM, weight_decay=golden.WEIGHT_DECAY
    )
    out = {"names": [n for n, _ in named], "losses": []}
    for step in range(golden.N_STEPS + 1):
        logits = model(inputs)
        loss = nn.functional.cross_entropy(
            logits, torch.tensor(LABELS), label_smoothing=case["smoothing"]
        )
        out["losses"].append([loss.item()])
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            out["logits"] = logits.detach()
            out["gradients"] = [p.grad.clone() for p in parameters]
        if step < golden.N_STEPS:
            optimiser.step()
    out["parameters"] = [p.detach() for p in parameters]
    out["velocity"] = [optimiser.state[p]["momentum_buffer"] for p in parameters]
    running = sorted((n, b) for n, b in model.named_buffers() if "running" in n)
    out["running_names"], out["running"] = [n for n, _ in running], [b for _, b in running]
    return out


def record(case, recorder):
    inputs = make_inputs()
    biases = calibrate(case, inputs)
    exact = train(case, biases, inputs, False)
    if not all(math.isfinite(v) and v > 0 for row in exact["losses"] for v in row):
        return None
    torch.manual_seed(0)
    for _ in range(golden.N_NOISES):
        noisy = train(case, biases, inputs, True)
        for key in ("gradients", "velocity"):
            for a, b in zip(exact[key], noisy[key]):
                if (a - b).abs().max() > golden.NOISE_LIMIT * a.abs().max():
                    return None
    recorder.add("logits", exact["logits"])
    for key in ("gradients", "parameters", "velocity", "running"):
        recorder.add_many(key, exact[key])
    for name, bias in biases.items():
        recorder.out["bias." + name] = bias.numpy()
    recorder.out["losses"] = np.array(exact["losses"], dtype=np.float64)
    recorder.out["labels"] = np.array(LABELS, dtype=np.int32)
    return exact


def run(name, output):
    case = CASES[name]
    recorder = golden.Recorder()
    trained = golden.first_settled("gradients", lambda: record(case, recorder))
    metadata = {
        "seed": str(golden.seed),
        "command": f"tools/golden_classifier.py {name}",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "case": repr(case),
        "lr": repr(case["lr"]),
        "momentum": repr(golden.MOMENTUM),
        "weight_decay": repr(golden.WEIGHT_DECAY),
        "smoothing": repr(case["smoothing"]),
        "parameters": "\n".join(trained["names"]),
        "running": "\n".join(trained["running_names"]),
    }
    path = output / f"{name}.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in recorder.out.items()}, path, metadata)
    path.chmod(0o644)
    losses = trained["losses"]
    print(f"{name}: seed {golden.seed}, losses {losses[0]} -> {losses[-1]},"
          f" {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=here / "tests/golden/data")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join(CASES))
    options = parser.parse_args()
    torch.set_num_threads(2)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.cases or CASES:
        if name not in CASES:
            sys.exit(f"no case {name}: choose from {' '.join(CASES)}")
        run(name, options.output)


if __name__ == "__main__":
    main()
