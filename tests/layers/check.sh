#!/bin/sh
# Checks the form of the source tree: check.sh layers|banned|style ROOT
#   layers  a folder includes only folders above it
#   banned  functions that are not used here
#   style   tabs, blanks at line ends, line and file lengths, last newline, flags
set -eu
export LC_ALL=C
what=$1
cd "$2"
scripts=${0%/*}
folders='base nn cpu cuda coco backbone detect draw eval train cli'

# The source files among the arguments' folders that exist, by name.
sources() {
    for folder in "$@"; do
        [ ! -d "$folder" ] || find "$folder" -type f \
            \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.cu' -o -name '*.cuh' \)
    done | sort
}

case $what in
layers)
    # shellcheck disable=SC2046,SC2086 # names without blanks
    awk -f "$scripts/layers.awk" $(sources $folders)
    ;;
banned)
    # shellcheck disable=SC2046,SC2086
    awk -f "$scripts/banned.awk" $(sources $folders tests)
    ;;
style)
    # shellcheck disable=SC2046,SC2086
    files=$(
        sources $folders tests
        find . -maxdepth 1 -name 'CMakeLists.txt' -o -maxdepth 1 -name '*.json' | sed 's|^\./||'
        find $(for f in $folders cmake tests tools .ci; do [ ! -d "$f" ] || echo "$f"; done) \
            -type f \( -name CMakeLists.txt -o -name '*.cmake' -o -name '*.sh' -o -name '*.awk' \
            -o -name '*.py' \)
    )
    status=0
    # shellcheck disable=SC2086
    awk -f "$scripts/style.awk" $files || status=1
    for file in $files; do
        [ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] ||
            { echo "$file: no newline at the end"; status=1; }
    done
    exit $status
    ;;
*)
    echo "usage: check.sh layers|banned|style ROOT" >&2
    exit 2
    ;;
esac
