#!/usr/bin/env bash
# Builds a static libpcap from Debian's source, with nothing but the capture of network interfaces in it, and prints where
# it is. Debian's own libpcap.a wants D-Bus, of which there is no static library.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
built=$PWD/target/libpcap
if [ ! -f "$built/libpcap.a" ] || [ ! -f "$built/VERSION" ]; then
  command -v apt-get > /dev/null || missing "apt-get is not here to fetch the source of libpcap"
  for tool in flex bison make gcc; do command -v $tool > /dev/null || missing "$tool is not installed"; done
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # A list of sources of its own: most systems have none.
  mkdir -p "$work/lists" "$work/parts"
  . /etc/os-release
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian ${VERSION_CODENAME:?} main" > "$work/sources.list"
  apt=(-q -o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/parts" -o "Dir::State::Lists=$work/lists")
  apt-get "${apt[@]}" update >&2
  (cd "$work" && apt-get "${apt[@]}" source --download-only libpcap) >&2
  # The archive as upstream made it: Debian's patches are for its packaging.
  tar -xf "$work"/libpcap_*.orig.tar.gz -C "$work"
  (cd "$work"/libpcap-*/ && ./configure --disable-shared --disable-dbus --disable-rdma --disable-usb --disable-bluetooth \
    --disable-netmap --without-dpdk --without-dag --without-snf --without-turbocap --without-libnl && make -j "${JOBS:-1}" libpcap.a) >&2
  mkdir -p "$built"
  cp "$work"/libpcap-*/libpcap.a "$work"/libpcap-*/VERSION "$built/"
fi
echo "$built"
