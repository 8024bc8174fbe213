#!/usr/bin/env bash
# Runs one libFuzzer harness of tests/fuzz for some time under the address and undefined behaviour
# sanitizers, starting from the committed corpus and from what earlier runs found.
# Usage: tools/fuzz.sh HARNESS SECONDS
# HARNESS: dataset, image, safetensors, rle, polygon, truth, results. Needs clang (CC, by default
# clang).
# Everything lies in TARN_FUZZ_FOLDER (default build-fuzz): the build, found/HARNESS (the grown
# corpus) and broken/ (inputs that broke something). A broken input ends the run with an error;
# once it is mended, it belongs into tests/fuzz/corpus/HARNESS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if (($# != 2)) || [[ ! -f tests/fuzz/$1.c || ! $2 =~ ^[0-9]+$ ]]; then
    echo "usage: tools/fuzz.sh HARNESS SECONDS" >&2
    exit 2
fi
harness=$1
seconds=$2
folder=${TARN_FUZZ_FOLDER:-build-fuzz}
CC=${CC:-clang} cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTARN_FUZZ=ON \
    -DTARN_WERROR=OFF >"$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
rm -f "$folder.log"
cmake --build "$folder" --target "fuzz_$harness" -- --quiet
mkdir -p "$folder/found/$harness" "$folder/broken"
seeds=("tests/fuzz/corpus/$harness")
[[ $harness == image ]] && seeds+=(tests/coco/golden)
options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -close_fd_mask=2
    -artifact_prefix="$folder/broken/$harness-" -print_final_stats=1)
case $harness in
dataset | safetensors | truth | results) options+=(-dict=tests/fuzz/json.dict -max_len=4096) ;;
rle | polygon) options+=(-max_len=2048) ;;
esac
# One thread; work meant for several is cut into parts all the same.
export OMP_THREAD_LIMIT=1 OMP_NUM_THREADS=1
"$folder/tests/fuzz/fuzz_$harness" "${options[@]}" "$folder/found/$harness" "${seeds[@]}"
