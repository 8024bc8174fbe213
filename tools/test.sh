#!/usr/bin/env bash
# Builds everything, warnings as errors, and runs all tests: the release build, then the quick ones
# once more under the address and undefined behaviour sanitizers. Ends with one line of totals.
# Usage: tools/test.sh [--no-sanitizers]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
presets=(release asan)
case ${1-} in
'') ;;
--no-sanitizers) presets=(release) ;;
*)
    echo "usage: tools/test.sh [--no-sanitizers]" >&2
    exit 2
    ;;
esac

tools/setup.sh
jobs=$(nproc)
logs=()
status=0
for preset in "${presets[@]}"; do
    echo "== $preset: build"
    cmake --preset "$preset" -DTARN_WERROR=ON -DTARN_TESTS=ON >"/tmp/tarn-configure.$$" 2>&1 ||
        { cat "/tmp/tarn-configure.$$" >&2; rm -f "/tmp/tarn-configure.$$"; exit 1; }
    rm -f "/tmp/tarn-configure.$$"
    cmake --build --preset "$preset" --parallel "$jobs" -- --quiet
    echo "== $preset: test"
    folder=build
    [[ $preset == release ]] || folder=build-$preset
    ctest --preset "$preset" || status=1
    logs+=("$folder/Testing/Temporary/LastTest.log")
done
awk -f tests/totals.awk "${logs[@]}" || status=1
exit "$status"
