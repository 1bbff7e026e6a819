#!/usr/bin/env bash
# Packs the crate, builds it as a user of the registry would, and runs its demo. Fails on any warning but that nothing is
# uploaded.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "cargo publish --dry-run"
nice cargo publish --dry-run --locked --jobs "${JOBS:-1}" --target-dir target/crate "$@" 2>&1 | tee "$log"
! grep '^warning' "$log" | grep -v 'aborting upload due to dry run' || die "there are warnings"
packed=$(find target/crate/package -name "ftpwhy-*.crate" | head -n 1)
wc -c "$packed"
say "what the README names is there"
work=$(mktemp -d); tar -xf "$packed" -C "$work"
# Files in the commands and sentences of the README.
grep -oE '`?(fixtures|tests|examples|contrib|man|packaging|web)/[A-Za-z0-9_./-]+' "$work"/ftpwhy-*/README.md | tr -d '`' | sed 's/[.,]$//' | sort -u |
  while read -r path; do ls -d "$work"/ftpwhy-*/"$path" > /dev/null || { echo "README.md names $path, which the crate lacks"; touch "$work/lacking"; }; done
[ ! -e "$work/lacking" ] || { rm -rf "$work"; die "the README shows what the crate lacks"; }
rm -rf "$work"
say "crate.sh: all is well"
