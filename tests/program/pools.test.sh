#!/bin/sh
# tarn pools and tarn bench pools, with every pooling layer of backbone/pool/pools.def.
. "$ROOT/tests/program/lib.sh"

names=$(sed -n 's/^\(POOL\|COMPOSED\)(\([a-z0-9_]*\)).*/\2/p' "$ROOT/backbone/pool/pools.def" |
    grep -v '^name$')
run pools
code 0
! awk 'length > 100' "$work/out" | grep -q .
check $? "the table is wider than 100 columns"
for name in $names; do
    out "^$name +[S-] [D-] [G-] +[0-9]+ "
done
cp "$work/out" "$work/list"
for name in $names; do
    run pools "$name"
    code 0
    out "^$name: ." '^    [^ ].*=' '^paper +[A-Za-z]' '^cost +[a-z]' '^window +([0-9]+x[0-9]+, stride [0-9]|the whole map)' \
        '^trained +[0-9]+ values?' '^sites +(stem|downsample|global)' "\"type\": \"$name\""
    grep -q 'stem, downsample, global' "$work/out" || out '^not at +[a-z, ]+: [a-z]'
    # The example is a config that loads.
    kind=retinanet
    grep -q '"pool": {"global": {$' "$work/out" && kind=classifier
    { printf '{"model": {"type": "%s", "n_classes": 3}, ' $kind
      sed -n '/"backbone": {"pool": {".*": {$/,/}}}$/p' "$work/out" |
          sed '1s/{"pool"/{"type": "resnet18", "pool"/'
      printf '}\n'; } >"$work/$name.json"
    run info "$work/$name.json" --size 64x64
    code 0
    out 'parameters, [0-9]+ of them trained'
done

run pools sof
refused 2 "did you mean 'soft'"
run pools max soft
refused 2 'one argument too many'

# Two pictures: a photograph-like one and a constant one.
run synth --output "$work/synth" --images 2 --seed 3
code 0
mkdir "$work/images"
find "$work/synth" -name '*.png' -exec cp {} "$work/images" \; \
    -o -name '*.jpg' -exec cp {} "$work/images" \;
run pools similarity --images "$work/images" --json "$work/up.json"
code 0
out 'protocol up' 'k=2 nearest' 'SSIM' '^avg +0\.[0-9]+ +[0-9.]+'
for name in $names; do
    out "^$name +"
done
exists "$work/up.json"
run pools similarity --images "$work/images" --protocol down --kernels 2 --pools max,avg,soft:beta=0
code 0
out 'protocol down' '^soft:beta=0'
# SoftPool with beta 0 is the average.
[ "$(sed -n 's/^avg  *//p' "$work/out")" = "$(sed -n 's/^soft:beta=0  *//p' "$work/out")" ]
check $? "soft with beta 0 is not the average"
run pools similarity --images "$work/images" --pools max,nonesuch
refused 2 'nonesuch'
run pools similarity --images "$work/images" --pools soft:beta=no
refused 2 'pool soft' 'beta'
mkdir "$work/empty"
run pools similarity --images "$work/empty"
refused 2 'no PNG or JPEG'
run pools similarity
refused 2 'images'
run pools similarity --images "$work/images" --protocol down --kernels 64
refused 2 'too few'

image=$(find "$work/images" -type f | head -n 1)
run pools picture "$image" --output "$work/picture.png" --kernel 2 --repeat 2
code 0
exists "$work/picture.png"
run pools picture "$image" --output "$work/picture.jpg" --pools max,avg --crop 40x30+5+6 --columns 3
code 0
exists "$work/picture.jpg"
run pools picture "$image" --output "$work/picture.txt"
refused 2 'picture.txt'
run pools picture "$image" --output "$work/x.png" --crop 40x30
refused 2 'crop'
run pools picture "$image" --output "$work/x.png" --crop 9999x30+0+0
refused 2 'does not fit'
run pools picture "$image"
refused 2 'output'
run pools picture "$work/nonesuch.png" --output "$work/x.png"
refused 3 'nonesuch'

for dtype in f32 bf16; do
    run bench pools --shape 1x24x20x8 --runs 1 --dtype $dtype --json "$work/bench.$dtype.json"
    code 0
    out 'copy [0-9.]+ GB/s' '^max +2x2/2 +[0-9.]+'
    for name in $names; do
        out "^$name +([23]x[23]/2|map) +[0-9.]+"
    done
    exists "$work/bench.$dtype.json"
done
# On a GPU it runs; elsewhere the message says what to do.
run bench pools --backend cuda --shape 1x24x20x8 --runs 1 --pools max
[ "$rc" -eq 0 ] || refused 6 'backend cuda: .*cpu'
run bench pools --backend gpu --shape 1x24x20x8 --runs 1
refused 2 'gpu'
run bench pools --shape 8x400x672
refused 2 'shape'
run bench pools --shape 0x4x4x4
refused 2 'shape'
run bench pools --pools nonesuch
refused 2 'nonesuch'
finish
