#!/bin/sh
# tarn experiment: models x poolings x seeds. Killed, interrupted and continued, it ends with the
# same table as one left in peace.
. "$ROOT/tests/program/lib.sh"
. "$ROOT/tests/program/training.sh"
tiny 6 4

cat >"$work/experiment.json" <<'END'
// Comments are fine.
{ "base": "tiny.json",
  "set": {"train.iterations": 5, "train": {"eval_every": 0}, "retinanet.score_threshold": 0},
  "models": [{"name": "Tiny R18"}],
  "poolings": [{"name": "max"},
               {"name": "soft", "set": {"backbone.pool.stem.beta": 1.5,
                                        "backbone.pool.stem.type": "soft"}}],
  "seeds": [1, 2],
  "resamples": 40 }
END

run experiment "$work/experiment.json" --list
code 0
out '^tiny_r18-max-seed1 +5 iterations of 2 images' '^4 runs, 20 iterations'

# Begins (again) in $work/parts, in the background.
begin() {
    last="tarn experiment --output $work/parts"
    "$TARN" experiment "$work/experiment.json" --output "$work/parts" >"$work/out" 2>"$work/err" \
        </dev/null &
    child=$!
}

run experiment "$work/experiment.json" --output "$work/whole"
code 0
out '^run 1/4 tiny_r18-max-seed1: AP [0-9.]+, AP50 .* left$' '^run 4/4 tiny_r18-soft-seed2: ' \
    '^model +pooling +AP +AP50 +AP75 +APs +APm +APl$' '^Tiny R18 +max -> soft +[0-9.]+ -> ' \
    '^Tiny R18 +soft +[0-9.]+ \([0-9.]+\)' '^Tiny R18 +soft - max +AP +[+-].*\[[+-].*\]' \
    '40 resamples' 'saved: .*table\.md'
exists "$work/whole/table.md" "$work/whole/table.json" "$work/whole/experiment.json"
for name in max-seed1 soft-seed1 max-seed2 soft-seed2; do
    exists "$work/whole/tiny_r18-$name/results.json" "$work/whole/tiny_r18-$name/last.safetensors"
done
grep -q '^| Tiny R18 | max -> soft | ' "$work/whole/table.md"
check $? 'table.md lacks the row'
grep -q '"beta":[[:space:]]*1\.5' "$work/whole/tiny_r18-soft-seed2/config.json"
check $? 'the pooling of the run is not the one asked for'
grep -q '"seed":[[:space:]]*2,' "$work/whole/tiny_r18-soft-seed2/config.json"
check $? 'the seed of the run is not the one asked for'

# A run is what `tarn train` makes of its config, and its numbers are what `tarn eval` says.
run train "$work/whole/tiny_r18-soft-seed2/config.json" --output "$work/single"
code 0
same "$work/single/last.safetensors" "$work/whole/tiny_r18-soft-seed2/last.safetensors"
run eval --results "$work/whole/tiny_r18-soft-seed2/results.json" \
    --annotations "$work/data/annotations/val.json" --json "$work/eval.json"
code 0
ap=$(sed -n 's/.*"AP": *\([0-9.e-]*\),.*/\1/p' "$work/eval.json" | head -n 1)
grep -q "tiny_r18-soft-seed2\".*\"AP\": $ap," "$work/whole/table.json"
check $? "table.json lacks the AP $ap of tiny_r18-soft-seed2"

begin
wait_for "$work/parts/tiny_r18-max-seed1/log.jsonl" '"iteration":3'
kill -9 "$child"
end
code 137
begin
wait_for "$work/parts/tiny_r18-soft-seed1/log.jsonl" '"iteration":3'
kill -INT "$child"
end
refused 130 'interrupted in run 2 of 4, tiny_r18-soft-seed1'
exists "$work/parts/tiny_r18-max-seed1/results.json"
absent "$work/parts/tiny_r18-soft-seed1/results.json" "$work/parts/table.json"
run experiment "$work/experiment.json" --output "$work/parts"
code 0
out '^run 1/4 tiny_r18-max-seed1: finished before' '^run 2/4 tiny_r18-soft-seed1: AP'
same "$work/whole/table.json" "$work/parts/table.json"
same "$work/whole/table.md" "$work/parts/table.md"
same "$work/whole/tiny_r18-soft-seed1/last.safetensors" \
    "$work/parts/tiny_r18-soft-seed1/last.safetensors"
run experiment "$work/experiment.json" --output "$work/parts"
code 0
out '^run 4/4 .*finished before'
same "$work/whole/table.json" "$work/parts/table.json"

# Classifiers, on crops of the same images: accuracy, McNemar's test, and a trained network whose pool
# is exchanged, which is what `tarn eval --set` measures.
cat >"$work/crops.json" <<'END'
{ "base": "tiny.json",
  "set": {"model.type": "classifier", "data.format": "coco_crops", "train.iterations": 2,
          "train.eval_every": 0, "crop": {"size": 32, "resize": 32, "min_side": 2}},
  "models": [{"name": "R18"}],
  "poolings": [{"name": "max"},
               {"name": "exchanged", "of": "max", "set": {"backbone.pool.stem": {"type": "soft"}}},
               {"name": "flex", "set": {"backbone.pool.global": {"type": "flex", "grid": 1},
                                        "classifier.aux_stages": [2, 3]}}],
  "seeds": [1, 2] }
END
run experiment "$work/crops.json" --list
code 0
out '^r18-exchanged-seed1 +measures r18-max-seed1' '^6 runs, 8 iterations'
run experiment "$work/crops.json" --output "$work/crops"
code 0
out '^run 2/6 r18-exchanged-seed1: top-1 [0-9.]+, top-5 1\.0000; ' \
    '^model +pooling +top-1 +top-5 +per class' '^R18 +flex +[0-9.]+ \([0-9.]+\) +100\.00' \
    '^R18 +exchanged - max +2 +[0-9]+ +[0-9]+ +[0-9.]+' 'saved: .*table\.md'
exists "$work/crops/table.md" "$work/crops/r18-exchanged-seed2/results.json"
absent "$work/crops/r18-exchanged-seed2/last.safetensors"
cp "$work/crops/table.json" "$work/table.json"
run experiment "$work/crops.json" --output "$work/crops"
code 0
out '^run 6/6 .*finished before'
same "$work/table.json" "$work/crops/table.json"
sed 's/"of": "max"/"of": "mox"/' "$work/crops.json" >"$work/mox.json"
run experiment "$work/mox.json" --output "$work/new"
refused 2 'mox\.json' 'poolings\[1\]' "'mox'"
sed 's/"backbone.pool.stem": {"type": "soft"}/"train.lr": 1/' "$work/crops.json" >"$work/lr.json"
run experiment "$work/lr.json" --output "$work/new"
refused 2 'lr\.json' 'poolings\[1\]' 'train\.lr'
absent "$work/new"

# Another experiment's folder, another run's folder, wrong files.
run experiment "$work/experiment.json" --output "$work/parts" train.lr=0.5
refused 2 'another experiment' 'train\.lr: 0\.01 -> 0\.5'
run experiment "$work/experiment.json" --output "$work/single"
refused 2 'no experiment\.json'
run experiment "$work/experiment.json" --output "$work/new" train.seed=4
refused 2 'train\.seed'
run experiment "$work/experiment.json"
refused 2 '--output'
sed 's/"seeds"/"sedes"/' "$work/experiment.json" >"$work/typo.json"
run experiment "$work/typo.json" --output "$work/new"
refused 2 'typo\.json' 'sedes' 'seeds'
absent "$work/new"
finish
