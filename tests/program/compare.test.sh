#!/bin/sh
# tarn compare: results files of one data set against each other.
. "$ROOT/tests/program/lib.sh"

run synth --output "$work/set" --images 42 --val 2 --seed 4 --size 64x64 --classes 2
code 0
truth=$work/set/annotations/train.json
# Each object is found by B; A misses those of every third image.
results() { # results KEEP: an awk condition on the image's id
    tr '{' '\n' <"$truth" | awk -v RS='\n' '
        /"bbox"/ {
            image = $0; sub(/.*"image_id": */, "", image); sub(/[^0-9].*/, "", image)
            class = $0; sub(/.*"category_id": */, "", class); sub(/[^0-9].*/, "", class)
            box = $0; sub(/.*"bbox": *\[/, "", box); sub(/\].*/, "", box)
            if (!('"$1"')) next
            printf "%s{\"image_id\":%d,\"category_id\":%d,\"bbox\":[%s],\"score\":0.%d}",
                n++ ? "," : "[", image, class, box, 9 - n % 7
        }
        END { print "]" }'
}
results 1 >"$work/b.json"
results 'image % 3' >"$work/a.json"
results 1 >"$work/same.json"

run compare "$work/a.json" "$work/b.json" --annotations "$truth" --resamples 200 --seed 5 \
    --json "$work/out.json"
code 0
out '^AP +0\.[0-9]+ +(1.0000|0.99[0-9]+) +\+0\.[0-9]+ +\[\+0\.[0-9]+, \+0\.[0-9]+\] .*\*' \
    '200 resamples of 40 images, seed 5' '^AP of each class'
exists "$work/out.json"
grep -q '"resamples": 200' "$work/out.json"
check $? 'the JSON lacks the resamples'
cp "$work/out" "$work/first"
OMP_NUM_THREADS=5 run compare "$work/a.json" "$work/b.json" --annotations "$truth" \
    --resamples 200 --seed 5
code 0
cmp -s "$work/out" "$work/first"
check $? 'the numbers depend on the number of threads'

run compare "$work/b.json" "$work/same.json" --annotations "$truth" --resamples 50
code 0
out '^AP .*\+0\.0000 +\[\+0\.0000, \+0\.0000\] +1\.000$'

run compare "$work/a.json" --annotations "$truth"
refused 2 'usage'
run compare "$work/a.json" "$work/b.json"
refused 2 'annotations'
run compare "$work/a.json" "$work/b.json" --annotations "$truth" --resamples 0
refused 2 'resamples'
run compare "$work/a.json" "$work/none.json" --annotations "$truth"
refused 3 'none\.json'
run compare "$work/a.json" "$truth" --annotations "$truth"
refused 4 'annotation'
printf '[{"image_id":99999,"category_id":1,"bbox":[1,2,3,4],"score":0.5}]' >"$work/other.json"
run compare "$work/a.json" "$work/other.json" --annotations "$truth"
refused 4 'other\.json' '99999'
run compare "$work/a.json" "$work/b.json" --annotations "$truth" --json "$work/no/such/folder.json"
refused 3 'no/such'
finish
