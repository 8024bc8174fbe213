# Every #include of ours must point to the same folder or to one above it (ARCHITECTURE of the
# folders: docs/architecture.md). Usage: awk -f layers.awk FILE..., paths relative to the root.
BEGIN {
    # What each folder may include beside itself. cpu and cuda do not know each other; the data and
    # drawing folders know no tensors; evaluation only writes safetensors files, and draws for its
    # report.
    may["base"] = ""
    may["nn"] = "base"
    may["cpu"] = "base nn"
    may["cuda"] = "base nn"
    may["cuda/pool"] = "base nn cuda backbone/pool" # the maths of a window is written once
    may["coco"] = "base"
    may["backbone"] = "base nn cpu"
    may["detect"] = "base nn cpu cuda coco backbone"
    may["draw"] = "base coco"
    may["eval"] = "base nn coco draw"
    may["train"] = "base nn cpu cuda coco backbone detect draw eval"
    may["cli"] = "base nn cpu cuda coco backbone detect draw eval train"
    for (folder in may) {
        known[folder] = 1
        n = split(may[folder], names, " ")
        for (i = 1; i <= n; i++) allowed[folder, names[i]] = 1
        allowed[folder, folder] = 1
    }
}
FNR == 1 {
    folder = FILENAME
    sub(/\/.*/, "", folder)
    if (FILENAME ~ /^cuda\/pool\//) folder = "cuda/pool"
    if (!(folder in known)) complain("not in a known folder")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    target = quoted[2]
    if (target == "version.h") next # made by the build
    if (target !~ /\//) {
        complain("include \"" target "\" without its folder")
        next
    }
    if (target ~ /\.\./) complain("include \"" target "\" goes up")
    first = target
    sub(/\/.*/, "", first)
    if (allowed[folder, first]) next
    if (target ~ /^backbone\/pool\// && allowed[folder, "backbone/pool"]) next
    complain(folder " must not include \"" target "\"")
}
function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}
END { exit bad }
