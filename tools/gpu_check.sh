#!/usr/bin/env bash
# Everything that needs a GPU, in one command: builds, runs the GPU's tests, compares CPU and GPU,
# looks for errors of memory and synchronisation, and times tarn beside PyTorch. Works on a machine
# that reaches no package registry; DEPS/env.sh, if given, sets the paths of unpacked packages
# (libdnnl-dev libcjson-dev libturbojpeg0-dev libcriterion-dev libpng-dev libcairo2-dev libzip-dev).
#
#   tools/gpu_check.sh OUTPUT [DEPS] [-- STEP ...]
#
# Steps, each of a few minutes, all of them by default:
#   build                                      what the others need, in OUTPUT/build (TARN_BUILD)
#   test                                       cases of all operations, golden files
#   compare                                    equal runs, resuming elsewhere, curves, AP in bf16
#   memcheck racecheck initcheck synccheck     compute-sanitizer over the cases
#   pools                                      pooling layers, copies, matrix products
#   retinanet_train retinanet_forward mask_rcnn_train mask_rcnn_forward     at TARN_BENCH_SIZE
#
# TARN_PRECISIONS: what models are timed in, "bf16 tf32 f32" by default.
# TARN_DATA: folder of bccd/ and weights/ (../shared/data). TARN_CHECKPOINT: a model well trained on
# bccd, for AP; otherwise that of 200 steps is taken.
#
# OUTPUT gets a log of each step (STEP.log), raw results as JSON, and summary.json: of each step
# "passed", "failed" or "skipped: why". Ends with 1 if a step failed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
usage() { echo "usage: tools/gpu_check.sh OUTPUT [DEPS] [-- STEP ...]" >&2; exit 2; }
[[ $# -ge 1 && $1 != -* ]] || usage
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
shift
if [[ $# -gt 0 && $1 != -- ]]; then
    # shellcheck disable=SC1091
    . "$1/env.sh" || exit 2
    shift
fi
[[ ${1-} != -- ]] || shift
steps=("$@")
((${#steps[@]})) || steps=(build test compare memcheck racecheck initcheck synccheck pools
    retinanet_train retinanet_forward mask_rcnn_train mask_rcnn_forward)
build=${TARN_BUILD:-$out/build}
size=${TARN_BENCH_SIZE:-800x1344}
data=${TARN_DATA:-$root/../shared/data}
python=${PYTHON:-python3}
declare -A results
status=0
# Which engines cuDNN's measurements chose; runs are compared with the same ones.
export TARN_CACHE=${TARN_CACHE-$out/cache}

tarn() { timeout "${TARN_LIMIT:-500}" "$build/tarn" "$@"; }

step_build() {
    local arch
    arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
    # Python's packages may hold cuDNN: CMake looks there.
    VIRTUAL_ENV=${VIRTUAL_ENV-$("$python" -c 'import sys; print(sys.prefix)' 2>/dev/null)}
    export VIRTUAL_ENV
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTARN_TESTS=ON \
        -DTARN_CUDA=ON "-DTARN_CUDA_ARCH=$arch" || return 1
    cmake --build "$build" --target tarn test_nn test_cuda test_train test_golden test_gpu_ops \
        test_gpu_images || return 1
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv \
        >"$out/gpu.csv"
    tarn info
}

# The same cases as on the CPU, now on the GPU too; the emulator's are run elsewhere.
step_test() {
    ctest --test-dir "$build" --output-on-failure \
        -R '^(nn|cuda|train|gpu_ops|gpu_images|golden_gpu)$'
}

# ---- CPU and GPU -------------------------------------------------------------------------------

train() { # NAME DEVICE ITERATIONS [SETTING ...]
    tarn train "$root/configs/bccd_retinanet_r18.json" --output "$runs/$1" --device "$2" --resume \
        "data.train_images=$data/bccd/images" "data.val_images=$data/bccd/images" \
        "data.train_annotations=$data/bccd/annotations/train.json" \
        "data.val_annotations=$data/bccd/annotations/val.json" \
        "model.weights=$data/weights/resnet18_imagenet_partial.safetensors" \
        "train.iterations=$3" train.log_every=1 train.eval_every=0 "${@:4}"
}

losses() { # NAME: of each iteration
    grep '"kind":"train"' "$runs/$1/log.jsonl" | sed 's/.*"loss":\([^,}]*\).*/\1/' \
        >"$out/losses_$1.txt"
}

# AP of one checkpoint: on the CPU, on the GPU in f32 and in bf16.
compare_ap() {
    local checkpoint=${TARN_CHECKPOINT:-$runs/f32/last.safetensors} name
    evaluate() { # NAME DEVICE PRECISION
        tarn eval --checkpoint "$checkpoint" --annotations "$data/bccd/annotations/val.json" \
            --images "$data/bccd/images" --device "$2" --json "$out/ap_$1.json" \
            "train.precision=$3"
    }
    evaluate cpu cpu f32 && evaluate f32 cuda f32 && evaluate bf16 cuda bf16 || return 1
    for name in cpu f32 bf16; do
        sed -n 's/^ *"AP": \([-0-9.e+]*\),*$/\1/p' "$out/ap_$name.json" | head -1
    done | paste -s | awk '{
        printf "{\"AP\": {\"cpu\": %g, \"gpu_f32\": %g, \"gpu_bf16\": %g}}\n", $1, $2, $3
        d = $2 - $3
        e = $1 - $2
        exit !(NF == 3 && d < 0.005 && d > -0.005 && e < 0.001 && e > -0.001)
    }' >"$out/compare_ap.json"
}

# A short training on each device from one seed, resumed on the other, and the GPU's twice; then 200
# steps in f32 and bf16.
step_compare() {
    local runs=$out/runs name failed=0
    [[ -d $data/bccd ]] || { echo "skipped: no $data/bccd"; return 77; }
    rm -rf "$runs" && mkdir -p "$runs"
    train cpu cpu 10 && train gpu cuda 10 && train again cuda 10 || return 1
    cmp "$runs/gpu/last.safetensors" "$runs/again/last.safetensors" ||
        { echo "two runs on the GPU differ"; failed=1; }
    train gpu cpu 12 && train cpu cuda 12 || return 1 # each goes on elsewhere
    train f32 cuda 200 && train bf16 cuda 200 train.precision=bf16 || return 1
    for name in cpu gpu f32 bf16; do losses "$name" || return 1; done
    paste "$out/losses_cpu.txt" "$out/losses_gpu.txt" "$out/losses_f32.txt" \
        "$out/losses_bf16.txt" | awk -F '\t' '
        NR <= 12 { d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > first) first = d }
        NR > 150 { f += $3 / 50; h += $4 / 50 }
        END {
            printf "{\"first_12_relative\": %g, \"last_50_mean\": {\"f32\": %g, " \
                   "\"bf16\": %g}}\n", first, f, h
            d = (h - f) / f
            exit !(NR == 200 && first < 1e-3 && d < 0.05 && d > -0.05)
        }' >"$out/compare_losses.json" || { echo "losses differ: compare_losses.json"; failed=1; }
    compare_ap || { echo "AP differs: compare_ap.json"; failed=1; }
    return "$failed"
}

# ---- compute-sanitizer -------------------------------------------------------------------------

sanitize() { # TOOL
    command -v compute-sanitizer >/dev/null || { echo "skipped: no compute-sanitizer"; return 77; }
    timeout 580 compute-sanitizer --tool "$1" --error-exitcode 9 --target-processes all \
        "$build/tests/gpu/test_gpu_ops" -j1 --filter 'values/*'
}
step_memcheck() { sanitize memcheck; }
step_racecheck() { sanitize racecheck; }
step_initcheck() { sanitize initcheck; }
step_synccheck() { sanitize synccheck; }

# ---- speed -------------------------------------------------------------------------------------

has_torch() {
    "$python" -c 'import torch, torchvision; assert torch.cuda.is_available()' 2>/dev/null ||
        { echo "no PyTorch that sees a GPU: nothing to compare with"; return 1; }
}

reference() { # OUTPUT ARGUMENTS...
    (cd "$root/tools" && timeout "${TARN_LIMIT:-500}" "$python" bench_cuda.py "${@:2}") \
        >"$out/$1.json" || { rm -f "$out/$1.json"; return 1; }
}

step_pools() {
    local shape dtype failed=0 torch=1
    has_torch || torch=0
    ((!torch)) || reference torch_device device || failed=1
    for shape in 8x400x672x64 16x200x336x256; do
        for dtype in f32 bf16; do
            tarn bench pools --backend cuda --shape "$shape" --dtype "$dtype" \
                --json "$out/tarn_pools_${shape}_$dtype.json" || failed=1
            ((!torch)) || reference "torch_pools_${shape}_$dtype" pools "$shape" "$dtype" ||
                failed=1
        done
    done
    return "$failed"
}

bench_tarn() { # MODEL MODE BATCH PRECISION
    local train=()
    [[ $2 == forward ]] || train=(--train)
    tarn bench model "$root/configs/base/${1}_fpn_1x.json" --device cuda --size "$size" \
        --batch "$3" --runs 15 "${train[@]}" --json "$out/tarn_${1}_${2}_${3}_$4.json" \
        "train.precision=$4"
}
bench_torch() { reference "torch_${1}_${2}_${3}_$4" "$@" "$size"; }

# With the first of the batch sizes that fits.
largest() { # PROGRAM MODEL MODE PRECISION BATCH...
    local batch
    for batch in "${@:5}"; do
        "bench_$1" "$2" "$3" "$batch" "$4" && return 0
        echo "$1, $2, $3, $4: a batch of $batch failed"
    done
    return 1
}

bench_model() { # MODEL train|forward
    local precision failed=0 programs=(tarn) program
    ! has_torch || programs+=(torch)
    for precision in ${TARN_PRECISIONS:-bf16 tf32 f32}; do
        for program in "${programs[@]}"; do
            if [[ $2 == train ]]; then
                largest "$program" "$1" train "$precision" 16 8 4 || failed=1
            else
                largest "$program" "$1" forward "$precision" 1 || failed=1
                largest "$program" "$1" forward "$precision" 8 4 || failed=1
            fi
        done
    done
    return "$failed"
}
step_retinanet_train() { bench_model retinanet train; }
step_retinanet_forward() { bench_model retinanet forward; }
step_mask_rcnn_train() { bench_model mask_rcnn train; }
step_mask_rcnn_forward() { bench_model mask_rcnn forward; }

# ------------------------------------------------------------------------------------------------

for step in "${steps[@]}"; do
    declare -F "step_$step" >/dev/null || usage
done
command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 ||
    { echo "gpu_check: this machine has no GPU that nvidia-smi sees" >&2; exit 2; }
for step in "${steps[@]}"; do
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
