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
