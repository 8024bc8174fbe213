#!/bin/sh
# The whole job on a few images: trained until it finds them again, evaluated, run over a folder.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
tiny 2 0
# Under sanitizers everything runs, but too slowly to train until the objects are found.
iterations=200 threshold=0.5 least=0.8
run info
code 0
if grep -q 'sanitizers' "$work/out"; then
    iterations=20 threshold=0 least=0
fi
run train "$work/tiny.json" --output "$work/run" data.val_images="$work/data/images" \
    data.val_annotations="$work/data/annotations/train.json" data.flip=0 backbone.norm=gn \
    data.min_size=128 data.max_size=128 train.iterations=$iterations train.batch_size=2 train.accumulate=1 \
    train.lr=0.02 train.warmup_iterations=10 train.eval_every=0 train.checkpoint_every=1000 \
    train.steps=0.85 train.log_every=10
code 0

best=$work/run/best.safetensors
run eval --checkpoint "$best" --images "$work/data/images" \
    --annotations "$work/data/annotations/train.json" --save-results "$work/results.json" \
    --json "$work/eval.json"
code 0
out 'Average Precision  \(AP\) @\[ IoU=0.50:0.95' 'disc' 'square'
cp "$work/out" "$work/first"
ap50=$(sed -n 's/.*"AP50": *\([0-9.e-]*\).*/\1/p' "$work/eval.json" | head -n 1)
awk -v x="$ap50" -v least="$least" 'BEGIN { exit !(x != "" && x >= least) }'
check $? "AP50 on the training images is '$ap50', expected $least or more"

# The saved results give the same numbers.
run eval --annotations "$work/data/annotations/train.json" --results "$work/results.json" \
    --per-class
code 0
same "$work/first" "$work/out"

echo broken >"$work/data/images/zz.jpg"
run detect --checkpoint "$best" "$work/data/images" --output "$work/found" \
    --score-threshold "$threshold"
refused 4 'zz\.jpg' '1 of 3 images'
exists "$work/found/000001.jpg" "$work/found/000002.jpg" "$work/found/detections.json"
absent "$work/found/zz.jpg"
grep -q '"image_id":1,"category_id":[12],"bbox":\[.*"score":.*"file_name":".*/000001.jpg"' \
    "$work/found/detections.json"
check $? 'detections.json lacks an entry for the first image'
run detect --checkpoint "$best" "$work/data/images/000001.jpg" --output "$work/one" \
    --score-threshold "$threshold"
code 0
out '[1-9][0-9]* objects in 1 images'
run detect --checkpoint "$best" "$work/data/images/000001.jpg" --output "$work/data/images"
refused 2 'holds'
run detect --checkpoint "$best" "$work/nowhere" --output "$work/two"
refused 4 'nowhere'
run info "$best"
code 0
out 'class 1: disc' 'backbone.body.conv1 ' '[0-9]+ parameters'
finish
