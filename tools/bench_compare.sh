#!/usr/bin/env bash
# Speed of tarn against torchvision on the same cores: a detector or a classifier with random
# weights, the forward pass or a training step, run in turn, so that both meet the same state of the
# machine.
# torchvision runs with its usual layout and with channels_last; the faster one counts.
# Usage: tools/bench_compare.sh [--train]
#                               [--model [retinanet_|mask_rcnn_|classifier_]r18|r34|r50|r101]
#                               [--size HxW] [--batch N] [--objects N] [--rounds N] [--runs N]
#                               [--threads N] [--output FILE.json]
# A model without a detector's name is a RetinaNet. A classifier (--size 224x224) has 1,000 classes
# and trains all layers, batch norm included.
# TARN_REF_PYTHON: a Python with torch and torchvision (default python3); TARN: default build/tarn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${TARN_REF_PYTHON:-python3}
tarn=${TARN:-build/tarn}
model=r50 size=800x1344 batch=1 rounds=3 runs=3 threads=$(nproc) output='' mode=forward
objects=8
train=()
while (($#)); do
    case $1 in
    --train) train=(--train) mode=train ;;
    --model) model=$2; shift ;;
    --size) size=$2; shift ;;
    --batch) batch=$2; shift ;;
    --objects) objects=$2; shift ;;
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
[[ $model == *_* ]] || model=retinanet_$model
config=(configs/"${model}"_fpn_1x.json) classes=91
if [[ $model == classifier_* ]]; then
    classes=1000 objects=1
    config=(configs/base/classifier.json "backbone.type=resnet${model##*_r}" model.n_classes=1000)
fi
export OMP_NUM_THREADS=$threads
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

torchvision() { # torchvision LAYOUT FILE
    "$python" tools/bench_torchvision.py --model "${model%_*}" \
        --backbone "resnet${model##*_r}" --size "$size" --objects "$objects" --classes "$classes" \
        --batch "$batch" --layout "$1" --iterations "$runs" --threads "$threads" "${train[@]}" >"$2"
}
for ((round = 1; round <= rounds; round++)); do
    "$tarn" bench model "${config[@]}" --size "$size" --batch "$batch" \
        --objects "$objects" --runs "$runs" --json "$work/tarn.$round" "${train[@]}" \
        "train.threads=$threads" >"$work/text"
    torchvision contiguous "$work/contiguous.$round"
    torchvision channels_last "$work/channels_last.$round"
    echo "round $round of $rounds done" >&2
done
((rounds > 0)) && sed -n '1,4p' "$work/text"

# Lines "WHO SECONDS", one a measurement; then medians and the ratio.
for file in "$work"/*.[0-9]*; do
    who=$(basename "$file")
    { tr -d '\n' <"$file"; echo; } | sed 's/"operations".*//' |
        sed -n 's/.*"seconds": \[\{0,1\}\([0-9.e, -]*\).*/\1/p' | tr -s ', ' '\n' |
        sed -n "s/^[0-9].*/${who%.*} &/p"
done | sort -k1,1 -k2,2g | awk -v batch="$batch" '
    { times[$1, ++n[$1]] = $2 }
    function median(who) {
        return (times[who, int((n[who] + 1) / 2)] + times[who, int(n[who] / 2) + 1]) / 2
    }
    END {
        for (who in n) {
            m[who] = median(who)
            printf "%-14s %8.4f s  %7.3f images/s  (median of %d)\n", who, m[who],
                batch / m[who], n[who]
        }
        best = m["contiguous"] < m["channels_last"] ? m["contiguous"] : m["channels_last"]
        printf "torchvision takes %.2f times as long as tarn\n", best / m["tarn"]
    }'

if [[ $output ]]; then
    mkdir -p "$(dirname "$output")"
    {
        printf '{"model": "%s", "mode": "%s", "size": "%s", "batch": %d,\n' \
            "$model" "$mode" "$size" "$batch"
        printf ' "threads": %d, "processor": "%s", "tarn": "%s",\n' "$threads" \
            "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$("$tarn" --version)"
        printf ' "runs": [\n'
        separator=
        for file in "$work"/*.[0-9]*; do
            printf '%s{"run": "%s", "result": ' "$separator" "$(basename "$file")"
            cat "$file"
            printf '}'
            separator=$',\n'
        done
        printf ']}\n'
    } >"$output"
    echo "raw results: $output"
fi
