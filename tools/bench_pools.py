#!/usr/bin/env python3
"""Times PyTorch's pooling on the CPU: max_pool2d, avg_pool2d and SoftPool written in PyTorch
operations, forward and backward, for one memory layout.  tools/bench_pools.sh runs it beside
`tarn bench pools` and joins the results.

    bench_pools.py time LAYOUT SHAPE RUNS      one JSON object on stdout; medians in seconds
    bench_pools.py join FOLDER OUTPUT          of all rounds, with a Markdown table on stdout
"""
import glob
import json
import statistics
import sys
import time

KERNELS = (2, 3)
STRIDE = 2


def soft_pool(x, kernel, padding):
    """Without subtraction of the maximum: the least work that it can be."""
    import torch.nn.functional as F
    e = x.exp()
    return (F.avg_pool2d(x * e, kernel, STRIDE, padding) /
            F.avg_pool2d(e, kernel, STRIDE, padding))


def measure(layout, shape, runs):
    import torch
    import torch.nn.functional as F
    pools = {
        "max": lambda x, k, p: F.max_pool2d(x, k, STRIDE, p),
        "avg": lambda x, k, p: F.avg_pool2d(x, k, STRIDE, p, count_include_pad=False),
        "soft": soft_pool,
    }
    n, h, w, c = (int(v) for v in shape.split("x"))
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    x = torch.relu(torch.rand(n, c, h, w) * 4 - 2).contiguous(memory_format=memory_format)
    x.requires_grad_()
    rows = []
    for name, pool in pools.items():
        for kernel in KERNELS:
            forward, backward, dy = [], [], None
            for run in range(-1, runs):
                x.grad = None
                start = time.perf_counter()
                y = pool(x, kernel, (kernel - 1) // 2)
                middle = time.perf_counter()
                if dy is None:
                    dy = torch.rand_like(y)
                begin = time.perf_counter()
                y.backward(dy)
                end = time.perf_counter()
                if run >= 0:
                    forward.append(middle - start)
                    backward.append(end - begin)
                del y
            rows.append({"pool": name, "kernel": kernel,
                         "forward_seconds": statistics.median(forward),
                         "backward_seconds": statistics.median(backward)})
    return {"torch": torch.__version__, "layout": layout, "threads": torch.get_num_threads(),
            "shape": shape, "runs": runs, "pools": rows}


def collect(folder, pattern):
    """(pool, kernel) -> {forward, backward}: medians over the rounds."""
    files = [json.load(open(path, encoding="utf-8"))
             for path in sorted(glob.glob(f"{folder}/{pattern}"))]
    times = {}
    for data in files:
        for row in data["pools"]:
            entry = times.setdefault((row["pool"], row["kernel"]), {"row": row, "f": [], "b": []})
            entry["f"].append(row["forward_seconds"])
            entry["b"].append(row["backward_seconds"])
    return files, {key: dict(v["row"], forward_seconds=statistics.median(v["f"]),
                             backward_seconds=statistics.median(v["b"]))
                   for key, v in times.items()}


def join(folder, output):
    files, tarn = collect(folder, "tarn.*")
    layouts = {name: collect(folder, name + ".*") for name in ("contiguous", "channels_last")}
    copy = max(data["copy_bytes_per_second"] for data in files)
    result = {"shape": files[0]["shape"], "dtype": files[0]["dtype"], "rounds": len(files),
              "runs": files[0]["runs"], "copy_bytes_per_second": copy,
              "copy_kind": files[0]["copy_kind"], "tarn": list(tarn.values())}
    for name, (data, times) in layouts.items():
        if data:
            result["torch"] = data[0]["torch"]
            result["threads"] = data[0]["threads"]
            result["torch_" + name] = list(times.values())
    print(f"copy: {copy * 1e-9:.1f} GB/s ({files[0]['copy_kind']})\n")
    print("| pool | window | forward | of copy | backward | of copy | held | PyTorch forward | "
          "PyTorch backward | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (pool, kernel), row in tarn.items():
        cells = [pool, f"{kernel}x{kernel}/{row['stride']}"]
        for way in ("forward", "backward"):
            seconds = row[way + "_seconds"]
            cells += [f"{seconds * 1e3:.1f} ms", f"{row[way + '_bytes'] / seconds / copy:.0%}"]
        cells.append(f"{row['held_bytes'] * 1e-6:.0f} MB")
        others = [times[pool, kernel] for _, times in layouts.values() if (pool, kernel) in times]
        if others:
            best = {way: min(o[way + "_seconds"] for o in others)
                    for way in ("forward", "backward")}
            ratio = sum(best.values()) / (row["forward_seconds"] + row["backward_seconds"])
            cells += [f"{best['forward'] * 1e3:.1f} ms", f"{best['backward'] * 1e3:.1f} ms",
                      f"{ratio:.1f}"]
        else:
            cells += ["", "", ""]
        print("| " + " | ".join(cells) + " |")
    if output:
        with open(output, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    if sys.argv[1] == "time":
        print(json.dumps(measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
    else:
        join(sys.argv[2], sys.argv[3])
