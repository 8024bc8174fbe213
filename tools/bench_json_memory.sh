#!/usr/bin/env bash
# Peak memory of reading a large COCO annotation file: makes one, with polygons as COCO has them, and
# watches `tarn info` read it.
# Usage: tools/bench_json_memory.sh [MEGABYTES] [FILE]   (default: 500, in a temporary file)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
megabytes=${1:-500}
tarn=${TARN:-build/tarn}
if [[ ${2-} ]]; then
    file=$2
else
    file=$(mktemp --suffix=.json)
    trap 'rm -f "$file"' EXIT
fi
[[ -s $file ]] || awk -v target="$((megabytes * 1000000))" -f tools/large_json.awk >"$file"
echo "file: $(stat -c %s "$file") bytes"

start=$(date +%s.%N)
"$tarn" info "$file" &
pid=$!
peak=0
# VmHWM only grows, so that the last value read is the peak but for the last 20 ms.
while kill -0 "$pid" 2>/dev/null; do
    now=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    [[ -z $now ]] || peak=$now
    sleep 0.02
done
wait "$pid"
awk -v kb="$peak" -v start="$start" -v end="$(date +%s.%N)" 'BEGIN {
    printf "peak resident memory: %.1f MB; %.1f s\n", kb * 1024 / 1e6, end - start
}'
