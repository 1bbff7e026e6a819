#!/usr/bin/env bash
# Builds the wheel (the static program of packaging/static.sh, so that it runs on every x86-64 Linux), installs it in a fresh
# virtual environment without network, and runs it there.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
python3 -m venv --help > /dev/null 2>&1 || missing "python3 has no venv"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "maturin"
python3 -m venv "$work/build"
"$work/build/bin/pip" install --quiet 'maturin>=1.9,<2' || missing "maturin could not be installed"

say "build"
rm -f target/package/*.whl
static_flags
CARGO_TARGET_DIR=$STATIC_TARGET nice "$work/build/bin/maturin" build --release --locked --jobs "${JOBS:-1}" \
  --target x86_64-unknown-linux-gnu --compatibility manylinux2014 --out target/package
wheel=$(echo target/package/ftpwhy-*.whl)
wc -c "$wheel"

say "install in a fresh environment"
python3 -m venv "$work/fresh"
"$work/fresh/bin/pip" install --quiet --no-index "$wheel"
[ "$(command -v "$work/fresh/bin/ftpwhy")" ] || die "pip installed no program"
"$work/fresh/bin/ftpwhy" --version
runs_alone "$work/fresh/bin/ftpwhy"
"$work/fresh/bin/pip" show --files ftpwhy | sed -n 1,20p
say "wheel.sh: all is well with $wheel"
