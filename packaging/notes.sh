#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version: packaging/notes.sh 0.1.0. Fails where it says nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?a version}
awk -v title="## $version" 'index($0, title) == 1 && substr($0, length(title) + 1, 1) !~ /[0-9.]/ {inside = 1; next}
  inside && /^## / {exit} inside {print; found = found || NF} END {exit !found}' CHANGELOG.md
