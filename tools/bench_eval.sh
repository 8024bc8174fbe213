#!/usr/bin/env bash
# Speed and memory of `tarn eval` against pycocotools and faster-coco-eval: whole processes on the
# same files, reading included, in turn. Prints a table of medians; --output keeps all runs (JSON).
# Usage: tools/bench_eval.sh [--set FOLDER] [--rounds N] [--reference-rounds N] [--type bbox|segm]
#                            [--output FILE.json]
# FOLDER is made by tools/bench_eval_set.py when it does not exist (default: /tmp/tarn-bench-eval).
# TARN_REF_PYTHON: a Python with pycocotools and faster-coco-eval (default python3); TARN: default
# build/tarn. Threads: OMP_NUM_THREADS, or one a core.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${TARN_REF_PYTHON:-python3}
tarn=${TARN:-build/tarn}
set=/tmp/tarn-bench-eval rounds=5 reference_rounds=2 types='bbox segm' output=''
while (($#)); do
    case $1 in
    --set) set=$2; shift ;;
    --rounds) rounds=$2; shift ;;
    --reference-rounds) reference_rounds=$2; shift ;;
    --type) types=$2; shift ;;
    --output) output=$2; shift ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
[[ -f $set/truth.json ]] || "$python" tools/bench_eval_set.py "$set"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main_line='/IoU=0.50:0.95.*all.*maxDets=100/{s/.*= //p;q}' # for sed
# timed NAME TYPE COMMAND...: appends "NAME TYPE seconds user system kilobytes AP".
timed() {
    local name=$1 type=$2 used
    shift 2
    /usr/bin/time -f '%e %U %S %M' -o "$work/time" "$@" >"$work/out" 2>"$work/err" ||
        { cat "$work/err" >&2; exit 1; }
    used=$(tail -n 1 "$work/time")
    echo "$name $type $used $(sed -n "$main_line" "$work/out")" | tee -a "$work/runs"
}

for type in $types; do
    results=$set/boxes.json
    [[ $type == segm ]] && results=$set/masks.json
    cat "$set/truth.json" "$results" >/dev/null # all find the files in memory
    for ((round = 1; round <= rounds; round++)); do
        timed tarn "$type" "$tarn" eval --annotations "$set/truth.json" --results "$results" \
            --type "$type"
        ((round <= reference_rounds)) || continue
        for library in faster-coco-eval pycocotools; do
            timed $library "$type" "$python" tools/bench_eval_reference.py $library "$type" \
                "$set/truth.json" "$results"
        done
    done
done

"$python" - "$work/runs" "$output" "$set" <<'END'
import collections, json, os, platform, statistics, sys

runs = collections.defaultdict(list)
for line in open(sys.argv[1]):
    name, kind, seconds, user, system, kilobytes, ap = line.split()
    runs[kind, name].append((float(seconds), float(user) + float(system), int(kilobytes), ap))
report = {"set": os.path.basename(sys.argv[3]), "cores": os.cpu_count(), "results": []}
model = [l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")]
report["machine"] = model[0] if model else platform.machine()
print(f"\n{'':25}{'seconds':>9}{'(least)':>9}{'cpu s':>8}{'peak MB':>9}{'AP':>8}"
      f"{'times':>8}{'memory':>8}")
for (kind, name), values in runs.items():
    seconds, cpu = (statistics.median(v[i] for v in values) for i in range(2))
    peak = max(v[2] for v in values)
    own = runs[kind, "tarn"]
    times = seconds / statistics.median(v[0] for v in own)
    memory = peak / max(v[2] for v in own)
    print(f"{kind + ' ' + name:25}{seconds:9.2f}{min(v[0] for v in values):9.2f}{cpu:8.2f}"
          f"{peak / 1e3:9.0f}{values[0][3]:>8}{times:8.1f}{memory:8.1f}")
    report["results"].append({"type": kind, "library": name, "seconds": [v[0] for v in values],
                              "cpu_seconds": [round(v[1], 2) for v in values],
                              "peak_kilobytes": [v[2] for v in values]})
if sys.argv[2]:
    with open(sys.argv[2], "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
END
