#!/bin/sh
# A detector trains with every pooling layer that may stand in the stem and the stages, and a run in
# two parts ends with the same bits as one in a piece.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
tiny 4 1

run pools
code 0
names=$(sed -n 's/^\([a-z0-9]*\)  *S D [G-] .*/\1/p' "$work/out")
printf '%s\n' "$names" | grep -qx s3dpp
check $? 'pools are missing'
for name in $names; do
    train() { # train RUN ITERATIONS [--resume]
        output=$work/$1 iterations=$2
        shift 2
        run train "$work/tiny.json" --output "$output" "$@" "train.iterations=$iterations" \
            train.steps=[] train.accumulate=1 data.val_images= data.val_annotations= \
            "backbone.pool.stem.type=$name" "backbone.pool.downsample.type=$name"
        code 0
    }
    train whole 4
    train parts 2
    train parts 4 --resume
    same "$work/whole/last.safetensors" "$work/parts/last.safetensors"
    if grep -Eiq 'nan|inf' "$work/whole/log.jsonl"; then
        check 1 "$name: a value is not finite"
    fi
    # What is learned can be watched.
    if "$TARN" pools "$name" | grep -q '^trained  *[1-9]'; then
        grep -q 'backbone\.body\.pool\.' "$work/whole/log.jsonl"
        check $? "$name: its parameters are not in the log"
    fi
    rm -rf "$work/whole" "$work/parts"
done
finish
