#!/usr/bin/env bash
# Installs what building and testing tarn needs, from the packages of Debian or Ubuntu. Does nothing
# when all is there, so the other scripts call it each time. Needs root or sudo only to install.
set -euo pipefail

# need CHECK PACKAGE...: the first of the packages that exists is installed when CHECK fails.
missing=()
need() {
    local check=$1
    shift
    eval "$check" >/dev/null 2>&1 || missing+=("$*")
}
tool() { printf 'command -v %s' "$1"; }
module() { printf 'pkg-config --exists %s' "$1"; }
header() { printf 'echo "#include <%s>" | gcc -E -' "$1"; }

need "$(tool gcc)" gcc
need "$(tool g++)" g++
need "$(header stdio.h)" libc6-dev
need "$(tool cmake)" cmake
need "$(tool ninja)" ninja-build
need "$(tool pkg-config)" pkg-config pkgconf
need "$(module libcjson)" libcjson-dev
need "$(module libturbojpeg)" libturbojpeg0-dev libturbojpeg-dev
need "$(module libpng)" libpng-dev
need "$(module cairo)" libcairo2-dev
need "$(module libzip)" libzip-dev
need "$(module criterion)" libcriterion-dev
need "$(header oneapi/dnnl/dnnl.h)" libdnnl-dev
need "$(tool fc-list)" fontconfig
# shellcheck disable=SC2016 # expanded by need
need '[[ $(fc-list "DejaVu Sans") ]]' fonts-dejavu-core

((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    {
        echo "setup: no apt-get here; please install by hand what these Debian packages hold:"
        printf '  %s\n' "${missing[@]}"
    } >&2
    exit 1
fi
as_root=(env DEBIAN_FRONTEND=noninteractive)
if ((EUID != 0)); then
    command -v sudo >/dev/null ||
        { echo "setup: run as root, or install sudo, to get: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo "${as_root[@]}")
fi

"${as_root[@]}" apt-get update -q
packages=()
for names in "${missing[@]}"; do
    chosen=
    for name in $names; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            chosen=$name
            break
        fi
    done
    [[ $chosen ]] || { echo "setup: no package of these is known to apt: $names" >&2; exit 1; }
    packages+=("$chosen")
done
echo "setup: installing ${packages[*]}"
"${as_root[@]}" apt-get install -q -y -o Acquire::Retries=3 --no-install-recommends "${packages[@]}"
