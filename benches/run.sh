#!/usr/bin/env bash
# Builds the library and every program under measurement below the target directory, then measures:
#
#     benches/run.sh [--quick] [--rounds N] [--only PATTERN] [--clients raw,ours,...]
#
# --quick is a smoke test: one round, few messages, no lettre. --only takes a
# regular expression for the workloads' names (see workloads.py). Loopback only; everything that is
# started ends with this script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

quick=
for argument in "$@"; do
    [ "$argument" = --quick ] && quick=1
done

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/bench"
out=$(cd "$target/bench" && pwd)
root=$out/root

echo "building into $out" >&2
if ! make install PREFIX="$root" LIBDIR="$root/lib" INCLUDEDIR="$root/include" DESTDIR= >"$out/install.log" 2>&1; then
    tail -n 30 "$out/install.log" >&2
    exit 1
fi

config=${PKG_CONFIG:-pkg-config}
compile() {
    local name=$1
    shift
    ${CC:-cc} -std=c11 -O2 -Wall -Wextra -Wshadow -o "$out/$name" "benches/$name.c" "$@"
}
installed() { PKG_CONFIG_PATH=$root/lib/pkgconfig "$config" "$@" smtpclient | tr -d '"'; }

compile sink $("$config" --cflags --libs openssl)
compile raw $("$config" --cflags --libs openssl)
IFS=$'\n' read -r -d '' -a ours < <(installed --cflags | tr ' ' '\n' && installed --libs | tr ' ' '\n' && printf '\0')
compile ours "${ours[@]}" "-Wl,-rpath,$root/lib"
# The others are measured where they are installed.
compile curl $("$config" --cflags --libs libcurl 2>/dev/null) || rm -f "$out/curl"
compile gmime $("$config" --cflags --libs gmime-3.0 2>/dev/null) || rm -f "$out/gmime"
compile esmtp $("$config" --cflags --libs libesmtp-1.0 openssl 2>/dev/null) || rm -f "$out/esmtp"
if [ -z "$quick" ]; then
    CARGO_TARGET_DIR=$out/lettre ${CARGO:-cargo} build --quiet --locked --release \
        --manifest-path benches/lettre/Cargo.toml || echo "lettre cannot be built, and is left out" >&2
    CARGO_TARGET_DIR=$out/micro ${CARGO:-cargo} build --quiet --locked --release --manifest-path benches/micro/Cargo.toml
fi

python3 benches/run.py --out "$out" "$@"

if [ -z "$quick" ] && [[ " $* " != *" --only "* ]]; then
    printf '\n### In memory: stuffing, the survey before it, and reply parsing\n\n'
    "$out/micro/release/bench-micro" --bench
fi
