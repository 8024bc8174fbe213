#!/usr/bin/env bash
# Speed of pooling layers beside PyTorch's on the same cores, in turn, so that both meet the same
# state of the machine. PyTorch runs with its usual layout and with channels_last; for each
# direction the faster one counts. Prints a Markdown table.
# Usage: tools/bench_pools.sh [--shape NxHxWxC] [--pools LIST] [--rounds N] [--runs N] [--threads N]
#                             [--output FILE.json]
# TARN_REF_PYTHON: a Python with torch (default python3); TARN: default build/tarn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${TARN_REF_PYTHON:-python3}
tarn=${TARN:-build/tarn}
shape=8x400x672x64 pools='' rounds=3 runs=5 threads=$(nproc) output=''
while (($#)); do
    case $1 in
    --shape) shape=$2; shift ;;
    --pools) pools=$2; shift ;;
    --rounds) rounds=$2; shift ;;
    --runs) runs=$2; shift ;;
    --threads) threads=$2; shift ;;
    --output) output=$2; shift ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
export OMP_NUM_THREADS=$threads
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for ((round = 1; round <= rounds; round++)); do
    "$tarn" bench pools --shape "$shape" --pools "$pools" --runs "$runs" \
        --json "$work/tarn.$round" >"$work/text"
    for layout in contiguous channels_last; do
        "$python" tools/bench_pools.py time "$layout" "$shape" "$runs" >"$work/$layout.$round"
    done
    echo "round $round of $rounds done" >&2
done
"$python" tools/bench_pools.py join "$work" "$output"
