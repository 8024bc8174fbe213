#!/bin/sh
# Mask R-CNN, and RetinaNet with a running normaliser: a run that is killed ends with the same bits
# as one left in peace.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
tiny 4 0

killed() { # killed NAME ARGUMENT...: both runs of 4 iterations
    name=$1
    shift
    run train "$work/tiny.json" --output "$work/$name.whole" train.iterations=4 \
        train.checkpoint_every=1 data.val_images= data.val_annotations= "$@"
    code 0
    start "$name.parts" "$work/tiny.json" train.iterations=4 train.checkpoint_every=1 \
        data.val_images= data.val_annotations= "$@"
    wait_for "$work/$name.parts/log.jsonl" '"iteration":2'
    kill -9 "$child"
    end
    code 137
    run train --output "$work/$name.parts" --resume
    code 0
    same "$work/$name.whole/last.safetensors" "$work/$name.parts/last.safetensors"
}

killed mask model.type=mask_rcnn roi.samples=32 rpn.train_keep=100
for loss in objectness rpn_box_reg classifier box_reg mask; do
    grep -q "\"$loss\":" "$work/mask.whole/log.jsonl"
    check $? "the log lacks the loss $loss"
done
killed retina retinanet.normalizer=running
# The running mean has moved from where it starts.
run info "$work/retina.whole/last.safetensors"
code 0
killed faster model.type=faster_rcnn roi.samples=32 rpn.train_keep=100 roi.box_loss=giou
finish
