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
"$tarn" synth --output "$folder/data" --images 1260 --val 60 --size 256x256 --classes 3 \
    --smallest 0.2 --tinted 1 --seed 1
images=$folder/data/images
truth=$folder/data/annotations

step "train"
"$tarn" train configs/demo.json --output "$folder/run" \
    "data.train_images=$images" "data.train_annotations=$truth/train.json" \
    "data.val_images=$images" "data.val_annotations=$truth/val.json"

step "evaluate"
"$tarn" eval --checkpoint "$folder/run/best.safetensors" --images "$images" \
    --annotations "$truth/val.json" --save-results "$folder/results.json" \
    --json "$folder/eval.json"

step "detect"
mapfile -t names < <(sed -n 's/.*"file_name": *"\([^"]*\)".*/\1/p' "$truth/val.json")
"$tarn" detect --checkpoint "$folder/run/best.safetensors" "${names[@]/#/$images/}" \
    --output "$folder/detections"

step "done"
cat <<END
  pictures     $folder/detections/
  detections   $folder/detections/detections.json
  charts       $folder/run/*.png
  checkpoint   $folder/run/best.safetensors
  evaluation   $folder/eval.json
END
