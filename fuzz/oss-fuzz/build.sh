#!/bin/bash -eu
# Builds every target with its seeds and dictionary into $OUT, as OSS-Fuzz expects them.
cd "$SRC/longwire"
# The workspace's profile links everything at once, which takes minutes for each target.
export CARGO_PROFILE_RELEASE_LTO=off
cargo +nightly fuzz build --fuzz-dir fuzz --release --features peers
built=$(find target/*/release -maxdepth 0)
for source in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    cp "$built/$target" "$OUT/"
    (cd "fuzz/corpus/$target" && zip -q "$OUT/${target}_seed_corpus.zip" -- *)
    dictionary=fuzz/dictionaries/${target%%_*}.dict
    if [ -f "$dictionary" ]; then
        cp "$dictionary" "$OUT/$target.dict"
    fi
done
