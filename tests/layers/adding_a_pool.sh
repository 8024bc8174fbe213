#!/usr/bin/env bash
# Adds the pooling layer that docs/adding-a-pool.md describes to a scratch copy of the source,
# builds the library and its tests there, and runs the new pool's.
# Usage: adding_a_pool.sh SOURCE_FOLDER WORK_FOLDER C_COMPILER [CXX_COMPILER]
set -euo pipefail
source=$1 work=$2/adding_a_pool compiler=$3 cxx=${4-}
page=$source/docs/adding-a-pool.md

# An older scratch tree would hide a change.
rm -rf "$work"
mkdir -p "$work/tree/tests" "$work/new/backbone/pool" "$work/new/cuda/pool" "$work/new/tests/ops"
cp -r "$source"/{CMakeLists.txt,cmake,base,nn,cpu,cuda,coco,backbone,detect,draw,eval,train,cli,tools} \
    "$work/tree"
cp -r "$source"/tests/{CMakeLists.txt,ops,leaks.supp,scratch.h} "$work/tree/tests"
mkdir "$work/tree/tests/emulator"
cp -r "$source"/tests/emulator/{include,*.h} "$work/tree/tests/emulator"
cd "$work"

# A line "`path`:" gives the next code block its file; what follows 'In `path`, before' is the line.
awk '
    /^`[a-z_\/.]+`:$/ { file = $0; gsub(/[`:]/, "", file) }
    /^In `[a-z_\/.]+`, before/ { file = "line" }
    /^```/ { inside = !inside; if (!inside) file = ""; next }
    inside && file != "" { print > ("new/" file); found[file] = 1 }
    END { for (f in found) n++; if (n != 6) { print n + 0 " pieces in the page, not 6"; exit 1 } }
' "$page"
line=$(cat new/line)
name=$(sed -n 's/^POOL(\([a-z0-9_]*\))$/\1/p' new/line)
test_file=tests/ops/pool_$name.c

# Compiling the other pools would take most of the time: two of them stay.
list=tree/backbone/pool/pools.def
for other in $(sed -n 's/^\(POOL\|COMPOSED\)(\([a-z0-9_]*\))$/\2/p' $list); do
    case $other in max | avg | name) continue ;; esac
    sed -i "/^[A-Z]*($other)\$/d" $list
    rm -f tree/backbone/pool/"$other"{,_hot,_strip_hot}.c tree/tests/ops/pool_"$other".c \
        tree/cuda/pool/"$other".cu
done
sed -i "s/^#undef POOL\$/$line\n&/" $list
grep -qx "$line" $list

configure() {
    cmake -S tree -B build -G Ninja -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=None \
        -DCMAKE_C_FLAGS=-O0 -DTARN_TESTS=ON -DTARN_WERROR=ON -DTARN_CUDA=OFF >"$1" 2>&1
}
# A pool without its files, or with its source alone, does not configure.
for missing in "backbone/pool/$name.c" "$test_file" "cuda/pool/$name.cu"; do
    if configure configure.log ||
        ! tr -s ' \n' ' ' <configure.log | grep -q "$missing is missing"; then
        cat configure.log
        echo "FAILED: without $missing the tree must not configure"
        exit 1
    fi
    case $missing in
    backbone/*) cp new/backbone/pool/* tree/backbone/pool ;;
    *) cp "new/$missing" "tree/$missing" ;;
    esac
done
configure configure.log || { cat configure.log; exit 1; }
cmake --build build --target test_ops --parallel 2 >build.log 2>&1 ||
    { tail -n 60 build.log; exit 1; }

# Its CUDA kernels, as the launch emulator compiles them.
if [ -n "$cxx" ]; then
    "$cxx" -std=c++17 -D__CUDACC__ -include cuda_runtime.h -Itree/tests/emulator/include -Itree \
        -Ibuild/generated -Wall -Wextra -Werror -Wno-unknown-pragmas -Wno-unused-function \
        -x c++ -c -o kernels.o "tree/cuda/pool/$name.cu"
fi

# Its own tests, and the table of cases of all pools.
for filter in "pool_$name/*" 'values/pool' 'gradients/pool'; do
    build/tests/test_ops --filter "$filter" -j2 --verbose=1 >test.log 2>&1 ||
        { grep -v SKIP test.log; echo "FAILED: $filter"; exit 1; }
    tail -n 1 test.log
done
rm -rf "$work"
