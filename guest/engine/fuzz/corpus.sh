#!/usr/bin/env bash
# The corpus of the fuzzer as one file, corpus.txt: a case per line, in hexadecimal.
#   corpus.sh unpack    writes each line to a file of corpus/model, where cargo-fuzz looks
#   corpus.sh pack      writes the files of corpus/model back to corpus.txt
set -euo pipefail
cd "$(dirname "$0")"

case "${1:-}" in
    unpack)
        mkdir -p corpus/model
        while read -r hex; do
            # shellcheck disable=SC2059
            printf "$(sed 's/../\\x&/g' <<< "$hex")" > "corpus/model/$(sha1sum <<< "$hex" | cut -c -40)"
        done < corpus.txt
        ;;
    pack)
        for file in corpus/model/*; do
            od -An -v -tx1 "$file" | tr -d ' \n'
            echo
        done | LC_ALL=C sort -u > corpus.txt
        ;;
    *)
        echo "usage: $0 unpack|pack" >&2
        exit 2
        ;;
esac
