#!/usr/bin/env bash
# 10^5 spoilt captures in directories of 400 through JSON, with little memory: every run ends, with 0, 1 or 2, with a whole
# document, and without a panic. By hand: tests/hostile.sh [COUNT [FIRST]]
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-100000}; first=${2:-0}
# Kilobytes of address space, and seconds for a directory.
memory=$((1 << 20)); patience=120
die() { printf 'hostile.sh: %s\n' "$*" >&2; exit 1; }

cargo build --quiet --release --bin ftpwhy --example spoil
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
declare -A statuses=()
files=0 documents=0
# Some directories at a time, so that little room is needed.
for ((at = first; at < first + count; at += 4000)); do
  some=$((first + count - at < 4000 ? first + count - at : 4000))
  "$target/examples/spoil" "$work/captures" "$at" "$some"
  for directory in "$work"/captures/*; do
    status=0
    (ulimit -v "$memory"; timeout "$patience" "$target/ftpwhy" --isolated --json "$directory") \
      > "$work/json" 2> "$work/errors" || status=$?
    ! grep -q panicked "$work/errors" || die "$directory: $(grep -m1 panicked "$work/errors")"
    case $status in 0 | 1 | 2) ;; *) die "$directory: status $status: $(tail -n1 "$work/errors")" ;; esac
    # The last bytes of a whole document.
    [ "$(tail -c 3 "$work/json")" = $'\n}' ] || die "$directory: the document is not whole"
    statuses[$status]=$((${statuses[$status]:-0} + 1))
    files=$((files + $(find "$directory" -type f | wc -l))) documents=$((documents + 1))
  done
  rm -rf "$work/captures"
done
echo "$files captures in $documents directories"
for status in "${!statuses[@]}"; do echo "status $status: ${statuses[$status]} directories"; done
