#!/usr/bin/env bash
# Builds the container of packaging/Containerfile from the program of packaging/static.sh, and analyses a capture in it.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
engine=$(command -v podman || command -v docker || true)
[ -n "$engine" ] || missing "neither podman nor docker is installed"
"$engine" info > /dev/null 2>&1 || missing "$engine is installed, but it cannot start containers here"
[ -x target/package/ftpwhy ] || packaging/static.sh
"$engine" build -f packaging/Containerfile -t ftpwhy-test target/package
status=0
"$engine" run --rm --network none -v "$PWD/fixtures/time-wait-collision:/captures:ro" -w /captures ftpwhy-test fires-lab-vsftpd.pcap || status=$?
[ "$status" = 1 ] || die "expected status 1 (a fault was found), got $status"
"$engine" image inspect ftpwhy-test --format '{{.Size}} bytes'
"$engine" image rm ftpwhy-test > /dev/null
say "container.sh: all is well"
