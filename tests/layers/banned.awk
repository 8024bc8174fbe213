# Functions that are not used here, each with a reason. Comments and strings do not count.
# Usage: awk -f banned.awk FILE..., paths relative to the root.
BEGIN {
    ban("atoi atof atol atoll", "reports no errors: base/field.h, strtol, strtod")
    ban("strtok", "hidden state, writes to its input")
    ban("strcpy strcat sprintf vsprintf gets", "no bound: snprintf")
    ban("alloca", "no bound on the stack")
    ban("rand srand random drand48", "base/rng.h")
    ban("system popen", "no shell")
    ban("malloc calloc realloc aligned_alloc posix_memalign strdup strndup", "base/mem.h")
    ban("exit _exit quick_exit abort", "return a status")
    memory["malloc"] = memory["calloc"] = memory["realloc"] = memory["aligned_alloc"] = 1
    memory["posix_memalign"] = memory["strdup"] = memory["strndup"] = 1
    ending["exit"] = ending["_exit"] = ending["quick_exit"] = ending["abort"] = 1
}
function ban(names, why,    n, list, i) {
    n = split(names, list, " ")
    for (i = 1; i <= n; i++) reason[list[i]] = why
}
FNR == 1 {
    in_comment = 0
    is_test = FILENAME ~ /^tests\//
}
{
    line = $0
    gsub(/\\\\/, "", line)
    gsub(/\\"/, "", line)
    gsub(/\\'/, "", line)
    gsub(/'"'/, "", line)
    if (in_comment) {
        if (!sub(/^.*\*\//, "", line)) next
        in_comment = 0
    }
    gsub(/"[^"]*"/, "\"\"", line)
    sub(/\/\/.*/, "", line)
    gsub(/\/\*[^*]*\*\//, "", line)
    if (sub(/\/\*.*/, "", line)) in_comment = 1
    while (match(line, /[A-Za-z_][A-Za-z_0-9]*[ \t]*\(/)) {
        name = substr(line, RSTART, RLENGTH - 1)
        before = RSTART > 1 ? substr(line, RSTART - 1, 1) : ""
        sub(/[ \t]+$/, "", name)
        line = substr(line, RSTART + RLENGTH)
        if (!(name in reason) || before == "." || before == ">") continue
        if (is_test && (name in memory || name in ending)) continue
        if (name in memory && FILENAME ~ /^base\/mem\.[ch]$/) continue
        if (name in ending && FILENAME == "cli/main.c") continue
        printf "%s:%d: %s is not used here: %s\n", FILENAME, FNR, name, reason[name]
        bad = 1
    }
}
END { exit bad }
