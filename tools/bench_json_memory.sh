#!/usr/bin/env bash
# Peak memory of reading a large COCO annotation file: makes one with polygons as COCO has them, and
# watches the evaluation read it (with an empty results file) and the training read it (which ends
# when it finds no images).
# Usage: tools/bench_json_memory.sh [MEGABYTES] [FILE]   (default: 500, in a temporary file)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
megabytes=${1:-500}
tarn=${TARN:-build/tarn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
file=${2:-$work/large.json}
[[ -s $file ]] || awk -v target="$((megabytes * 1000000))" -f tools/large_json.awk >"$file"
echo "file: $(stat -c %s "$file") bytes"
echo '[]' >"$work/none.json"

watch() { # watch NAME EXIT-CODE ARGUMENT...
    local name=$1 expected=$2 start pid peak=0 now code=0
    shift 2
    start=$(date +%s.%N)
    "$tarn" "$@" >"$work/out" 2>&1 &
    pid=$!
    # VmHWM only grows, so that the last value read is the peak but for the last 20 ms.
    while kill -0 "$pid" 2>/dev/null; do
        now=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
        [[ -z $now ]] || peak=$now
        sleep 0.02
    done
    wait "$pid" || code=$?
    if ((code != expected)); then
        cat "$work/out" >&2
        exit 1
    fi
    awk -v name="$name" -v kb="$peak" -v start="$start" -v end="$(date +%s.%N)" 'BEGIN {
        printf "%s: peak resident memory %.1f MB, %.1f s\n", name, kb * 1024 / 1e6, end - start
    }'
}
watch evaluation 0 eval --annotations "$file" --results "$work/none.json"
watch training 3 train tests/program/small.json --output "$work/run" \
    "data.train_images=$work" "data.train_annotations=$file"
