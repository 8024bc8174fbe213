#!/bin/sh
# Help, versions and wrong command lines.
. "$ROOT/tests/program/lib.sh"

run --help
code 0
out 'tarn train' 'tarn pretrain' 'tarn experiment' 'tarn eval' 'tarn compare' 'tarn submit' \
    'tarn detect' 'tarn classify' 'tarn synth' 'tarn info' 'tarn bench'
for command in train pretrain experiment eval compare submit detect classify synth info bench; do
    run "$command" --help
    code 0
    out "tarn $command"
done
run train --help
out 'train\.lr' 'backbone\.pool\.' 'data\.train_images'
run --version
code 0
out '^tarn [0-9]+\.[0-9]+\.[0-9]+'
run info
code 0
out 'cpu' 'soft' 'conv2d' '[Cc][Uu][Dd][Aa]'

run
code 2
run trian
refused 2 'trian' 'train'
run train --no-such-option x
refused 2 'no-such-option'
run eval
refused 2
run synth --images 3
refused 2 'output'
run synth --output "$work/s" --images many
refused 2 'many'
finish
