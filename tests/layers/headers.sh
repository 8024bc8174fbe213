#!/bin/sh
# Every header compiles alone, as C17 and as C++: headers.sh ROOT BUILD CC CXX [FLAG...]
# CXX may be empty: the C++ half is left out then. Two compilers run at a time.
set -eu
export LC_ALL=C
cd "$1"
build=$2 cc=$3 cxx=$4
shift 4
folders='base nn cpu cuda coco backbone detect draw eval train cli'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One compiler run: one LANGUAGE HEADER FLAG...
one() {
    language=$1 header=$2
    shift 2
    if [ "$language" = c ]; then
        set -- "$cc" -std=c17 -Wmissing-prototypes -Wstrict-prototypes -x c "$@"
    else
        set -- "$cxx" -std=c++17 -x c++ "$@"
    fi
    # Through a file that includes it, so that `#pragma once` and guards behave as in use; twice,
    # so that a missing guard shows.
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$@" -Wall -Wextra -Werror -fsyntax-only -I. -I"$build/generated" - >"$work/log" 2>&1 ||
        { echo "$header does not compile alone as $language:"; cat "$work/log"; return 1; }
}

status=0
n=0
for folder in $folders; do
    [ -d "$folder" ] || continue
    for header in $(find "$folder" -name '*.h' | sort); do
        n=$((n + 1))
        # Headers of kernels are C++ alone; the emulator's stand in for CUDA's own.
        if [ "$folder" = cuda ] && ! grep -q '^extern "C"' "$header"; then
            [ -z "$cxx" ] || one c++ "$header" -Itests/emulator/include -include cuda_runtime.h \
                -D__CUDACC__ -Wno-unused-function -Wno-unknown-pragmas "$@" || status=1
            continue
        fi
        one c "$header" "$@" || status=1
        [ -z "$cxx" ] || one c++ "$header" "$@" || status=1
    done
done
echo "$n headers"
[ "$n" -gt 0 ] || status=1
exit $status
