# What the scripts of this directory share. Sourced at the root of the project.
say() { printf '\n== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
# Ends a script that cannot do its work here, which is no failure.
missing() { printf '%s: %s; nothing was built\n' "${0##*/}" "$*" >&2; exit 77; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -E "$@"; fi; }

# Of its own, for the flags are those of this target alone.
STATIC_TARGET=${STATIC_TARGET:-$PWD/target/static}
export STATIC_TARGET
# What is built from here on is static. The target has to be named with it: then the flags are not for programs that run
# while it is built, nor for procedural macros.
static_flags() { export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"; }

static_build() {
  static_flags
  nice cargo build --release --locked --jobs "${JOBS:-1}" --target x86_64-unknown-linux-gnu --target-dir "$STATIC_TARGET" \
    --no-default-features --features "$1" --bin ftpwhy >&2
}

# Runs a program in a root that holds nothing but itself and two captures.
runs_alone() {
  local root status
  root=$(mktemp -d)
  cp "$1" "$root/ftpwhy"
  cp fixtures/time-wait-collision/fires-lab-vsftpd.pcap "$root/x.pcap"
  gzip -k "$root/x.pcap"
  status=0; as_root chroot "$root" /ftpwhy demo > "$root/demo.txt" || status=$?
  [ "$status" = 1 ] && grep -q 'error\[time-wait-collision\]' "$root/demo.txt" || die "the demo ended with $status"
  status=0; as_root chroot "$root" /ftpwhy --json -o sarif=/x.sarif /x.pcap.gz > "$root/x.json" || status=$?
  [ "$status" = 1 ] && [ -s "$root/x.sarif" ] || die "a capture ended with $status"
  python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["summary"]["failed"] == 1' "$root/x.json"
  rm -rf "$root"
}
