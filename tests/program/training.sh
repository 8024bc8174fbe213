# shellcheck shell=sh
# Helpers for tests that train: a tiny data set and config. Sourced after lib.sh.
# Checkpoints are fsynced, so work in memory where there is some.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/tarn-test-XXXXXX)
fi
# Threads that wait must not spin: the test machine may have few cores.
export OMP_WAIT_POLICY=passive

# tiny IMAGES VAL: $work/data and $work/tiny.json, steps of well under a second.
tiny() {
    run synth --output "$work/data" --images "$1" --val "$2" --seed 5 --size 64x64 --classes 2
    code 0
    cat >"$work/tiny.json" <<END
{ "data": {"train_images": "$work/data/images",
           "train_annotations": "$work/data/annotations/train.json",
           "val_images": "$work/data/images",
           "val_annotations": "$work/data/annotations/val.json",
           "min_size": [64, 96], "max_size": 96, "threads": 1},
  "backbone": {"type": "resnet18", "norm": "bn", "trainable_layers": 5},
  "train": {"iterations": 8, "batch_size": 1, "accumulate": 2, "lr": 0.01, "clip_norm": 10,
            "warmup_iterations": 4, "eval_every": 4, "checkpoint_every": 2, "log_every": 1,
            "threads": 1} }
END
}

# start RUN ARGUMENT...: trains in the background, process id in $child.
start() {
    output=$work/$1
    shift
    last="tarn train --output $output $*"
    "$TARN" train "$@" --output "$output" >"$work/out" 2>"$work/err" </dev/null &
    child=$!
}

# Waits until a line of the log matches, at most a minute or so.
wait_for() { # wait_for FILE PATTERN
    tries=0
    until grep -q -e "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 1200 ] || ! kill -0 "$child" 2>/dev/null; then
            check 1 "never saw $2 in $1"
            return
        fi
        sleep 0.1
    done
}

# end: waits for the child, its exit code in $rc.
end() {
    rc=0
    wait "$child" || rc=$?
}

same() {
    cmp -s "$1" "$2"
    check $? "$1 and $2 differ"
}
