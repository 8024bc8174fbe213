#!/usr/bin/env python3
"""Times PyTorch and torchvision on a GPU, for tools/gpu_check.sh.

    bench_cuda.py device                                    copy bandwidth and matrix products
    bench_cuda.py pools SHAPE DTYPE                         max, avg and SoftPool, both directions
    bench_cuda.py MODEL train|forward BATCH PRECISION SIZE  retinanet or mask_rcnn, ResNet-50

Random weights and pixels, as in tools/bench_torchvision.py. Training runs under autocast where the
precision is bf16, with channels_last and the fused optimiser. Times are medians of CUDA events,
warm. Prints one JSON object.
"""
import contextlib
import json
import statistics
import sys

import torch
import torch.nn.functional as F
import torchvision
from torchvision.models.detection.image_list import ImageList

import bench_torchvision as reference

WARM_UP, RUNS, KERNELS = 5, 15, (2, 3)


def seconds(run):
    times = []
    for i in range(WARM_UP + RUNS):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        stop.record()
        stop.synchronize()
        if i >= WARM_UP:
            times.append(start.elapsed_time(stop) * 1e-3)
    return statistics.median(times)


def device():
    x = torch.randn(1 << 28, device="cuda")
    y = torch.empty_like(x)
    result = {"copy_bytes_per_second": 2 * x.numel() * 4 / seconds(lambda: y.copy_(x))}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.randn(8192, 8192, device="cuda", dtype=dtype)
        b = torch.randn(8192, 8192, device="cuda", dtype=dtype)
        result[f"matmul_flops_{dtype}"] = 2 * 8192**3 / seconds(lambda: a @ b)
    return result


def soft_pool(x, kernel, padding):
    e = x.exp()
    return F.avg_pool2d(x * e, kernel, 2, padding) / F.avg_pool2d(e, kernel, 2, padding)


def pools(shape, dtype):
    n, h, w, c = (int(v) for v in shape.split("x"))
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[dtype]
    x = torch.randn(n, c, h, w, device="cuda", dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    methods = {
        "max": lambda k, p: F.max_pool2d(x, k, 2, p),
        "avg": lambda k, p: F.avg_pool2d(x, k, 2, p, count_include_pad=False),
        "soft": lambda k, p: soft_pool(x, k, p),
    }
    result = {}
    for name, method in methods.items():
        for kernel in KERNELS:
            padding = (kernel - 1) // 2
            with torch.no_grad():
                result[f"{name}{kernel} forward"] = seconds(lambda: method(kernel, padding))
            y = method(kernel, padding)
            dy = torch.randn_like(y)
            result[f"{name}{kernel} backward"] = seconds(
                lambda: torch.autograd.grad(y, x, dy, retain_graph=True))
    return {"shape": shape, "dtype": str(dtype), "seconds": result}


def model(kind, mode, batch, precision, size):
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    height, width = (int(v) for v in size.split("x"))
    net = reference.build(kind, "resnet50", 91).cuda().to(memory_format=torch.channels_last)
    pixels = torch.randn(batch, 3, height, width, device="cuda")
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    images = ImageList(pixels, [(height, width)] * batch)
    narrow = precision == "bf16"

    def cast():
        return torch.autocast("cuda", torch.bfloat16) if narrow else contextlib.nullcontext()

    torch.set_default_device("cuda")
    if mode == "train":
        net.train()
        trained = [p for p in net.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trained, lr=1e-6, momentum=0.9, weight_decay=1e-4, fused=True)
        args = type("Arguments", (), {"batch": batch, "objects": 8, "classes": 91, "model": kind})
        targets = reference.targets_for(args, height, width)
        losses = reference.retinanet_losses if kind == "retinanet" else reference.rcnn_losses

        def once():
            with cast():
                found = losses(net, images, targets)
            reference.train_step(found, optimizer)
    else:
        net.eval()
        forward = (reference.retinanet_forward if kind == "retinanet" else reference.rcnn_forward)

        def once():
            with torch.inference_mode(), cast():
                forward(net, images)

    torch.cuda.reset_peak_memory_stats()
    took = seconds(once)
    return {"model": kind, "mode": mode, "batch": batch, "precision": precision, "size": size,
            "seconds": took, "images_per_second": batch / took,
            "peak_bytes": torch.cuda.max_memory_allocated()}


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    torch.manual_seed(0)
    if what == "device":
        result = device()
    elif what == "pools":
        result = pools(*rest)
    else:
        result = model(what, rest[0], int(rest[1]), rest[2], rest[3])
    result |= {"program": "torchvision", "device": torch.cuda.get_device_name(),
               "versions": [torch.__version__, torchvision.__version__, torch.version.cuda]}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
