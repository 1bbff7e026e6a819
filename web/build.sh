#!/usr/bin/env bash
# Builds the page: web/build.sh [OUT], by default web/target/ftpwhy.html. Ends with status 77 where the compiler for it
# cannot be had (see web/module.sh).
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-target/ftpwhy.html}
module=$(./module.sh)
python3 assemble.py "$module" "$out"
