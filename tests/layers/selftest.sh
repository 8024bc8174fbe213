#!/bin/sh
# The checks find what they look for: a small tree with one offence after the other.
set -eu
scripts=$(cd "${0%/*}" && pwd)
build=$1 cc=$2 cxx=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# expect pass|fail NAME CHECK PATH TEXT: runs CHECK on a tree whose only odd file is PATH.
expect() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/base" "$work/tree/$(dirname "$4")"
    printf '#include <stddef.h>\n' >"$work/tree/base/good.h"
    printf '%b' "$5" >"$work/tree/$4"
    case $3 in
    headers) set -- "$1" "$2" "$scripts/headers.sh" "$work/tree" "$build" "$cc" "$cxx" ;;
    *) set -- "$1" "$2" "$scripts/check.sh" "$3" "$work/tree" ;;
    esac
    expected=$1 name=$2
    shift 2
    if "$@" >"$work/log" 2>&1; then got=pass; else got=fail; fi
    if [ "$got" != "$expected" ]; then
        echo "expected $expected, got $got: $name"
        cat "$work/log"
        failed=1
    fi
}

long=$(printf '%0101d' 0)
many=$(awk 'BEGIN { for (i = 0; i < 501; i++) printf "int x%d;\\n", i }')
expect pass 'folder above' layers nn/a.c '#include "base/good.h"\n'
expect fail 'folder below' layers base/a.c '#include "nn/tensor.h"\n'
expect fail 'backbone includes coco' layers backbone/a.c '#include "coco/image.h"\n'
expect fail 'draw includes nn' layers draw/a.c '#include "nn/tensor.h"\n'
expect fail 'no folder named' layers nn/a.c '#include "tensor.h"\n'
expect fail 'up and over' layers nn/a.c '#include "nn/../cli/x.h"\n'
expect pass 'shared window maths' layers cuda/pool/a.c '#include "backbone/pool/soft.h"\n'
expect fail 'cuda outside pool' layers cuda/a.c '#include "backbone/pool/soft.h"\n'
expect fail 'atoi' banned nn/a.c 'int x = atoi("1");\n'
expect fail 'strcpy with a blank' banned nn/a.c 'strcpy (a, b);\n'
expect fail 'malloc' banned nn/a.c 'p = malloc(3);\n'
expect fail 'exit below cli' banned train/a.c 'if (x) exit(1);\n'
expect pass 'exit in main' banned cli/main.c 'exit(1);\n'
expect pass 'malloc in base/mem.c' banned base/mem.c 'p = malloc(3);\n'
expect pass 'comments and strings' banned nn/a.c \
    '// no atoi(x)\n/* rand() \n system() */\nchar *s = "exit(1)"; // "\nint brand(void);\n'
expect fail 'after a comment' banned nn/a.c '/* x */ rand();\n'
expect fail 'tab' style nn/a.c '\tint x;\n'
expect fail 'blank at the end' style nn/a.c 'int x; \n'
expect fail 'no last newline' style nn/a.c 'int x;'
expect fail 'long line' style nn/a.c "// $long\n"
expect fail 'long file' style nn/a.c "$many"
expect fail 'fast-math' style cmake/a.cmake 'add_compile_options(-ffast-math)\n'
expect pass 'plain file' style nn/a.c 'int x;\n'
expect fail 'header needs another' headers nn/a.h 'static inline size_t f(void)\n{\n return 0;\n}\n'
expect fail 'header without a guard' headers nn/a.h 'struct a {\n int x;\n};\n'
[ -z "$cxx" ] || expect fail 'not C++' headers nn/a.h \
    '#ifndef A\n#define A\nstatic inline int *f(void *p)\n{\n return p;\n}\n#endif\n'
exit "$failed"
