#!/usr/bin/env bash
# Instance masks from beginning to end with the program that is built already: makes a synthetic
# data set, examines it, shows what the network sees, trains Mask R-CNN, evaluates masks and draws
# them. Leaves everything in a folder.
# Usage: tools/demo_masks.sh [FOLDER]        (default: runs/demo_masks; TARN: the program)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-runs/demo_masks}
tarn=${TARN:-build/tarn}
case $folder in
-*)
    echo "usage: tools/demo_masks.sh [FOLDER]" >&2
    exit 2
    ;;
esac
if [[ ! -x $tarn ]]; then
    echo "$tarn is not built: cmake --preset release && cmake --build --preset release" >&2
    exit 1
fi
if [[ -e $folder && ! -f $folder/.tarn-demo ]]; then
    echo "$folder exists and holds no earlier demo: name another folder, or remove it" >&2
    exit 1
fi
rm -rf "$folder"
mkdir -p "$folder"
: >"$folder/.tarn-demo"
SECONDS=0
step() { printf '\n== %s  [%d s]\n' "$*" "$SECONDS"; }
images=$folder/data/images
truth=$folder/data/annotations
data=("data.train_images=$images" "data.train_annotations=$truth/train.json"
    "data.val_images=$images" "data.val_annotations=$truth/val.json")

step "data: synthetic images with masks"
"$tarn" synth --output "$folder/data" --images 1260 --val 60 --size 256x256 --classes 3 \
    --smallest 0.2 --tinted 1 --seed 1
"$tarn" data check "$truth/train.json" --images "$images" --output "$folder/charts" \
    --config configs/demo_masks.json
"$tarn" data preview configs/demo_masks.json --output "$folder/preview" "${data[@]}"

step "train"
"$tarn" train configs/demo_masks.json --output "$folder/run" "${data[@]}"

step "evaluate"
"$tarn" eval --checkpoint "$folder/run/best.safetensors" --images "$images" \
    --annotations "$truth/val.json" --type segm --save-results "$folder/results.json" \
    --json "$folder/eval.json"

step "detect"
mapfile -t names < <(sed -n 's/.*"file_name": *"\([^"]*\)".*/\1/p' "$truth/val.json")
"$tarn" detect --checkpoint "$folder/run/best.safetensors" "${names[@]/#/$images/}" \
    --output "$folder/detections"

step "done"
cat <<END
  what the network sees    $folder/preview/
  the data set             $folder/charts/
  pictures                 $folder/detections/
  charts                   $folder/run/*.png
  evaluation               $folder/eval.json
END
