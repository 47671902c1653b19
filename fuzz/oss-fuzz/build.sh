#!/bin/bash -eu
# Builds every fuzz target with what it begins from, for OSS-Fuzz, which sets $SRC, where the sources
# are in a directory named smtpclient, and $OUT. To fuzz without it, there is `make fuzz`.
cd "$SRC/smtpclient/fuzz"
cargo fuzz build --fuzz-dir . -O --debug-assertions

for source in fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    cp target/*/release/"$target" "$OUT/"
    (cd "corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
done
