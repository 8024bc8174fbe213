#!/usr/bin/env bash
# Do backbones of our own help a detector? Trains ResNet-18 as a classifier of the blood cells in
# ../shared/data/bccd, of the objects in ../shared/data/coco, and of these and then the cells; then
# RetinaNet on blood cells with one short schedule and three seeds, from random weights and from
# each of them. Prints the APs with the intervals of their differences. 39 minutes on two cores that
# had other work too; run again, it continues where it was interrupted.
# Usage: tools/compare_pretraining.sh [section.key=value ...]        settings of all detectors
# TARN: the program (default build/tarn). Everything is left in runs/pretraining.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tarn=${TARN:-build/tarn}
folder=runs/pretraining
pretrain() { # NAME CONFIG [section.key=value ...]
    [[ -e $folder/$1.finished ]] && return
    SECONDS=0
    "$tarn" pretrain "$2" --output "$folder/$1" --resume train.eval_every=0 "${@:3}"
    echo "$1: $SECONDS s" | tee "$folder/$1.finished"
}
pretrain cells configs/bccd_classifier_r18.json
pretrain coco configs/coco_classifier_r18.json
pretrain coco_cells configs/bccd_classifier_r18.json model.allow_class_change=true \
    "model.weights=$folder/coco/last.safetensors"
SECONDS=0
"$tarn" experiment configs/experiments/bccd_pretrained.json --output "$folder/detectors" "$@"
echo "detectors: $SECONDS s"
