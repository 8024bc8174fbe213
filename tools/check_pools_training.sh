#!/usr/bin/env bash
# Trains RetinaNet-R18 on the blood cells of ../shared/data/bccd with each pooling layer that may
# stand in the stem: 50 steps, and 50 steps in two parts of 25. Losses must be finite and the
# weights of both runs the same bytes. About ten minutes on two cores.
# Usage: tools/check_pools_training.sh [POOL ...]        (TARN: the program, default build/tarn)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tarn=${TARN:-build/tarn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t pools < <("$tarn" pools | sed -n 's/^\([a-z0-9_]*\)  *S [D-] [G-] .*/\1/p')
(($#)) && pools=("$@")
failures=0
for pool in "${pools[@]}"; do
    train() { # train FOLDER STEPS [--resume]
        "$tarn" train configs/bccd_retinanet_r18.json --output "$work/$1" "${@:3}" \
            "backbone.pool.stem.type=$pool" data.min_size=[192] data.max_size=256 \
            "train.iterations=$2" train.steps=[] train.warmup_iterations=20 \
            train.eval_every=0 train.checkpoint_every=25 train.log_every=5 >>"$work/log" 2>&1
    }
    verdict=equal
    if train whole 50 && train parts 25 && train parts 50 --resume; then
        cmp -s "$work/whole/last.safetensors" "$work/parts/last.safetensors" || verdict=DIFFERENT
    else
        verdict=FAILED
        tail -n 3 "$work/log"
    fi
    [[ $verdict == equal ]] || failures=$((failures + 1))
    printf '%-12s resumed %s  losses %s\n' "$pool" "$verdict" \
        "$(grep -o '"loss": *[-0-9.einfa]*' "$work/whole/log.jsonl" | sed 's/.*[: ]//' |
            sed -n '1p;$p' | tr '\n' ' ')"
    rm -rf "$work/whole" "$work/parts"
done
exit $((failures > 0))
