#!/usr/bin/env python3
"""Carries classifiers between tarn and torchvision, both ways, and compares what they say.

    tools/check_torchvision_classifier.py --tarn build/tarn --images DIR
        [--checkpoint C.safetensors] [--weights W.safetensors --type resnet18]

With --checkpoint: torchvision's ResNet must take a classifier of tarn by
load_state_dict(strict=True). With --weights, or without both for made-up weights of 1000 classes:
tarn must take torchvision's own state dict (names, fc) as it is, with a config that names the
network. Of every image `tarn classify --json` gives the five best classes; their logits, up to the
constant that a softmax takes away, must agree within --tolerance of the largest logit. Exit status
1 if not. Needs torch, torchvision, Pillow and safetensors.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision import transforms

from check_torchvision import make_body

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


def transform_of(config):
    """torchvision's evaluation recipe on Pillow images."""
    crop = config["crop"]
    return transforms.Compose([
        transforms.Resize(crop["resize"]),
        transforms.CenterCrop(crop["size"]),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])


def classify(options, checkpoint, paths, extra):
    """What tarn says: {path: (channels, probabilities)}."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "classes.json"
        command = [options.tarn, "classify", "--checkpoint", checkpoint, "--json", out, "--device",
                   "cpu", *extra, "--", *paths]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(out, encoding="utf-8") as file:
            images = json.load(file)["images"]
    return {image["file"]: (image["top"], image["scores"]) for image in images}


def compare(model, config, said, tolerance):
    """The largest difference of logits, relative to the largest logit of the image."""
    transform, worst = transform_of(config), 0.0
    model.eval()
    for path, (channels, scores) in said.items():
        with torch.no_grad():
            logits = model(transform(Image.open(path).convert("RGB"))[None])[0].double()
        best = logits.topk(len(channels)).indices.tolist()
        ours = torch.tensor(scores, dtype=torch.float64).log()
        theirs = logits.log_softmax(0)[channels]
        difference = ((ours - theirs).abs().max() / logits.abs().max()).item()
        worst = max(worst, difference)
        if difference > tolerance or (best != channels and difference > 1e-6):
            print(f"{path}: classes {channels} and {best}, off by {difference:.3g}")
    print(f"{len(said)} images: logits differ by {worst:.3g} of the largest at most")
    return worst <= tolerance


def check_ours(options, paths):
    with safe_open(options.checkpoint, "pt") as file:
        config = json.loads(file.metadata()["tarn.config"])
        state = {name: file.get_tensor(name) for name in file.keys()}
    # Auxiliary classifiers are of training alone; torchvision's network has none.
    state = {name: value for name, value in state.items() if not name.startswith("aux.")}
    if config["backbone"]["pool"]["global"]["type"] not in ("default", "avg"):
        sys.exit("torchvision's ResNet averages over the last map")
    model = make_body(config)
    model.fc = nn.Linear(model.fc.in_features, state["fc.weight"].shape[0])
    model.load_state_dict(state, strict=True)
    print(f"tarn to torchvision, load_state_dict(strict=True): {len(state)} tensors")
    said = classify(options, options.checkpoint, paths, [])
    return compare(model, config, said, options.tolerance)


def check_theirs(options, paths):
    model = getattr(torchvision.models, options.type)()
    with tempfile.TemporaryDirectory() as folder:
        weights = options.weights
        if weights:
            model.load_state_dict(load_file(weights), strict=True)
        else:
            torch.manual_seed(0)
            for module in model.modules(): # as if trained: no two channels alike
                if isinstance(module, nn.BatchNorm2d):
                    module.running_mean.uniform_(-0.2, 0.2)
                    module.running_var.uniform_(0.5, 1.5)
                    nn.init.uniform_(module.weight, 0.5, 1.0)
                    nn.init.uniform_(module.bias, -0.1, 0.1)
            weights = pathlib.Path(folder) / "weights.safetensors"
            save_file(model.state_dict(), weights)
        config = {
            "model": {"type": "classifier", "n_classes": model.fc.out_features},
            "backbone": {"type": options.type, "norm": "bn"},
            "crop": {"size": 224, "resize": 256},
        }
        path = pathlib.Path(folder) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        said = classify(options, weights, paths, ["--config", path])
    print(f"torchvision to tarn: {len(model.state_dict())} tensors of {options.type}")
    return compare(model, config, said, options.tolerance)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tarn", required=True, help="the program")
    parser.add_argument("--images", required=True, type=pathlib.Path, help="folder")
    parser.add_argument("--limit", type=int, default=16, help="images to look at")
    parser.add_argument("--checkpoint", help="a classifier of tarn")
    parser.add_argument("--weights", help="a state dict of torchvision (safetensors)")
    parser.add_argument("--type", default="resnet18", help="its network")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    paths = sorted(p for p in options.images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    paths = [str(p) for p in paths[: options.limit]]
    if not paths:
        sys.exit(f"{options.images}: no images")
    ok = check_ours(options, paths) if options.checkpoint else True
    if options.weights or not options.checkpoint:
        ok = check_theirs(options, paths) and ok
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
