#!/bin/sh
# The number of threads that prepare images changes neither weights nor detections.
. "$ROOT/tests/program/lib.sh"

"$TARN" synth --output "$work/set" --images 10 --val 4 --size 64x64 --seed 5 2>/dev/null
for threads in 1 3; do
    run train "$ROOT/tests/program/small.json" --output "$work/run$threads" \
        "data.train_images=$work/set/images" \
        "data.train_annotations=$work/set/annotations/train.json" \
        "data.val_images=$work/set/images" \
        "data.val_annotations=$work/set/annotations/val.json" \
        "data.min_size=64,96" "data.max_size=96" "data.threads=$threads" "data.queue=$threads" \
        train.iterations=4 train.threads=1
    code 0
    run eval --checkpoint "$work/run$threads/last.safetensors" --images "$work/set/images" \
        --annotations "$work/set/annotations/val.json" --save-results "$work/results$threads.json"
    code 0
    # The weights alone: the header holds the number of threads.
    tail -c 10000000 "$work/run$threads/last.safetensors" | cksum >"$work/sum$threads"
done
cmp -s "$work/sum1" "$work/sum3"
check $? 'weights depend on the number of loader threads'
cmp -s "$work/results1.json" "$work/results3.json"
check $? 'detections depend on the number of loader threads'
finish
