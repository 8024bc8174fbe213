#!/bin/sh
# tarn submit --type segm: masks of a model that finds them, and a check that reads them.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"

tiny 2 1
run train "$work/tiny.json" --output "$work/run" model.type=mask_rcnn train.iterations=1
code 0
info=$work/instances_val2017.json
cp "$work/data/annotations/val.json" "$info"
run submit --checkpoint "$work/run/last.safetensors" --images "$work/data/images" \
    --image-info "$info" --name m --type segm --output "$work/masks" roi.score_threshold=0
code 0
zip=$work/masks/detections_val2017_m_results.zip
run submit --check "$zip" --image-info "$info"
code 0
out 'results \(masks\) of 1 of 1 images' 'nothing speaks against it'

# Of another size than the list says, every mask is told.
sed 's/"height": *64/"height": 65/' "$info" >"$work/image_info_val2017.json"
run submit --check "$zip" --image-info "$work/image_info_val2017.json" --findings 2
refused 4 'errors'
out 'error: entry 0: segmentation is of 64 x 64 pixels, image [0-9]+ of 65 x 64' 'more findings'
finish
