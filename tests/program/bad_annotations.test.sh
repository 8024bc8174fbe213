#!/bin/sh
# Annotation files that are broken are refused with their place, by evaluation and by training.
. "$ROOT/tests/program/lib.sh"

"$TARN" synth --output "$work/set" --images 4 --val 1 --size 64x64 --classes 2 --seed 3 2>/dev/null
echo '[]' >"$work/none.json"

evaluate() { run eval --annotations "$1" --results "$work/none.json"; }
train() {
    rm -rf "$work/run"
    run train "$ROOT/tests/program/small.json" --output "$work/run" \
        "data.train_images=$work/set/images" "data.train_annotations=$1"
}

# both FILE CODE PATTERN...: evaluation and training refuse it alike.
both() {
    file=$work/$1
    shift
    evaluate "$file"
    refused "$@"
    train "$file"
    refused "$@"
    absent "$work/run/last.safetensors"
}

# annotate NAME ANNOTATION [IMAGE]: an annotation file with one image and what is given.
annotate() {
    cat >"$work/$1" <<END
{"images": [{"id": 7, "file_name": "000001.jpg", "width": 64, "height": 64}${3-}],
 "categories": [{"id": 3, "name": "a"}, {"id": 9, "name": "b"}],
 "annotations": [
  {"id": 1, "image_id": 7, "category_id": 3, "bbox": [4, 4, 20, 20], "area": 400, "iscrowd": 0}$2
 ]}
END
}

annotate whole.json ''
evaluate "$work/whole.json"
code 0
out 'Average Precision'

head -c 200 "$work/set/annotations/train.json" >"$work/cut.json"
both cut.json 4 'cut\.json' '[Bb]yte|offset'
sed 's/"bbox": *\[/"bbox": [,/' "$work/whole.json" >"$work/comma.json"
both comma.json 4 'comma\.json' '[Bb]yte|offset'
: >"$work/empty.json"
both empty.json 4 'empty\.json'
echo '[1, 2]' >"$work/array.json"
both array.json 4 'array\.json'
head -c 3000 /dev/zero | tr '\0' '[' >"$work/deep.json"
both deep.json 4 'deep\.json'
both nowhere.json 3 'nowhere\.json'

annotate image.json ', {"id": 2, "image_id": 8, "category_id": 3, "bbox": [4, 4, 20, 20]}'
both image.json 4 'image\.json' 'annotations\[1\]' '8'
annotate category.json ', {"id": 2, "image_id": 7, "category_id": 4, "bbox": [4, 4, 20, 20]}'
train "$work/category.json"
refused 4 'category\.json' 'annotations\[1\]' '4'
annotate three.json ', {"id": 2, "image_id": 7, "category_id": 3, "bbox": [4, 4, 20]}'
both three.json 4 'three\.json' 'annotations\[1\]'
annotate infinite.json ', {"id": 2, "image_id": 7, "category_id": 3, "bbox": [4, 1e999, 20, 20]}'
both infinite.json 4 'infinite\.json' 'annotations\[1\]'
annotate nan.json ', {"id": 2, "image_id": 7, "category_id": 3, "bbox": [4, NaN, 20, 20]}'
both nan.json 4 'nan\.json'
annotate text.json ', {"id": 2, "image_id": "7", "category_id": 3, "bbox": [4, 4, 20, 20]}'
both text.json 4 'text\.json' 'annotations\[1\]'
annotate twice.json '' ', {"id": 7, "file_name": "000002.jpg", "width": 64, "height": 64}'
train "$work/twice.json"
refused 4 'twice\.json' '7'
evaluate "$work/twice.json" # as pycocotools: counted once, but said so
code 0
err 'warning: .*twice\.json: 1 '

# Boxes without area and outside the image are left out, counted and reported; training goes on.
annotate thin.json ', {"id": 2, "image_id": 7, "category_id": 3, "bbox": [4, 4, 0, 20]},
  {"id": 3, "image_id": 7, "category_id": 3, "bbox": [400, 4, 20, 20]},
  {"id": 4, "image_id": 7, "category_id": 9, "bbox": [4, 4, 20, 20], "iscrowd": 1}'
train "$work/thin.json"
code 0
err 'thin\.json.*1.*1'
exists "$work/run/last.safetensors" "$work/run/log.jsonl"

# Images: missing, cut off, of another kind.
annotate missing.json '' ', {"id": 8, "file_name": "no_such.jpg", "width": 64, "height": 64}'
train "$work/missing.json"
refused 3 'no_such\.jpg'
head -c 700 "$work/set/images/000001.jpg" >"$work/set/images/cut.jpg"
annotate cut_image.json '' ', {"id": 8, "file_name": "cut.jpg", "width": 64, "height": 64}'
train "$work/cut_image.json"
refused 4 'cut\.jpg'
echo 'not an image' >"$work/set/images/text.jpg"
annotate text_image.json '' ', {"id": 8, "file_name": "text.jpg", "width": 64, "height": 64}'
train "$work/text_image.json"
refused 4 'text\.jpg'

# Results files.
result() { # result FILE CODE PATTERN...
    run eval --annotations "$work/whole.json" --results "$work/$1"
    shift
    refused "$@"
}
echo '[{"image_id": 7, "category_id": 3, "bbox": [4, 4, 20, 20], "score": 0.5}' >"$work/r1.json"
result r1.json 4 'r1\.json'
echo '[{"image_id": 70, "category_id": 3, "bbox": [4, 4, 20, 20], "score": 0.5}]' >"$work/r2.json"
result r2.json 4 'r2\.json' '70'
echo '[{"image_id": 7, "category_id": 3, "bbox": [4, 4, 20, 20]}]' >"$work/r3.json"
result r3.json 4 'r3\.json' 'score'
result r4.json 3 'r4\.json'
finish
