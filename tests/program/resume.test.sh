#!/bin/sh
# A run that is killed, interrupted and killed again ends with the same bits as one left in peace.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
tiny 8 2

run train "$work/tiny.json" --output "$work/whole"
code 0
out 'iteration 8/8' 'validation AP'
exists "$work/whole/config.json" "$work/whole/log.jsonl" "$work/whole/last.safetensors" \
    "$work/whole/best.safetensors" "$work/whole/losses.png" "$work/whole/ap.png"

start parts "$work/tiny.json"
wait_for "$work/parts/log.jsonl" '"iteration":3'
kill -9 "$child"
end
code 137
start parts "$work/tiny.json" --resume
wait_for "$work/parts/log.jsonl" '"iteration":5'
kill -INT "$child"
end
refused 130 'interrupted'
exists "$work/parts/last.safetensors"
# The run's own config is enough to go on.
start parts --resume
wait_for "$work/parts/log.jsonl" '"iteration":7'
kill -TERM "$child"
end
code 130
run train --output "$work/parts" --resume
code 0
same "$work/whole/last.safetensors" "$work/parts/last.safetensors"
same "$work/whole/best.safetensors" "$work/parts/best.safetensors"
# Every iteration and evaluation stands in the log once.
for kind in train eval; do
    for dir in whole parts; do
        grep -o "\"kind\":\"$kind\",\"iteration\":[0-9]*" "$work/$dir/log.jsonl" \
            >"$work/$dir.$kind"
    done
    same "$work/whole.$kind" "$work/parts.$kind"
done

# A folder that holds a run is safe from another.
run train "$work/tiny.json" --output "$work/whole"
refused 2 'another run' '--resume'
same "$work/whole/last.safetensors" "$work/parts/last.safetensors"
# Killed before its first checkpoint: --resume starts it.
mkdir "$work/early"
cp "$work/whole/config.json" "$work/early/"
run train --output "$work/early" --resume train.iterations=1 data.val_images= data.val_annotations=
code 0
exists "$work/early/last.safetensors"
absent "$work/early/best.safetensors"
finish
