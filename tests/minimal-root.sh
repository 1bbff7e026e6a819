#!/usr/bin/env bash
# Runs both commands of README.md in a root that holds nothing but debootstrap's minbase and Rust, on what is committed.
# By hand, as root:
#   apt-get install -y debootstrap && tests/minimal-root.sh
# The toolchain and the crates that cargo has fetched are those of whoever runs it; packages come from the mirror.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${SUITE:-bookworm} patience=7200
say() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }
die() { printf 'minimal-root.sh: %s\n' "$*" >&2; exit 1; }

# What is mounted is seen by nobody else, and gone with the last process.
if [ -z "${FTPWHY_OWN_MOUNTS:-}" ]; then
  exec env FTPWHY_OWN_MOUNTS=1 unshare --mount --propagation private "$0"
fi

# The command behind <!-- NAME -->, as .ci/run finds it.
readme() { awk -v mark="<!-- $1 -->" '$0 == mark {found = 1; next} found && /^```sh/ {inside = 1; next} inside && /^```/ {exit} inside' README.md; }

root=$(mktemp -d); chmod 755 "$root"
clean() {
  for mounted in proc dev opt/rust; do umount --lazy "$root/$mounted" 2> /dev/null || true; done
  rm -rf --one-file-system "$root"
}
trap clean EXIT

say "Debian $suite, minbase"
debootstrap --variant=minbase "$suite" "$root" > "$root.log" 2>&1 || { tail "$root.log"; die "no root"; }
rm -f "$root.log"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/opt/rust" "$root/root/.cargo" "$root/src"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind -o ro "$(rustc --print sysroot)" "$root/opt/rust"
cp -r "${CARGO_HOME:-$HOME/.cargo}/registry" "$root/root/.cargo/"
git archive HEAD | tar -x -C "$root/src"

inside() {
  timeout --kill-after=60 "$patience" chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \
    PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "cd /src && $1"
}
echo "without: $(inside 'for name in kill ps ip git curl python3 gzip sudo; do command -v $name > /dev/null || printf "%s " $name; done')"

for name in main test; do
  line=$(readme "$name"); [ -n "$line" ] || die "README.md has no $name command"
  say "the README's $name command: $line"
  status=0
  inside "$line" || status=$?
  # A fault is found by the first one.
  [ "$name $status" = "main 1" ] || [ "$name $status" = "test 0" ] || die "the $name command ended with $status"
done
say "minimal-root.sh: all is well"
