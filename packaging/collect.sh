#!/usr/bin/env bash
# Puts what was built into one directory, named by version and system, with checksums: packaging/collect.sh DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
to=${1:?a directory}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
rm -rf "$to"
mkdir -p "$to"
# A program with its manual and its licences.
archive() {
  local name=ftpwhy-$version-$2
  local folder; folder=$(mktemp -d)
  mkdir "$folder/$name"
  cp "$1" "$folder/$name/ftpwhy"
  cp -r README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE man "$folder/$name/"
  # The same files give the same archive.
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" \
    -C "$folder" -cf - "$name" | gzip -n9 > "$to/$name.tar.gz"
  rm -rf "$folder"
}
archive target/package/ftpwhy x86_64-linux
archive target/package/ftpwhy-live x86_64-linux-live
cp target/package/ftpwhy-*.whl "$to/"
cp target/package/ftpwhy.deb "$to/ftpwhy_${version}_amd64.deb"
cp web/target/ftpwhy.html "$to/ftpwhy-$version.html"
(cd "$to" && sha256sum -- * > ../SHA256SUMS.tmp && mv ../SHA256SUMS.tmp SHA256SUMS && sha256sum --check --quiet SHA256SUMS)
ls -l "$to"
