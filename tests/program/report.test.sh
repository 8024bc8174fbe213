#!/bin/sh
# tarn eval --report: one page, with the images when there are any.
. "$ROOT/tests/program/lib.sh"

run synth --output "$work/data" --images 4 --val 3 --size 96x96
code 0
truth=$work/data/annotations/val.json
echo '[]' >"$work/results.json"

for type in bbox segm; do
    run eval --annotations "$truth" --results "$work/results.json" --type "$type" \
        --report "$work/$type.html" --images "$work/data/images"
    code 0
    out 'Average Precision .* = 0\.000'
    [ "$(grep -o '<img ' "$work/$type.html" | wc -l)" -eq 6 ]
    check $? "three images, each drawn twice"
    [ "$(grep -c '</html>' "$work/$type.html")" -eq 1 ]
    check $? "the page is whole"
done

run eval --annotations "$truth" --results "$work/results.json" --report "$work/plain.html"
code 0
grep -q 'No images were given' "$work/plain.html"
check $? "the page says that there are no images"
! grep -q '<img ' "$work/plain.html"
check $? "no images"

# A folder of other images: said on the page, no reason to fail.
mkdir "$work/other"
run eval --annotations "$truth" --results "$work/results.json" --report "$work/other.html" \
    --images "$work/other"
code 0
grep -q 'Cannot be shown' "$work/other.html"
check $? "the page says what it cannot show"

run eval --annotations "$truth" --results "$work/results.json" --images "$work/data/images"
refused 2 'images.*report'
run eval --annotations "$truth" --results "$work/results.json" --report "$work/no/such/page.html"
refused 3 'no/such/page.html'
finish
