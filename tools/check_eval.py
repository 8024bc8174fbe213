#!/usr/bin/env python3
"""Compares the whole tensors of `tarn eval` with pycocotools', bit for bit, on sets too large to be
committed as golden files. With 1, 2 and 8 threads, boxes and masks, classes apart and as one.

Usage: check_eval.py TARN FOLDER... [--type bbox|segm] [--keep]
FOLDERs are made by tools/bench_eval_set.py, or are named TRUTH,BOXES,MASKS: three files. Needs
pycocotools, numpy and safetensors. --keep: pycocotools' arrays stay in FOLDER/*.npz and are used
again.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file

REFERENCE = pathlib.Path(__file__).parent / "bench_eval_reference.py"
TENSORS = ("precision", "recall", "scores")


def reference(kind, truth, results, options, path):
    if not path.exists():
        subprocess.run([sys.executable, REFERENCE, "pycocotools", kind, truth, results, "--save",
                        path, *options], check=True, stdout=subprocess.DEVNULL)
    return np.load(path)


def compare(tarn, kind, truth, results, options, expected, folder):
    """Returns whether all bits agree."""
    fine = True
    for threads in (1, 2, 8):
        path = folder / "tensors.safetensors"
        subprocess.run([tarn, "eval", "--annotations", truth, "--results", results, "--type", kind,
                        "--tensors", path, *options], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"OMP_NUM_THREADS": str(threads)})
        found = load_file(path)
        wrong = [int((found[n].view(np.int64) != np.ascontiguousarray(expected[n]).view(np.int64))
                     .sum()) for n in TENSORS]
        total = sum(found[n].size for n in TENSORS)
        print(f"{truth} {kind} {' '.join(options)} {threads} threads: {total:,} elements, "
              f"{sum(wrong):,} differ" + (f" {dict(zip(TENSORS, wrong))}" if sum(wrong) else ""),
              flush=True)
        fine = fine and sum(wrong) == 0
    return fine


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tarn")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--type", choices=["bbox", "segm"])
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    fine = True
    for name in arguments.folders:
        truth, boxes, masks = (name.split(",") if "," in name else
                               [f"{name}/{f}.json" for f in ("truth", "boxes", "masks")])
        for kind, results in (("bbox", boxes), ("segm", masks)):
            if arguments.type not in (None, kind):
                continue
            for options in ([], ["--class-agnostic"]):
                with tempfile.TemporaryDirectory() as temporary:
                    temporary = pathlib.Path(temporary)
                    cache = pathlib.Path(truth).parent if arguments.keep else temporary
                    expected = reference(kind, truth, results, options,
                                         cache / f"{kind}{''.join(options)}.npz")
                    fine &= compare(arguments.tarn, kind, truth, results, options, expected,
                                    temporary)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
