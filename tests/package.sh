#!/usr/bin/env bash
# Builds the Debian package, installs it in a clean root and runs it there. By hand, as root:
#   apt-get install -y debootstrap man-db && cargo install cargo-deb && tests/package.sh
# Without debootstrap the root is empty but for this package and borrows this system's libraries: less is tested.
set -euo pipefail
cd "$(dirname "$0")/.."
# Must be the suite this is built on: the package needs its libraries.
suite=${SUITE:-bookworm}
say() { printf '\n== %s\n' "$*"; }
die() { printf 'package.sh: %s\n' "$*" >&2; exit 1; }

say "build"
cargo build --release --locked
completions=target/package/completions
mkdir -p "$completions"
target/release/ftpwhy completions bash > "$completions/ftpwhy"
target/release/ftpwhy completions zsh > "$completions/_ftpwhy"
target/release/ftpwhy completions fish > "$completions/ftpwhy.fish"

say "package"
cargo deb --no-build --output target/package/ftpwhy.deb
package=target/package/ftpwhy.deb
dpkg-deb --info "$package"
dpkg-deb --contents "$package"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
if command -v debootstrap > /dev/null; then
  say "clean root of Debian $suite"
  debootstrap --variant=minbase "$suite" "$root" > "$root.log" 2>&1 || { tail "$root.log"; die "no clean root"; }
  rm -f "$root.log"
  cp "$package" "$root/ftpwhy.deb"
  # minbase leaves manuals out where dpkg is told so; this package's are wanted.
  chroot "$root" apt-get update -q
  chroot "$root" apt-get install -y -q --no-install-recommends /ftpwhy.deb
  inside() { chroot "$root" "$@"; }
else
  say "empty root (no debootstrap)"
  mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
  touch "$root/var/lib/dpkg/status"
  dpkg --root="$root" --force-depends --install "$package"
  inside() { local program=$1; shift; "$root$program" "$@"; }
fi

say "what is there"
for file in usr/bin/ftpwhy usr/share/man/man1/ftpwhy.1.gz usr/share/man/man1/ftpwhy-check.1.gz \
  usr/share/man/man7/ftpwhy-rules.7.gz usr/share/bash-completion/completions/ftpwhy \
  usr/share/zsh/vendor-completions/_ftpwhy usr/share/fish/vendor_completions.d/ftpwhy.fish; do
  [ -s "$root/$file" ] || die "$file is missing"
done
for unit in contrib/*.service; do
  [ ! -e "$unit" ] || [ -s "$root/usr/lib/systemd/system/${unit##*/}" ] || die "$unit was not installed"
done
for page in man/*.[17]; do
  [ -s "$root/usr/share/man/man${page##*.}/${page##*/}.gz" ] || die "$page was not installed"
done

say "it runs"
inside /usr/bin/ftpwhy --version
cp fixtures/time-wait-collision/fires-lab-vsftpd.pcap "$root/tmp.pcap"
capture=/tmp.pcap; [ -d "$root/etc/apt" ] || capture=$root/tmp.pcap
status=0
inside /usr/bin/ftpwhy "$capture" || status=$?
[ "$status" = 1 ] || die "expected status 1 (a fault was found), got $status"
bash -n "$root/usr/share/bash-completion/completions/ftpwhy"
echo
echo "package.sh: all is well"
