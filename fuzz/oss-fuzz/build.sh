#!/bin/bash -eu
# Builds every fuzz target with what it begins from; run by OSS-Fuzz with $SRC and $OUT, and by
# anybody with cargo-fuzz: SRC=$PWD/.. OUT=/tmp/out fuzz/oss-fuzz/build.sh
cd "$SRC/smtpclient/fuzz"
cargo fuzz build --fuzz-dir . -O --debug-assertions

for source in fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    cp target/*/release/"$target" "$OUT/"
    (cd "corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
done
# OpenSSL is linked to and not among what runs the targets.
mkdir -p "$OUT/lib"
for library in ssl crypto; do
    cp "$(ldconfig -p | sed -n "s|.*lib$library\.so\.[0-9.]* .*x86-64.* => ||p" | head -n 1)" "$OUT/lib/"
done
for source in fuzz_targets/*.rs; do
    if command -v patchelf >/dev/null; then
        # shellcheck disable=SC2016
        patchelf --set-rpath '$ORIGIN/lib' --force-rpath "$OUT/$(basename "$source" .rs)"
    fi
done
