#!/bin/sh
# A classifier is trained; killed and resumed it ends with the same bits; a detector starts from it.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
. "$ROOT/tests/program/classify.sh"
shapes

# All that a training can keep beside its weights.
all="backbone.pool.global.type=flex backbone.pool.global.norm=penalty classifier.aux_stages=2,3
    classifier.label_smoothing=0.1 train.optimizer=adamw train.lr=0.001 train.ema=0.9
    train.weight_decay=0.05"
# shellcheck disable=SC2086
run pretrain "$work/classifier.json" --output "$work/whole" $all
code 0
out 'iteration 6/6 .*classification .*penalty .*aux3 .*aux2' 'iteration 3: validation top-1 0\.' \
    'best validation top-1'
exists "$work/whole/last.safetensors" "$work/whole/best.safetensors" "$work/whole/losses.png" \
    "$work/whole/accuracy.png" "$work/whole/confusion.png"
absent "$work/whole/ap.png"

# Auxiliary classifiers, which inference leaves out, are listed too.
run info "$work/whole/last.safetensors"
code 0
out '^avgpool +flex_weights ' '^aux\.layer2\.fc\.weight +in training only ' \
    '^aux\.layer3\.pool\.weight +in training only '

# shellcheck disable=SC2086
"$TARN" pretrain "$work/classifier.json" --output "$work/parts" $all \
    >"$work/out" 2>"$work/err" </dev/null &
child=$!
wait_for "$work/parts/log.jsonl" '"iteration":4'
kill -9 "$child"
end
code 137
run pretrain --output "$work/parts" --resume
code 0
same "$work/whole/last.safetensors" "$work/parts/last.safetensors"
same "$work/whole/best.safetensors" "$work/parts/best.safetensors"

# The wrong command, the wrong data.
run train "$work/classifier.json" --output "$work/no"
refused 2 'tarn pretrain'
run pretrain "$work/classifier.json" --output "$work/no" data.format=coco data.val_images= \
    data.train_annotations="$work/none.json"
refused 2 'data\.format'
run pretrain "$work/classifier.json" --output "$work/no" classifier.aux_stages=3,2
refused 2 'aux_stages'
run pretrain "$work/classifier.json" --output "$work/no" data.train_images="$work/none"
refused 3 'none'
run pretrain "$work/classifier.json" --output "$work/no" data.train_images="$work/shapes/train/disc"
refused 4
printf 'train/disc/000001.jpg round\ntrain/square/000002.jpg\n' >"$work/list.txt"
run pretrain "$work/classifier.json" --output "$work/no" data.format=list \
    data.train_images="$work/shapes" data.train_annotations="$work/list.txt" data.val_images=
refused 4 'list\.txt: line 2'
absent "$work/no"

# Boxes of a COCO set are images too, and a detector takes the backbone.
tiny 4 2
run pretrain "$work/classifier.json" --output "$work/crops" data.format=coco_crops \
    data.train_images="$work/data/images" \
    data.train_annotations="$work/data/annotations/train.json" data.val_images= \
    train.iterations=1 train.batch_size=2
code 0
run train "$work/tiny.json" --output "$work/detector" train.iterations=1 train.eval_every=0 \
    data.val_images= data.val_annotations= model.weights="$work/whole/last.safetensors"
code 0
err 'last\.safetensors: 1[0-9][0-9] tensors loaded' 'unused: ' 'fc\.weight' 'aux\.layer[23]\.fc'
exists "$work/detector/last.safetensors"
# A detector with its pooling exchanged.
run eval --checkpoint "$work/detector/last.safetensors" --images "$work/data/images" \
    --annotations "$work/data/annotations/val.json" --set backbone.pool.stem.type=soft
code 0
run eval --checkpoint "$work/detector/last.safetensors" --images "$work/data/images" \
    --annotations "$work/data/annotations/val.json" --set=backbone.pool.stem.type=lip
refused 4 'must be trained'
run classify --checkpoint "$work/detector/last.safetensors" "$work/data/images"
refused 2 'tarn detect'
finish
