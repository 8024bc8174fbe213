# shellcheck shell=sh
# Helpers for tests of classifiers, sourced after lib.sh and training.sh.

# shapes: $work/shapes, a folder for each of three classes, and $work/classifier.json.
shapes() {
    run synth --output "$work/shapes" --images 33 --val 9 --seed 6 --size 48x40 --classes 3 \
        --classification --smallest 0.4
    code 0
    cat >"$work/classifier.json" <<JSON
{ "model": {"type": "classifier"},
  "data": {"format": "folder", "train_images": "$work/shapes/train",
           "val_images": "$work/shapes/val", "threads": 1, "brightness": 0.2},
  "crop": {"size": 32, "resize": 36, "scale_min": 0.5},
  "backbone": {"type": "resnet18", "norm": "bn", "trainable_layers": 5},
  "train": {"iterations": 6, "batch_size": 4, "lr": 0.01, "warmup_iterations": 2, "eval_every": 3,
            "checkpoint_every": 2, "log_every": 1, "threads": 1},
  "eval": {"batch_size": 4} }
JSON
}
