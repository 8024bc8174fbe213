#!/bin/sh
# tarn submit: a submission made, interrupted, killed and continued; finished ones checked.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"

tiny 6 2
run train "$work/tiny.json" --output "$work/run" train.iterations=2 train.eval_every=0
code 0
model=$work/run/last.safetensors
# An untrained model finds little: with no threshold it finds everything.
run synth --output "$work/split" --images 42 --val 2 --seed 9 --size 64x64 --classes 2
code 0
info=$work/image_info_test-dev2017.json
cp "$work/split/annotations/train.json" "$info"
rm -f "$work/split/images/000007.jpg"

submit() { # submit FOLDER [MORE...]
    folder=$1
    shift
    run submit --checkpoint "$model" --images "$work/split/images" --image-info "$info" \
        --name tiny_1 --type bbox --output "$folder" retinanet.score_threshold=0 \
        eval.batch_size=4 data.threads=1 "$@"
}
stem=detections_test-dev2017_tiny_1_results

# An image that is missing is reported, and the zip is written all the same.
submit "$work/whole"
code 4
err '1 of 40 images could not be read'
out "$stem.zip"
exists "$work/whole/$stem.zip"
[ "$(find "$work/whole" -type f | wc -l)" -eq 1 ]
check $? 'something is left beside the zip'

run submit --check "$work/whole/$stem.zip" --image-info "$info"
code 0
out 'note: 1 of 40 images have no result: 7' '3900 results \(boxes\) of 39 of 40 images' \
    'nothing speaks against it'
submit "$work/whole"
refused 2 'exists; --restart'

# Interrupted, killed and continued, it becomes the same file.
begin() {
    last="tarn submit --output $work/parts, stopped"
    "$TARN" submit --checkpoint "$model" --images "$work/split/images" --image-info "$info" \
        --name tiny_1 --type bbox --output "$work/parts" retinanet.score_threshold=0 \
        eval.batch_size=4 data.threads=1 >"$work/out" 2>"$work/err" </dev/null &
    child=$!
}
partial=$work/parts/$stem.partial
lines() { # lines NUMBER: waits until the file has so many
    tries=0
    while kill -0 "$child" 2>/dev/null && [ "$tries" -lt 6000 ]; do
        [ "$(wc -l 2>/dev/null <"$partial" || echo 0)" -lt "$1" ] || break
        tries=$((tries + 1))
        sleep 0.01
    done
}
begin
lines 5
kill -TERM "$child"
end
code 130
err 'interrupted; [0-9]+ of 40 images are kept'
exists "$partial"
submit "$work/parts" data.max_size=80
refused 4 'another config' '--restart'
begin
lines 17
kill -KILL "$child"
end
code 137
absent "$work/parts/$stem.zip"
printf 'a torn li' >>"$partial"
submit "$work/parts"
code 4
err 'going on behind [0-9]+ of 40 images' '1 of 40 images'
absent "$partial"
same "$work/whole/$stem.zip" "$work/parts/$stem.zip"

# A foreign file in the place of what is under way is not touched unless it is asked for.
mkdir "$work/other"
echo 'notes of mine' >"$work/other/$stem.partial"
submit "$work/other"
refused 4 'no results under way'
grep -q 'notes of mine' "$work/other/$stem.partial"
check $? 'a foreign file was written over'
submit "$work/other" --restart
code 4
same "$work/whole/$stem.zip" "$work/other/$stem.zip"

# Refusals.
run submit --checkpoint "$model" --images "$work/split/images" --image-info "$info" --name a \
    --type segm --output "$work/segm"
refused 6 'no masks'
absent "$work/segm"
run submit --checkpoint "$model" --images "$work/split/images" \
    --image-info "$work/split/annotations/train.json" --name a --output "$work/none"
refused 2 'testset'
run submit --checkpoint "$model" --images "$work/split/images" --image-info "$info" --name 'a/b' \
    --output "$work/none"
refused 2 'a/b'
run submit --check "$work/whole/$stem.zip" --image-info "$info" --name a
refused 2 '--check goes with'
run submit --check "$work/nothing.zip" --image-info "$info"
refused 3 'nothing.zip'

# A file with a fault of each kind; all of them are told, and the exit code is 4.
run submit --check "$info" --image-info "$info"
refused 4 'errors'
out 'error: the file must be called detections_test-dev2017_ALGORITHM_results.zip' \
    'error: is no sound zip archive'
cp "$work/whole/$stem.zip" "$work/detections_val2017_tiny_1_results.zip"
run submit --check "$work/detections_val2017_tiny_1_results.zip" --image-info "$info"
refused 4 'errors'
out 'error: the file must be called' "error: holds '$stem.json', expected"
run submit --check "$work/whole/$stem.zip" --image-info "$work/data/annotations/val.json" \
    --testset test-dev2017 --findings 3
refused 4 'errors'
out 'error: entry [0-9]+: image_id [0-9]+ is not in' 'more findings of these kinds'
[ "$(grep -c '^error: entry' "$work/out")" -eq 3 ]
check $? 'three findings of a kind were asked for'

# A cut copy of a file that needs no cutting holds the same.
run submit --check "$work/whole/$stem.zip" --image-info "$info" --cut "$work/cut/$stem.zip"
code 3
mkdir "$work/cut"
run submit --check "$work/whole/$stem.zip" --image-info "$info" --cut "$work/cut/$stem.zip"
code 0
run submit --check "$work/cut/$stem.zip" --image-info "$info"
code 0
out '3900 results \(boxes\) of 39 of 40 images'
finish
