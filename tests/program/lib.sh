# shellcheck shell=sh
# Helpers for tests that drive the built program. A script sources this file with the program's
# path in $TARN and the source folder in $ROOT, and ends with `finish`.
set -u
export LC_ALL=C OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n_checks=0
n_failed=0
rc=0

# run ARGUMENT...: the program, its output in $work/out and $work/err, its exit code in $rc.
run() {
    last="tarn $*"
    rc=0
    "$TARN" "$@" >"$work/out" 2>"$work/err" </dev/null || rc=$?
}

check() { # check STATUS TEXT
    n_checks=$((n_checks + 1))
    [ "$1" -eq 0 ] && return 0
    n_failed=$((n_failed + 1))
    echo "FAILED: $last"
    echo "  $2"
    echo "  exit code $rc; stdout and stderr:"
    head -c 2000 "$work/out" | sed 's/^/  | /'
    head -c 2000 "$work/err" | sed 's/^/  | /'
    return 0
}

# The exit code of the last run.
code() {
    [ "$rc" -eq "$1" ]
    check $? "expected exit code $1"
}

# Each argument is a regular expression that a line of stdout (stderr) must match.
out() {
    for pattern in "$@"; do
        grep -Eq -e "$pattern" "$work/out"
        check $? "stdout lacks: $pattern"
    done
}
err() {
    for pattern in "$@"; do
        grep -Eq -e "$pattern" "$work/err"
        check $? "stderr lacks: $pattern"
    done
}

# One clear message: nothing on stdout that looks like success, no sanitizer's or library's noise.
refused() { # refused CODE PATTERN...
    code "$1"
    shift
    err "$@"
    if grep -Eq 'Sanitizer|runtime error|Assertion|terminate called' "$work/err"; then
        check 1 "the program broke"
    fi
}

exists() {
    for path in "$@"; do
        [ -s "$path" ]
        check $? "missing or empty: $path"
    done
}
absent() {
    for path in "$@"; do
        [ ! -e "$path" ]
        check $? "should not exist: $path"
    done
}

finish() {
    echo "$n_checks checks, $n_failed failed"
    [ "$n_failed" -eq 0 ] && [ "$n_checks" -gt 0 ]
    exit $?
}
