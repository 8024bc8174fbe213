#!/bin/sh
# Detection over a folder with broken images: they are reported and left out, the rest is done.
. "$ROOT/tests/program/lib.sh"

"$TARN" synth --output "$work/set" --images 4 --val 1 --size 64x64 --seed 3 2>/dev/null
run train "$ROOT/tests/program/small.json" --output "$work/run" \
    "data.train_images=$work/set/images" \
    "data.train_annotations=$work/set/annotations/train.json" \
    "data.val_images=$work/set/images" "data.val_annotations=$work/set/annotations/val.json"
code 0
exists "$work/run/config.json" "$work/run/log.jsonl" "$work/run/last.safetensors" \
    "$work/run/best.safetensors" "$work/run/losses.png" "$work/run/ap.png"
model=$work/run/last.safetensors

mkdir "$work/in"
cp "$work/set/images/000001.jpg" "$work/set/images/000002.jpg" "$work/in/"
run detect --checkpoint "$model" "$work/in" --output "$work/good" --score-threshold 0
code 0
exists "$work/good/000001.jpg" "$work/good/000002.jpg" "$work/good/detections.json"

head -c 500 "$work/set/images/000003.jpg" >"$work/in/cut.jpg"
echo 'no picture' >"$work/in/text.png"
: >"$work/in/empty.jpg"
run detect --checkpoint "$model" "$work/in" --output "$work/mixed" --score-threshold 0
refused 4 'cut\.jpg' 'text\.png' 'empty\.jpg' '3 of 5'
exists "$work/mixed/000001.jpg" "$work/mixed/000002.jpg" "$work/mixed/detections.json"
absent "$work/mixed/cut.jpg" "$work/mixed/text.png"

run detect --checkpoint "$model" "$work/nowhere.jpg" --output "$work/none"
refused 4 'nowhere\.jpg'
mkdir "$work/bare"
run detect --checkpoint "$model" "$work/bare" --output "$work/none"
refused 3 'bare'
run detect --checkpoint "$model" "$work/in" --output "$work/in"
refused 2 'output'
run detect --checkpoint "$model" "$work/in" --output "$work/x" --score-threshold 2
refused 2 'score-threshold' '2'
run detect --checkpoint "$model" --output "$work/x"
refused 2

# Evaluation leaves a broken image out and says so.
cp "$work/in/cut.jpg" "$work/set/images/000004.jpg"
run eval --checkpoint "$model" --images "$work/set/images" \
    --annotations "$work/set/annotations/val.json" --json "$work/eval.json"
err '000004\.jpg'
finish
