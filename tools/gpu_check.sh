#!/usr/bin/env bash
# Everything that needs a GPU, in one command: builds, runs the GPU's tests, compares CPU and GPU,
# looks for errors of memory and synchronisation, and times tarn beside PyTorch. Works on a machine
# that reaches no package registry; DEPS/env.sh, if given, sets the paths of unpacked packages.
#
#   tools/gpu_check.sh OUTPUT [DEPS] [-- STEP ...]     steps: build test compare sanitize bench
#
# OUTPUT gets a log of each step (STEP.log), raw results as JSON, and summary.json: of each step
# "passed", "failed" or "skipped: why". Ends with 1 if a step failed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
usage() { echo "usage: tools/gpu_check.sh OUTPUT [DEPS] [-- STEP ...]" >&2; exit 2; }
[[ $# -ge 1 && $1 != -* ]] || usage
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
if [[ $# -gt 0 && $1 != -- ]]; then
    # shellcheck disable=SC1091
    . "$1/env.sh" || exit 2
    shift
fi
[[ ${1-} != -- ]] || shift
steps=("$@")
((${#steps[@]})) || steps=(build test compare sanitize bench)
build=${TARN_BUILD:-$out/build}
size=${TARN_BENCH_SIZE:-800x1344}
data=$root/../shared/data
python=${PYTHON:-python3}
declare -A results
status=0

tarn() { "$build/tarn" "$@"; }

step_build() {
    local arch
    arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTARN_TESTS=ON \
        -DTARN_CUDA=ON "-DTARN_CUDA_ARCH=$arch" || return 1
    cmake --build "$build" || return 1
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv \
        >"$out/gpu.csv"
    tarn info
}

# The same cases as on the CPU, now on the GPU too; the emulator's are run elsewhere.
step_test() {
    ctest --test-dir "$build" --output-on-failure -R '^(nn|cuda|train|gpu_ops|golden_gpu)$'
}

# A short training on each device from one seed, resumed on the other, and the first one twice.
step_compare() {
    local config=$root/configs/bccd_retinanet_r18.json runs=$out/runs name
    [[ -f $config && -d $data/bccd ]] || { echo "skipped: no $data/bccd"; return 77; }
    rm -rf "$runs" && mkdir -p "$runs"
    train() { # NAME DEVICE ITERATIONS [SETTING ...]
        (cd "$root" && tarn train "$config" --output "$runs/$1" --device "$2" --resume \
            "train.iterations=$3" train.log_every=1 train.eval_every=0 "${@:4}")
    }
    train cpu cpu 10 && train gpu cuda 10 && train again cuda 10 || return 1
    cmp "$runs/gpu/last.safetensors" "$runs/again/last.safetensors" ||
        { echo "two runs on the GPU differ"; return 1; }
    train gpu cpu 12 && train cpu cuda 12 || return 1 # each goes on elsewhere
    train f32 cuda 200 && train bf16 cuda 200 train.precision=bf16 || return 1
    for name in cpu gpu f32 bf16; do
        grep '"kind":"train"' "$runs/$name/log.jsonl" | sed 's/.*"loss":\([^,}]*\).*/\1/' \
            >"$out/losses_$name.txt" || return 1
    done
    paste "$out/losses_cpu.txt" "$out/losses_gpu.txt" "$out/losses_f32.txt" \
        "$out/losses_bf16.txt" | awk -F '\t' '
        NR <= 10 { d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > first) first = d }
        NR > 150 { f += $3 / 50; h += $4 / 50 }
        END {
            printf "{\"first_steps_relative\": %g, \"last_50_mean\": {\"f32\": %g, " \
                   "\"bf16\": %g}}\n", first, f, h
            d = (h - f) / f
            exit !(NR == 200 && first < 1e-3 && d < 0.05 && d > -0.05)
        }' >"$out/compare.json"
}

step_sanitize() {
    command -v compute-sanitizer >/dev/null || { echo "skipped: no compute-sanitizer"; return 77; }
    local tool failed=0
    for tool in memcheck racecheck initcheck synccheck; do
        compute-sanitizer --tool "$tool" --error-exitcode 9 --target-processes all \
            "$build/tests/gpu/test_gpu_ops" -j1 --filter 'values/*' \
            >"$out/sanitize_$tool.log" 2>&1 &&
            echo "$tool: clean" || { echo "$tool: see sanitize_$tool.log"; failed=1; }
    done
    return "$failed"
}

reference() { # OUTPUT ARGUMENTS...
    "$python" -c 'import torch, torchvision; assert torch.cuda.is_available()' 2>/dev/null ||
        { echo "no PyTorch that sees a GPU: $1 not written"; return 0; }
    (cd "$root/tools" && "$python" bench_cuda.py "${@:2}") >"$out/$1.json" || rm "$out/$1.json"
}

step_bench() {
    local shape dtype model config mode batch precision name failed=0
    reference torch_device device
    for shape in 8x400x672x64 16x200x336x256; do
        for dtype in f32 bf16; do
            tarn bench pools --backend cuda --shape "$shape" --dtype "$dtype" \
                --json "$out/tarn_pools_${shape}_$dtype.json" || failed=1
            reference "torch_pools_${shape}_$dtype" pools "$shape" "$dtype"
        done
    done
    for model in retinanet mask_rcnn; do
        config=$root/configs/base/${model}_fpn_1x.json
        for mode in train forward; do
            for batch in 1 8 16; do
                [[ $mode$batch != train1 && $mode$batch != train8 && $mode$batch != forward16 ]] ||
                    continue
                for precision in f32 tf32 bf16; do
                    name=${model}_${mode}_${batch}_$precision
                    tarn bench model "$config" --device cuda --size "$size" --batch "$batch" \
                        --runs 15 $([[ $mode == train ]] && echo --train) \
                        --json "$out/tarn_$name.json" "train.precision=$precision" || failed=1
                    reference "torch_$name" "$model" "$mode" "$batch" "$precision" "$size"
                done
            done
        done
    done
    return "$failed"
}

command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 ||
    { echo "gpu_check: this machine has no GPU that nvidia-smi sees" >&2; exit 2; }
for step in "${steps[@]}"; do
    declare -F "step_$step" >/dev/null || usage
    echo "== $step"
    "step_$step" >"$out/$step.log" 2>&1
    case $? in
    0) results[$step]=passed ;;
    77) results[$step]=$(tail -1 "$out/$step.log") ;;
    *) results[$step]=failed status=1 ;;
    esac
    echo "   ${results[$step]}"
    [[ $step != build || ${results[$step]} == passed ]] || break
done
{
    printf '{"date": "%s", "commit": "%s"' "$(date -u +%FT%TZ)" \
        "$(git -C "$root" describe --always --dirty 2>/dev/null)"
    for step in "${!results[@]}"; do printf ', "%s": "%s"' "$step" "${results[$step]}"; done
    echo '}'
} >"$out/summary.json"
exit "$status"
