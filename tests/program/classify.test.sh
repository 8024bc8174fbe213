#!/bin/sh
# tarn classify, tarn eval of a classifier, tarn compare --classification.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
. "$ROOT/tests/program/classify.sh"
shapes
run pretrain "$work/classifier.json" --output "$work/run" train.iterations=2 train.eval_every=0
code 0
model=$work/run/last.safetensors

# On the config's own validation images.
run eval --checkpoint "$model" --save-results "$work/a.json" --json "$work/numbers.json" \
    --charts "$work/charts"
code 0
out '^disc +3 ' '^9 images: top-1 [0-9.]+ %, top-5 100\.00 %, mean of the classes .*loss'
err '9 images in .* images/s'
exists "$work/a.json" "$work/numbers.json" "$work/charts/confusion.png" "$work/charts/classes.png"
grep -q '"confusion"' "$work/numbers.json"
check $? 'the JSON lacks the confusion matrix'
# On other images; as a list; with another pooling layer; one image at a time.
run eval --checkpoint "$model" --images "$work/shapes/train" --per-class
code 0
out '^24 images: '
printf 'val/disc/000025.jpg disc\nval/triangle/000027.jpg triangle\n' >"$work/list.txt"
run eval --checkpoint "$model" --images "$work/shapes" --annotations "$work/list.txt" \
    data.format=list
code 0
out '^2 images: '
run eval --checkpoint "$model" --save-results "$work/one.json" eval.batch_size=1
code 0
run compare --classification "$work/a.json" "$work/one.json"
code 0
out 'of the 0 images where one alone is right'
run eval --checkpoint "$model" --save-results "$work/b.json" --set backbone.pool.stem.type=soft
code 0
cmp -s "$work/a.json" "$work/b.json"
[ $? -eq 1 ]
check $? 'the exchanged pool changes nothing'
run eval --checkpoint "$model" --set backbone.pool.global.type=flex
refused 4 'avgpool|pool' 'must be trained'
run eval --checkpoint "$model" --set backbone.pool.stem.typ=soft
refused 2 'typ'
run eval --checkpoint "$model" --set nonsense
refused 2 'section\.key=value'
run eval --checkpoint "$model" --set
refused 2 'section\.key=value'

# What belongs to detectors is refused, and what cannot be measured.
run eval --checkpoint "$model" --iou 0.5
refused 2 'iou' 'classifier'
run eval --checkpoint "$model" --report "$work/r.html"
refused 2 'report'
run eval --checkpoint "$model" --annotations "$work/list.txt"
refused 2 'images'
run eval --results "$work/a.json" --annotations "$work/list.txt" --charts "$work/charts"
refused 2 'charts'
mkdir -p "$work/other/hexagon"
cp "$work/shapes/val/disc/000025.jpg" "$work/other/hexagon/"
run eval --checkpoint "$model" --images "$work/other"
refused 4 "'hexagon' is not among the model's 3"

# McNemar's test.
run compare --classification "$work/a.json" "$work/b.json" --json "$work/compared.json"
code 0
out '^A: top-1 ' '^B: top-1 ' '^A right ' 'continuity-corrected' 'exact binomial' 'take the exact one'
exists "$work/compared.json"
run compare --classification "$work/a.json" "$work/a.json"
code 0
out 'B - A: \+0\.00 points' 'p = 1$'
run compare --classification "$work/a.json"
refused 2 'usage'
run compare --classification "$work/a.json" "$work/b.json" --annotations "$work/a.json"
refused 2 'annotations'
run compare --classification "$work/a.json" "$work/b.json" --resamples 5
refused 2 'resamples'
run compare --classification "$work/a.json" "$work/compared.json"
refused 4 'compared\.json'
run eval --checkpoint "$model" --images "$work/shapes/train" --save-results "$work/train.json"
run compare --classification "$work/a.json" "$work/train.json"
refused 4 'image [0-9]+'

# Classes of files and folders; what is broken is named and skipped.
run classify --checkpoint "$model" "$work/shapes/val/disc" "$work/shapes/val/square/000026.jpg" \
    --json "$work/classes.json" --top 2
code 0
out '^image +class +% +class +%' 'disc/000025\.jpg +(disc|square|triangle) +[0-9.]+ +(disc|square|triangle) +[0-9.]+$'
[ "$(wc -l <"$work/out")" -eq 5 ]
check $? 'expected a line for each of four images'
err '4 images in .* images/s'
grep -q '"label": -1' "$work/classes.json"
check $? 'a class that nobody told'
mkdir "$work/broken"
cp "$work/shapes/val/disc/000025.jpg" "$work/broken/good.jpg"
head -c 400 "$work/broken/good.jpg" >"$work/broken/cut.jpg"
: >"$work/broken/empty.png"
run classify --checkpoint "$model" "$work/broken" "$work/gone.jpg"
refused 4 'cut\.jpg' 'empty\.png' 'gone\.jpg' '3 of 4 images could not be read'
out 'good\.jpg'
run classify "$work/broken"
refused 2 'checkpoint'
run classify --checkpoint "$model"
refused 2 'usage'
run classify --checkpoint "$model" "$work/broken" --top 6
refused 2 'top'
run classify --checkpoint "$work/a.json" "$work/broken"
code 4
finish
