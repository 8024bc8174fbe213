#!/usr/bin/env python3
"""COCO evaluation with another library, as a program of its own: reads both files, prints the 12
lines. --save writes the arrays precision, recall, scores and stats (numpy's .npz).

Usage: bench_eval_reference.py pycocotools|faster-coco-eval bbox|segm TRUTH RESULTS [--save F.npz]
                               [--class-agnostic]
"""
import argparse


def pycocotools(arguments):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    truth = COCO(arguments.truth)
    return COCOeval(truth, truth.loadRes(arguments.results), arguments.type)


def faster_coco_eval(arguments):
    from faster_coco_eval import COCO, COCOeval_faster
    truth = COCO(arguments.truth)
    results = truth.loadRes(arguments.results)
    return COCOeval_faster(truth, results, iouType=arguments.type, print_function=print)


LIBRARIES = {"pycocotools": pycocotools, "faster-coco-eval": faster_coco_eval}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("type", choices=["bbox", "segm"])
    parser.add_argument("truth")
    parser.add_argument("results")
    parser.add_argument("--save")
    parser.add_argument("--class-agnostic", action="store_true")
    arguments = parser.parse_args()
    evaluation = LIBRARIES[arguments.library](arguments)
    evaluation.params.useCats = int(not arguments.class_agnostic)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    if arguments.save:
        import numpy
        arrays = {name: evaluation.eval[name] for name in ("precision", "recall", "scores")}
        numpy.savez(arguments.save, stats=evaluation.stats, **arrays)


if __name__ == "__main__":
    main()
