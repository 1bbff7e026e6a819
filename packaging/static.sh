#!/usr/bin/env bash
# Builds one file that runs on every x86-64 Linux, and runs it in a root that holds nothing else:
#   packaging/static.sh          offline analysis
#   packaging/static.sh live     with live capture; the static libpcap is built from Debian's source (packaging/libpcap.sh)
# The file is then target/package/ftpwhy or target/package/ftpwhy-live.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
features=cli,fast-decompression,tls name=ftpwhy
if [ "${1:-}" = live ]; then
  features=$features,live name=ftpwhy-live
  LIBPCAP_LIBDIR=$(packaging/libpcap.sh); export LIBPCAP_LIBDIR
  # What a program that loads no library can say of its libpcap.
  LIBPCAP_VER=$(cat "$LIBPCAP_LIBDIR/VERSION"); export LIBPCAP_VER
fi

say "build with $features"
static_build "$features"
mkdir -p target/package
cp "$STATIC_TARGET/x86_64-unknown-linux-gnu/release/ftpwhy" "target/package/$name"
binary=$PWD/target/package/$name
wc -c "$binary"

say "it needs nothing"
# Without a program interpreter nothing is loaded beside it.
! readelf --program-headers "$binary" | grep -q INTERP || die "$name asks for a loader"
! readelf --dynamic "$binary" | grep NEEDED || die "$name asks for a library"
runs_alone "$binary"
if [ "${1:-}" = live ]; then
  "$binary" --version | grep -q 'libpcap [0-9]' || die "it does not know its libpcap"
  "$binary" interfaces > /dev/null || die "it does not list the interfaces"
fi
say "static.sh: all is well with $binary"
