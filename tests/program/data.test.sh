#!/bin/sh
# `tarn data check` names every defect, `tarn data preview` draws what training sees.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"

run synth --output "$work/set" --images 12 --val 2 --size 96x64 --classes 3 --seed 3
code 0
truth=$work/set/annotations/train.json
images=$work/set/images

run data check "$truth" --images "$images" --json "$work/check.json" --output "$work/charts"
code 0
out 'disc +1' '10 images' 'anchors of RetinaNet: best IoU' 'anchors of Faster and Mask R-CNN' \
    'training takes this set' 'unused_file: 2'
exists "$work/charts/classes.png" "$work/charts/sizes.png" "$work/charts/objects_per_image.png" \
    "$work/charts/anchors_retinanet.png" "$work/charts/anchors_rpn.png"
grep -q '"best_iou":\[' "$work/check.json"
check $? "no histogram in the JSON"

# Smaller anchors meet more of the small shapes.
poor() { sed -n 's/.*below 0.3 for \([0-9]*\) .*/\1/p' "$work/out"; }
run data check "$truth" --images "$images" data.min_size=64 data.max_size=96
code 0
before=$(poor)
run data check "$truth" --images "$images" data.min_size=64 data.max_size=96 rpn.anchor_sizes=8,12,16,32,64
[ "$(poor)" -le "$before" ]
check $? "anchors of 8 to 64 pixels miss more objects ($(poor)) than the default ones ($before)"

# A set where everything is wrong that can be.
mkdir "$work/bad"
for i in 1 2 3 4 5 6; do cp "$images/00000$i.jpg" "$work/bad/$i.jpg"; done
head -c 500 "$images/000001.jpg" >"$work/bad/2.jpg"
cp "$ROOT/tests/coco/golden/grey.jpg" "$work/bad/grey.jpg"
cp "$ROOT/tests/coco/golden/cmyk.jpg" "$work/bad/cmyk.jpg"
cp "$ROOT/tests/coco/golden/exif6.jpg" "$work/bad/turned.jpg"
cp "$ROOT/tests/coco/golden/alpha.png" "$work/bad/alpha.png"
cat >"$work/bad.json" <<'END'
{"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 2, "name": "c"}, {"id": 9, "name": "never"}],
 "images": [
  {"id": 1, "file_name": "1.jpg", "width": 96, "height": 64},
  {"id": 2, "file_name": "2.jpg", "width": 96, "height": 64},
  {"id": 3, "file_name": "3.jpg", "width": 96, "height": 63},
  {"id": 4, "file_name": "4.jpg"}, {"id": 4, "file_name": "4.jpg"},
  {"id": 5, "file_name": "5.jpg"}, {"id": 5, "file_name": "6.jpg"},
  {"id": 6, "file_name": "6.jpg"}, {"id": 16, "file_name": "6.jpg"},
  {"id": 7, "file_name": "gone.jpg"}, {"id": 8, "file_name": "grey.jpg"}, {"id": 9, "file_name": "cmyk.jpg"},
  {"id": 10, "file_name": "turned.jpg"}, {"id": 11, "file_name": "alpha.png"}, {"id": "x", "file_name": "y.jpg"}],
 "annotations": [
  {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 20, 20], "segmentation": [[4, 4, 24, 4, 24, 24, 4, 24]], "area": 400},
  {"id": 2, "image_id": 1, "category_id": 1, "bbox": [4, 4, 20, 20], "segmentation": [[4, 4, 24, 4, 24, 24, 4, 24]], "area": 4000},
  {"id": 3, "image_id": 1, "category_id": 1, "bbox": [4, 4, 0, 20]},
  {"id": 4, "image_id": 1, "category_id": 1, "bbox": [200, 4, 10, 20]},
  {"id": 5, "image_id": 1, "category_id": 1, "bbox": [80, 4, 40, 20]},
  {"id": 6, "image_id": 77, "category_id": 1, "bbox": [4, 4, 20, 20]},
  {"id": 7, "image_id": 1, "category_id": 66, "bbox": [4, 4, 20, 20]},
  {"id": 8, "image_id": 1, "category_id": 2, "bbox": [4, 4, 20, 20], "iscrowd": 1, "segmentation": {"size": [64, 96], "counts": [6144]}},
  {"id": 9, "image_id": 1, "category_id": 2, "bbox": [4, 4, 20, 20], "segmentation": [[1, 1, 2, 2]]},
  {"id": 10, "image_id": 1, "category_id": 2, "bbox": [4, 4, 20, 20], "segmentation": {"size": [64, 96], "counts": [5]}},
  {"id": 11, "image_id": 1, "category_id": 2, "bbox": [4, 4, 20, 20], "segmentation": [[50, 40, 60, 40, 60, 50]]},
  {"id": 11, "image_id": 1, "category_id": 2, "bbox": [9, 9, 20, 20], "segmentation": [[9, 9, 29, 9, 29, 29, 9, 29]]},
  {"id": 12, "image_id": 1, "category_id": 2, "bbox": [4, 4, "x", 20]}
 ]}
END
run data check "$work/bad.json" --images "$work/bad" --json "$work/bad_check.json" --findings 0
refused 4 'defects that training refuses'
out 'malformed_entry: 2' '    .*images\[14\]' '    .*annotations\[12\]' \
    'duplicate_id: 3' 'annotation 11' 'image 5' 'category id 2' \
    'unknown_image: 1' 'annotation 6, image_id 77' 'unknown_category: 1' 'annotation 7, category_id 66' \
    'missing_file: 1' 'image 7, ' 'broken_image: 1' 'image 2, .*truncated|image 2, .*broken' \
    'size_mismatch: 1' 'image 3, 3.jpg: 96 x 64, the annotations say 96 x 63' \
    'bad_mask: 1' 'annotation 10, .*runs have 5 pixels' 'no_mask: 1' 'annotation 5, no segmentation' \
    'box_without_area: 1' 'annotation 3, ' 'box_outside: 1' 'annotation 4, ' \
    'repeated_image: 1' 'image 4, ' 'box_reaches_out: 1' 'annotation 5, by 24 pixels' \
    'duplicate_box: 3' 'annotation 2, as annotation 1' 'odd_polygon: 1' 'annotation 9, the mask is empty' \
    'empty_mask: 2' 'area_differs: ' 'annotation 2, area 4000, the mask has 400 pixels' \
    'box_differs: 1' 'annotation 11, from' 'exif_rotated: 1' 'image 10, turned.jpg: orientation 6' \
    'grey_image: 1' 'image 8, ' 'cmyk_image: 1' 'image 9, ' 'alpha_image: 1' 'image 11, ' \
    'shared_file: 1' '    6.jpg' 'empty_image: ' 'image 6, 6.jpg' 'crowd: 1' 'annotation 8, b' \
    'empty_category: 1' 'never \(id 9\)'
grep -q '{"kind":"unknown_image","severity":"refused","annotation_id":6,"text":"image_id 77"}' \
    "$work/bad_check.json"
check $? "the JSON lacks a finding"

# Findings come in the same order for any number of threads.
cp "$work/out" "$work/once"
run data check "$work/bad.json" --images "$work/bad" --findings 0 --threads 4
cmp -s "$work/out" "$work/once"
check $? "threads change what is found"

# What only masks mind.
sed 's/"segmentation":\[\[[^]]*\]\]/"segmentation":[]/1;1!b' "$truth" >"$work/empty_mask.json"
run data check "$work/empty_mask.json" --images "$images"
code 0
cut() { printf '{"images":[{"id":1,"file_name":"000001.jpg"}],"categories":[{"id":1,"name":"a"}],"annotations":[%s]}' "$1"; }
cut '{"id":3,"image_id":1,"category_id":1,"bbox":[1,1,9,9],"segmentation":{"size":[1,1],"counts":[1]}}' >"$work/m.json"
run data check "$work/m.json" --images "$images"
refused 4 'training with masks refuses'
out 'annotation 3, .*run lengths are for an image of 1 x 1'
cut '' >"$work/m.json"
run data check "$work/m.json" --images "$images"
refused 4 'nothing to train on'
run data check "$work/nowhere.json" --images "$images"
refused 3 'nowhere\.json'
echo '[1' >"$work/m.json"
run data check "$work/m.json" --images "$images"
refused 4 'm\.json'
run data check "$truth"
refused 2 '--images is missing'
run data
refused 2 'check or preview'
run data chek
refused 2 'neither check nor preview'

# Previews
set_data="data.train_images=$images data.train_annotations=$truth"
# shellcheck disable=SC2086
run data preview "$ROOT/tests/program/small.json" --output "$work/plain" --images 3 $set_data
code 0
out '3 images with [0-9]+ objects'
[ "$(find "$work/plain" -name '000[123]_*.png' | wc -l)" -eq 3 ]
check $? "not three pictures"
# shellcheck disable=SC2086
run data preview "$ROOT/tests/program/small.json" --output "$work/all" --images 4 $set_data \
    model.type=mask_rcnn data.lsj_size=80 data.copy_paste=1 data.brightness=0.4 data.contrast=0.4 \
    data.saturation=0.4 data.hue=0.1
code 0
exists "$work/all/"0004_*.png
# shellcheck disable=SC2086
run data preview "$ROOT/tests/program/small.json" --output "$work/no" $set_data data.copy_paste=1
refused 2 'data\.copy_paste: needs data\.lsj_size'
# shellcheck disable=SC2086
run data preview "$ROOT/tests/program/small.json" --output "$work/no" $set_data data.copy_paste=1 \
    data.lsj_size=64
refused 2 'data\.copy_paste: needs masks'
# shellcheck disable=SC2086
run data preview "$ROOT/tests/program/small.json" --output "$work/no" $set_data data.copy_paste=1 \
    data.lsj_size=64 model.type=mask_rcnn train.batch_size=1
refused 2 'batch_size is 1'
run data preview "$ROOT/tests/program/small.json" --output "$work/no" $set_data data.lsj_min=3
refused 2 'lsj_min: 3 is more than lsj_max'
run data preview "$ROOT/tests/program/small.json" --output "$work/no" eval.best_by=segm
refused 2 'eval\.best_by'
run data preview "$ROOT/tests/program/small.json" --output "$work/no"
refused 2 'train_images'
finish
