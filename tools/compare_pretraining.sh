#!/usr/bin/env bash
# Does a backbone of our own help a detector? Trains ResNet-18 on crops of the blood cells in
# ../shared/data/bccd, then RetinaNet with one short schedule and three seeds, from random weights
# and from that backbone, and prints the APs with the interval of their difference. About a quarter
# of an hour on two free cores; run again, it continues where it was interrupted.
# Usage: tools/compare_pretraining.sh [section.key=value ...]        settings of both detectors
# TARN: the program (default build/tarn); CLASSIFIER: settings of the classifier.
# Everything is left in runs/pretraining.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tarn=${TARN:-build/tarn}
folder=runs/pretraining
read -ra classifier <<<"${CLASSIFIER:-}"
SECONDS=0
"$tarn" pretrain configs/bccd_classifier_r18.json --output "$folder/classifier" --resume \
    train.eval_every=0 "${classifier[@]}"
echo "classifier: $SECONDS s"
"$tarn" experiment configs/experiments/bccd_pretrained.json --output "$folder/detectors" "$@"
echo "in all: $SECONDS s"
