#!/bin/sh
# A full disk: a clear error, and what was there before is still there and whole.
. "$ROOT/tests/program/lib.sh"

"$TARN" synth --output "$work/set" --images 4 --val 1 --size 64x64 --seed 3 2>/dev/null
train() { # train FOLDER [MORE...]
    folder=$1
    shift
    run train "$ROOT/tests/program/small.json" --output "$folder" \
        "data.train_images=$work/set/images" \
        "data.train_annotations=$work/set/annotations/train.json" "$@"
}

# Standard output that cannot be written.
if [ -w /dev/full ]; then
    last='tarn info > /dev/full'
    rc=0
    : >"$work/out"
    "$TARN" info >/dev/full 2>"$work/err" || rc=$?
    code 3
    err 'standard output'
fi

train "$work/run" train.iterations=2 train.checkpoint_every=1
code 0
cksum "$work/run/last.safetensors" >"$work/before"

# No file may grow over 1 MB: what the program meets is a write that fails half-way.
limited() {
    last="tarn $* (files limited)"
    rc=0
    (
        trap '' XFSZ
        ulimit -f 2000
        exec "$TARN" "$@"
    ) >"$work/out" 2>"$work/err" </dev/null || rc=$?
}
limited train --resume --output "$work/run" train.iterations=4
refused 3 'safetensors'
cksum "$work/run/last.safetensors" | cmp -s - "$work/before"
check $? 'the last good checkpoint changed'
[ -z "$(find "$work/run" -name '*.tmp')" ]
check $? 'a temporary file is left'
run info "$work/run/last.safetensors"
code 0
# With room again the run goes on.
run train --resume --output "$work/run" train.iterations=3
code 0

# The same with a file system that is full, where one can be made.
mkdir "$work/small"
if mount -t tmpfs -o size=4m tmpfs "$work/small" 2>/dev/null; then
    train "$work/small/run"
    refused 3 'small/run' 'No space left'
    absent "$work/small/run/last.safetensors"
    run synth --output "$work/small/set" --images 4000 --size 256x256
    refused 3 'small/set' 'No space left'
    head -c 8000000 /dev/zero >"$work/small/fill" 2>/dev/null
    run eval --annotations "$work/set/annotations/val.json" --results "$work/none.json" \
        --json "$work/small/out.json"
    code 3
    umount "$work/small"
fi
finish
