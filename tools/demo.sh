#!/usr/bin/env bash
# The main job from beginning to end, on any Linux machine: makes a data set, trains RetinaNet on
# it, evaluates the best checkpoint and runs it over images. Leaves everything in a folder.
# Usage: tools/demo.sh [FOLDER]        (default: runs/demo)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-runs/demo}
case $folder in
-*)
    echo "usage: tools/demo.sh [FOLDER]" >&2
    exit 2
    ;;
esac
SECONDS=0
step() { printf '\n== %s  [%d s]\n' "$*" "$SECONDS"; }

step "packages"
tools/setup.sh

step "build"
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(nproc)" --target tarn -- --quiet
tarn=build/tarn

# A demo is made anew each time; only what an earlier one left is removed.
if [[ -e $folder && ! -f $folder/.tarn-demo ]]; then
    echo "$folder exists and holds no earlier demo: name another folder, or remove it" >&2
    exit 1
fi
rm -rf "$folder"
mkdir -p "$folder"
: >"$folder/.tarn-demo"

step "data: synthetic images with boxes"
"$tarn" synth --output "$folder/data/train" --images 400 --seed 1 --size 128
"$tarn" synth --output "$folder/data/val" --images 60 --seed 2 --size 128

step "train"
"$tarn" train configs/demo.json --output "$folder/run" \
    "data.train_images=$folder/data/train/images" \
    "data.train_annotations=$folder/data/train/annotations.json" \
    "data.val_images=$folder/data/val/images" \
    "data.val_annotations=$folder/data/val/annotations.json"

step "evaluate"
"$tarn" eval --checkpoint "$folder/run/best.safetensors" \
    --images "$folder/data/val/images" --annotations "$folder/data/val/annotations.json" \
    --save-results "$folder/results.json" --json "$folder/eval.json"

step "detect"
"$tarn" detect --checkpoint "$folder/run/best.safetensors" "$folder/data/val/images" \
    --output "$folder/detections"

step "done"
cat <<END
  pictures     $folder/detections/
  detections   $folder/detections/detections.json
  charts       $folder/run/*.png
  checkpoint   $folder/run/best.safetensors
  evaluation   $folder/eval.json
END
