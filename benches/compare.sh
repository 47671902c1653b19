#!/usr/bin/env bash
# Measures two builds of the library against each other in one run, taking turns in every round, and
# prints for each row how fast the new one is in terms of the old one, with both rates:
#
#     benches/compare.sh OLD_LIB_DIR NEW_LIB_DIR [--rounds N] [--only PATTERN] [--quick]
#
# Each directory has a libsmtpclient.so.* (or libsmtpclient.a), and both are used through the headers
# of include/. Rows are those of workloads.py in which `ours` stands; the options are run.sh's. A row
# whose median is below 0.97 is marked, and the script fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
old=$(cd "$1" && pwd) new=$(cd "$2" && pwd)
shift 2

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/compare"
out=$(cd "$target/compare" && pwd)
tls=$("${PKG_CONFIG:-pkg-config}" --cflags --libs openssl)
compile() { ${CC:-cc} -std=c11 -O2 -Wall -Wextra -Wshadow -Iinclude "$@"; }

soname() { LC_ALL=C readelf -dW "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'; }

# ours NAME DIRECTORY: the measured program with that build of the library.
ours() {
    local shared
    shared=$(find "$2" -maxdepth 1 -name 'libsmtpclient.so.*.*' | head -n 1)
    if [ -n "$shared" ]; then
        # A copy under the soname, so that the program finds this one and no other.
        mkdir -p "$out/$1.lib"
        cp -f "$shared" "$out/$1.lib/$(soname "$shared")"
        compile -o "$out/$1" benches/ours.c "$out/$1.lib/$(soname "$shared")" -Wl,-rpath,"$out/$1.lib"
    else
        compile -o "$out/$1" benches/ours.c "$2/libsmtpclient.a" $tls -lutil -lrt -lpthread -lm -ldl
    fi
}
compile -o "$out/sink" benches/sink.c $tls
ours old "$old"
ours ours "$new"
exec python3 benches/run.py --out "$out" --clients old,ours --compare "$@"
