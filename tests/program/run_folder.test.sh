#!/bin/sh
# Folders that hold something else are not written over.
. "$ROOT/tests/program/lib.sh"

"$TARN" synth --output "$work/set" --images 4 --val 1 --size 64x64 --seed 3 2>/dev/null
train() {
    run train "$ROOT/tests/program/small.json" --output "$work/run" \
        "data.train_images=$work/set/images" \
        "data.train_annotations=$work/set/annotations/train.json" "$@"
}
train
code 0
cksum "$work/run/"* >"$work/before"
train
refused 2 'run' '--resume'
cksum "$work/run/"* | cmp -s - "$work/before"
check $? 'files of the other run changed'

# --resume with another model or data is no continuation.
train --resume backbone.type=resnet34
refused 4 'backbone\.type' 'last\.state\.safetensors.*missing'
cksum "$work/run/"* | cmp -s - "$work/before"
check $? 'files of the other run changed'

run train "$ROOT/tests/program/small.json" --output "$work/set/images/000001.jpg" \
    "data.train_images=$work/set/images" "data.train_annotations=$work/set/annotations/train.json"
refused 3 '000001\.jpg'

# A set of other settings, and a folder with other files.
run synth --output "$work/set" --images 5 --size 64x64 --seed 4
refused 2 'set'
mkdir "$work/full"
echo x >"$work/full/mine.txt"
run synth --output "$work/full" --images 2 --size 64x64
refused 2 'full'
exists "$work/full/mine.txt"
finish
