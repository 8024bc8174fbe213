#!/bin/sh
# tarn eval over results files: its options, outputs and refusals.
. "$ROOT/tests/program/lib.sh"

cat >"$work/truth.json" <<'END'
{"images": [{"id": 1, "width": 50, "height": 40}, {"id": 2, "width": 50, "height": 40}],
 "categories": [{"id": 3, "name": "a"}, {"id": 4, "name": "b"}],
 "annotations": [
  {"id": 1, "image_id": 1, "category_id": 3, "bbox": [5, 5, 20, 20], "area": 200, "iscrowd": 0,
   "segmentation": [[5, 5, 15, 5, 15, 25, 5, 25]]},
  {"id": 2, "image_id": 2, "category_id": 3, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0,
   "segmentation": {"size": [40, 50], "counts": [0, 10, 30, 10, 1950]}, "ignore": 1}]}
END
cat >"$work/results.json" <<'END'
[{"image_id": 1, "category_id": 3, "bbox": [5, 5, 20, 20], "score": 0.9},
 {"image_id": 1, "category_id": 4, "bbox": [5, 5, 20, 20], "score": 0.8},
 {"image_id": 2, "category_id": 3, "bbox": [30, 20, 10, 10], "score": 0.7}]
END
cat >"$work/masks.json" <<'END'
[{"image_id": 1, "category_id": 3, "score": 0.9,
  "segmentation": {"size": [40, 50], "counts": [205, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20,
   20, 20, 20, 20, 20, 20, 20, 20, 1415]}}]
END
# evaluate OPTION...: on the files above, the numbers in $work/n.json.
evaluate() {
    run eval --annotations "$work/truth.json" --results "$work/results.json" \
        --json "$work/n.json" "$@"
}
# ap PATTERN: the first "AP" in $work/n.json.
ap() {
    grep -m 1 '"AP":' "$work/n.json" | grep -Eq -e "\"AP\": $1,"
    check $? "AP is not $1: $(grep -m 1 '"AP":' "$work/n.json")"
}

evaluate --per-class --tensors "$work/t.safetensors"
code 0
out '^ Average Precision  \(AP\) @\[ IoU=0.50:0.95 \| area=   all \| maxDets=100 \] = 0.505$' \
    '^ Average Recall     \(AR\) @\[ IoU=0.50:0.95 \| area= large \| maxDets=100 \] = -1.000$' \
    '^class +objects +detections' '^a +2 +2 +0\.505' '^b +0 +1 +-'
err '1 of 2 classes have no objects: they are in no average, and their 1 detections count nowhere'
exists "$work/n.json" "$work/t.safetensors"
grep -q '"classes_without_objects": {"classes": 1, "detections": 1}' "$work/n.json"
check $? 'the JSON lacks the class without objects'
evaluate
code 0
if grep -q '^class ' "$work/out"; then check 1 'a table without --per-class'; fi

# Own thresholds, ranges and limits.
evaluate --iou 0.3,0.5 --areas 'tiny:0:150,rest:150:1e6' --max-detections 5,300
code 0
out 'IoU=0.30:0.50 \| area=   all \| maxDets=300 \] = 0.505' \
    '\(AP\) @\[ IoU=0.50      \| area=   all \| maxDets=300' \
    '\(AP\) .* area=  tiny \| maxDets=300 \] = 0.000' \
    '\(AP\) .* area=  rest \| maxDets=300 \] = 1.000' \
    '\(AR\) .* area=   all \| maxDets=  5 \] = 0.500' \
    '\(AR\) .* area=  rest \| maxDets=300 \] = 1.000'
grep -q '"area": "tiny", "max_detections": 300' "$work/n.json"
check $? 'the JSON lacks the line of an own area range'

# Options that change the number.
evaluate --honor-ignore
code 0
ap '0\.99[0-9]*|1'
evaluate --class-agnostic
code 0
ap '0\.50[0-9]*'
evaluate --max-per-image 1
code 0
ap '0\.50[0-9]*'
run eval --annotations "$work/truth.json" --results "$work/masks.json" --type segm
code 0
out 'IoU=0.50:0.95 \| area=   all \| maxDets=100 \] = 0.505$'
sed 's/"id": 1, "image_id": 1/"id": 0, "image_id": 1/' "$work/truth.json" >"$work/zero.json"
run eval --annotations "$work/zero.json" --results "$work/results.json"
code 0
out 'all \| maxDets=100 \] = 0.000'
err 'warning: .*zero\.json: an annotation has the id 0'
run eval --annotations "$work/zero.json" --results "$work/results.json" --fix-id0
code 0
out 'all \| maxDets=100 \] = 0.505'
sed 's/"area": 100, //' "$work/truth.json" >"$work/bare.json"
run eval --annotations "$work/bare.json" --results "$work/results.json"
refused 4 'bare\.json: annotations\[1\] \(byte [0-9]+, id 2\): area is missing'
for option in --derive-area --area-from=bbox --area-from=mask; do
    run eval --annotations "$work/bare.json" --results "$work/results.json" $option
    code 0
done
sed 's/"id": 2, "image_id": 2/"id": 1, "image_id": 2/' "$work/truth.json" >"$work/twice.json"
run eval --annotations "$work/twice.json" --results "$work/results.json"
refused 4 'twice\.json: annotations\[1\] has the id 1 of annotations\[0\]'
run eval --annotations "$work/twice.json" --results "$work/results.json" --pycocotools-dups
code 0
sed 's/"image_id": 2/"image_id": 7/' "$work/results.json" >"$work/split.json"
run eval --annotations "$work/truth.json" --results "$work/split.json"
refused 4 'split\.json: 1 of 3 results are for images .* does not list: 7'
run eval --annotations "$work/truth.json" --results "$work/split.json" --skip-unknown-images
code 0
err 'warning: .*split\.json: 1 of 3 results'
run eval --annotations "$work/truth.json" --results "$work/split.json" --skip-unknown-images --strict
refused 4 'split\.json: 1 of 3 results'

# The same bits whatever the number of threads.
for threads in 1 2 8; do
    OMP_NUM_THREADS=$threads
    evaluate --tensors "$work/t$threads.safetensors"
    code 0
    cmp -s "$work/t1.safetensors" "$work/t$threads.safetensors"
    check $? "$threads threads changed the tensors"
done

# Refusals.
evaluate --type keypoints
refused 2 'type' 'bbox'
evaluate --iou 0.5,1.5
refused 2 'iou' '1\.5'
evaluate --iou 0.5,x
refused 2 'iou'
evaluate --areas small
refused 2 "--areas: 'small' is not label:low:high"
evaluate --areas a:5:1
refused 2 'area range a: 5 to 1'
evaluate --areas a:0:1,a:1:2
refused 2 'two area ranges'
evaluate --max-detections 100,10
refused 2 'limits of detections must be positive and ascending'
evaluate --max-per-image -1
refused 2 'max-per-image'
run eval --annotations "$work/truth.json"
refused 2 '--checkpoint or --results'
evaluate --json "$work/no/such/folder/n.json"
refused 3 'n\.json'
finish
