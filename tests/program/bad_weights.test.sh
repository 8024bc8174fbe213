#!/bin/sh
# Weight files that are broken are refused before their offsets are used.
. "$ROOT/tests/program/lib.sh"

# safetensors NAME HEADER BYTES: length, header, then BYTES zero bytes.
safetensors() {
    n=${#2}
    {
        # the header's length, 64 bits, little-endian
        # shellcheck disable=SC2059
        printf "$(printf '\\%03o\\%03o' $((n % 256)) $((n / 256)))\0\0\0\0\0\0"
        printf '%s' "$2"
        head -c "$3" /dev/zero
    } >"$work/$1.safetensors"
}
train_with() {
    rm -rf "$work/run"
    run train "$ROOT/tests/program/small.json" --output "$work/run" \
        "data.train_images=$work/set/images" \
        "data.train_annotations=$work/set/annotations/train.json" \
        train.iterations=1 "model.weights=$1"
}
# bad NAME CODE PATTERN...: refused as a checkpoint and as weights to start from.
bad() {
    file=$work/$1.safetensors
    shift
    run info "$file"
    refused "$@"
    train_with "$file"
    refused "$@"
    absent "$work/run/last.safetensors"
}

"$TARN" synth --output "$work/set" --images 3 --val 1 --size 64x64 --seed 3 2>/dev/null

safetensors overlap '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}' 12
bad overlap 4 'overlap\.safetensors'
safetensors outside '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' 4
bad outside 4 'outside\.safetensors' 'a'
safetensors size '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}' 8
bad size 4 'size\.safetensors' 'a'
safetensors negative '{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}' 8
bad negative 4 'negative\.safetensors'
safetensors huge '{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}' 8
bad huge 4 'huge\.safetensors'
safetensors backwards '{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}' 8
bad backwards 4 'backwards\.safetensors'
safetensors syntax '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}' 8
bad syntax 4 'syntax\.safetensors'
safetensors dtype '{"conv1.weight":{"dtype":"Q7","shape":[64,3,7,7],"data_offsets":[0,37632]}}' 37632
train_with "$work/dtype.safetensors"
refused 6 'dtype\.safetensors' 'conv1\.weight' 'dtype'
printf '\377\377\377\377\377\377\377\377{}' >"$work/length.safetensors"
bad length 4 'length\.safetensors'
printf 'abc' >"$work/short.safetensors"
bad short 4 'short\.safetensors'
: >"$work/empty.safetensors"
bad empty 4 'empty\.safetensors'
bad nowhere 3 'nowhere\.safetensors'

# A tensor of a known name and a wrong shape is named; unknown and missing ones are counted.
safetensors shape '{"conv1.weight":{"dtype":"F32","shape":[64,3,3,3],"data_offsets":[0,6912]}}' 6912
train_with "$work/shape.safetensors"
refused 4 'conv1\.weight' '64'
absent "$work/run/last.safetensors"
safetensors partial \
    '{"conv1.weight":{"dtype":"F32","shape":[64,3,7,7],"data_offsets":[0,37632]},"other.weight":{"dtype":"F32","shape":[1],"data_offsets":[37632,37636]}}' 37636
train_with "$work/partial.safetensors"
code 0
err '1 .*loaded' 'other\.weight'

# A checkpoint cut off at any place is refused, a whole one is not.
checkpoint=$work/run/last.safetensors
exists "$checkpoint"
run info "$checkpoint"
code 0
size=$(wc -c <"$checkpoint")
for part in 1 3 50 99; do
    head -c "$((size * part / 100))" "$checkpoint" >"$work/cut.safetensors"
    run info "$work/cut.safetensors"
    refused 4 'cut\.safetensors'
done
run eval --checkpoint "$work/cut.safetensors" --images "$work/set/images" \
    --annotations "$work/set/annotations/val.json"
refused 4 'cut\.safetensors'
finish
