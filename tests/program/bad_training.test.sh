#!/bin/sh
# What goes wrong before and during training is told with its place, and nothing is overwritten.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
tiny 4 0

run train "$work/tiny.json" --output "$work/run" data.val_images= data.val_annotations= \
    train.lr=1000 train.warmup_iterations=0 train.clip_norm=0 train.iterations=40 \
    train.checkpoint_every=1000
refused 7 'step [0-9]+' 'image ids [0-9]'
absent "$work/run/last.safetensors" "$work/run/last.state.safetensors"

run train "$work/tiny.json" --output "$work/gone" data.train_annotations="$work/none.json"
refused 3 'none\.json'
absent "$work/gone"
run train "$work/tiny.json" --output "$work/weights" model.weights="$work/none.safetensors"
refused 3 'none\.safetensors'
head -c 1000 /dev/zero >"$work/zero.safetensors"
run train "$work/tiny.json" --output "$work/weights" model.weights="$work/zero.safetensors"
refused 4 'zero\.safetensors'
absent "$work/weights"

rm "$work"/data/images/00000[1-4].jpg
run train "$work/tiny.json" --output "$work/images" data.val_images= data.val_annotations=
refused 3 'images/00000[1-4]\.jpg'

run train "$work/tiny.json"
refused 2 '--output'
run train --output "$work/x"
refused 2 'usage: tarn train'
run train "$work/tiny.json" extra.json --output "$work/x"
refused 2 'extra\.json'
finish
