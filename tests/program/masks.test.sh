#!/bin/sh
# Mask R-CNN through the whole program: every loss in the log, box and mask AP, the best by either,
# resuming with all augmentation, masks in results files and pictures.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"

run synth --output "$work/data" --images 6 --val 2 --seed 5 --size 64x64 --classes 2
code 0
truth=$work/data/annotations/val.json
cat >"$work/masks.json" <<END
{ "data": {"train_images": "$work/data/images",
           "train_annotations": "$work/data/annotations/train.json",
           "val_images": "$work/data/images", "val_annotations": "$truth",
           "min_size": [64], "max_size": 64, "threads": 2, "lsj_size": 64, "copy_paste": 0.8,
           "brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.05},
  "model": {"type": "mask_rcnn"},
  "backbone": {"type": "resnet18", "norm": "bn", "trainable_layers": 5},
  "rpn": {"anchor_sizes": [16, 32, 64, 128, 256], "train_top_k": 100, "train_keep": 50, "top_k": 50,
          "keep": 20},
  "roi": {"samples": 16, "max_detections": 5, "score_threshold": 0.01},
  "train": {"iterations": 4, "batch_size": 2, "lr": 0.002, "clip_norm": 5, "warmup_iterations": 2,
            "eval_every": 2, "checkpoint_every": 1, "log_every": 1, "threads": 1} }
END

run train "$work/masks.json" --output "$work/whole"
code 0
out 'iteration 4/4 .*objectness .*rpn_box_reg .*classifier .*box_reg .*mask ' \
    'validation AP .*; masks AP ' 'best validation mask AP'
exists "$work/whole/best.safetensors" "$work/whole/ap.png" "$work/whole/losses.png"
for name in objectness rpn_box_reg classifier box_reg mask; do
    [ "$(grep -c "\"$name\":[0-9]" "$work/whole/log.jsonl")" -eq 4 ]
    check $? "the log lacks the loss $name"
done
[ "$(grep -c '"stats":{"AP":.*"mask_stats":{"AP":' "$work/whole/log.jsonl")" -eq 2 ]
check $? "the log lacks mask AP"

start parts "$work/masks.json"
wait_for "$work/parts/log.jsonl" '"iteration":2'
kill -9 "$child"
end
code 137
run train --output "$work/parts" --resume data.threads=1
code 0
# The number of threads stands in the file, so what both models find is compared.
run detect --checkpoint "$work/parts/last.safetensors" "$work/data/images/000001.jpg" \
    --output "$work/a" --score-threshold 0
code 0
run detect --checkpoint "$work/whole/last.safetensors" "$work/data/images/000001.jpg" \
    --output "$work/b" --score-threshold 0
code 0
same "$work/a/detections.json" "$work/b/detections.json"
same "$work/a/000001.jpg" "$work/b/000001.jpg"
grep -q '"segmentation":{"size":\[64,64\],"counts":"' "$work/b/detections.json"
check $? "detections.json lacks masks"

run eval --checkpoint "$work/whole/last.safetensors" --images "$work/data/images" \
    --annotations "$truth" --type segm --save-results "$work/results.json" --json "$work/model.json"
code 0
run eval --annotations "$truth" --results "$work/results.json" --type segm --json "$work/file.json"
code 0
same "$work/model.json" "$work/file.json"
run eval --checkpoint "$work/whole/last.safetensors" --images "$work/data/images" \
    --annotations "$truth" --json "$work/model.json"
code 0
run eval --annotations "$truth" --results "$work/results.json" --json "$work/file.json"
code 0
same "$work/model.json" "$work/file.json"

run train "$work/masks.json" --output "$work/boxes" train.iterations=2 eval.best_by=bbox
code 0
out 'best validation AP'

# A model without masks, and annotations without them.
run train "$work/masks.json" --output "$work/plain" train.iterations=1 model.type=faster_rcnn \
    data.copy_paste=0
code 0
run eval --checkpoint "$work/plain/last.safetensors" --images "$work/data/images" \
    --annotations "$truth" --type segm
refused 6 'finds boxes, no masks'
sed 's/"segmentation": *\[\[[^]]*\]\]/"segmentation": null/g' "$work/data/annotations/train.json" \
    >"$work/nomasks.json"
run train "$work/masks.json" --output "$work/none" "data.train_annotations=$work/nomasks.json"
refused 4 'nomasks\.json: annotation [0-9]+' 'has no segmentation'
sed 's/"segmentation": *\[\[[^]]*\]\]/"segmentation": {"size": [64, 64], "counts": [7]}/' \
    "$work/data/annotations/train.json" >"$work/short.json"
run train "$work/masks.json" --output "$work/none2" "data.train_annotations=$work/short.json"
refused 4 'short\.json: annotation [0-9]+' 'runs have 7 pixels'
finish
