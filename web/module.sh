#!/usr/bin/env bash
# Compiles the module and writes where it is. Needs no installation but the network or the packages' cache: Debian's
# `rustc-web` has the WebAssembly target, and it conflicts with other compilers, so its packages are unpacked, not installed.
#   web/module.sh [DIRECTORY]   (where they are unpacked; kept for the next time)
# Ends with status 77 where they cannot be had. JOBS is how many compilers run at once, CARGO_FLAGS what cargo is told besides.
set -euo pipefail
cd "$(dirname "$0")"
tools=${1:-${FTPWHY_WEB_TOOLS:-target/tools}}
packages=(rustc-web rust-web-src libstd-rust-web-dev)
say() { printf 'web/module.sh: %s\n' "$*" >&2; }
missing() { say "$*; the page is not built"; exit 77; }

version() { apt-cache policy "$1" 2> /dev/null | awk '/Candidate:/ {print $2}'; }
unpack() {
  command -v apt-get > /dev/null && command -v dpkg > /dev/null || missing "this is no Debian"
  local package compiler source
  compiler=$(version rustc-web) source=$(version rust-web-src)
  [ -n "$compiler" ] && [ "$compiler" != "(none)" ] || missing "there is no package rustc-web here (Debian 12 has it)"
  # Another compiler than the library was written for does not compile it.
  [ "$compiler" = "$source" ] || missing "rustc-web is $compiler, but rust-web-src is $source"
  packages+=("libstd-rust-web-${compiler%.*}")
  # `libllvm22`, `lld-22`: whatever the compiler was built with.
  local llvm
  llvm=$(apt-cache depends "libstd-rust-web-${compiler%.*}" rustc-web | grep -o 'libllvm[0-9]*' | head -n 1)
  packages+=("$llvm" "lld-${llvm#libllvm}")
  mkdir -p "$tools/debs" && (cd "$tools/debs" && apt-get download -q "${packages[@]}") >&2 || missing "the packages could not be fetched"
  for package in "$tools"/debs/*.deb; do dpkg -x "$package" "$tools/root"; done
  rm -rf "$tools/debs"
}
[ -x "$tools/root/usr/bin/rustc" ] || unpack
root=$(cd "$tools/root" && pwd)
mkdir -p "$tools/linker"
ln -sf "$(echo "$root"/usr/lib/llvm-*/bin/lld)" "$tools/linker/rust-lld"
PATH=$PATH:$(cd "$tools/linker" && pwd)
export PATH LD_LIBRARY_PATH=$root/usr/lib:$root/usr/lib/x86_64-linux-gnu RUSTC=$root/usr/bin/rustc
# `-Zbuild-std` is for compilers of the nightly channel, or for those that are told to be one.
export RUSTC_BOOTSTRAP=1
# `optimize_for_size`: the library's sorting alone, made for each type that is sorted, was a sixth of the module.
# rustup's own `cargo` would choose the compiler itself.
cargo=$(rustup which cargo 2> /dev/null || command -v cargo)
# shellcheck disable=SC2086
nice "$cargo" build --release --locked --jobs "${JOBS:-1}" ${CARGO_FLAGS:-} -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size --target wasm32-unknown-unknown >&2
echo "$PWD/target/wasm32-unknown-unknown/release/ftpwhy_web.wasm"
