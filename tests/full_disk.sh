#!/usr/bin/env bash
# Outputs on a disk that is full, in files that cannot be replaced, and under a program that is killed.
# By hand, as root or where users may have namespaces:  cargo build && tests/full_disk.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${1:-target/debug/ftpwhy}")
if [ -z "${FTPWHY_IN_NAMESPACE:-}" ]; then
  FTPWHY_IN_NAMESPACE=1 exec unshare --map-root-user --mount "$0" "$program"
fi
capture=$(realpath fixtures/time-wait-collision/fires-lab-vsftpd.pcap)
disk=$(mktemp -d)
trap 'cd /; umount "$disk"; rmdir "$disk"' EXIT
mount -t tmpfs -o size=64k none "$disk"
cd "$disk"
failures=0
verdict() { if "${@:2}"; then echo "ok      $1"; else echo "FAILED  $1"; failures=$((failures + 1)); fi; }
old="what was here before"

writers=(
  "--json -o OUT"
  "-o sarif=OUT"
  "--write-baseline OUT"
  "show --html OUT"
  "extract -w OUT"
  "extract --anonymize -w OUT"
  "check -o junit=OUT"
)
echo "== no space left"
for writer in "${writers[@]}"; do
  for out in old new; do
    echo "$old" > old
    cat /dev/zero > filling 2> /dev/null || true
    status=0
    # shellcheck disable=SC2086
    said=$("$program" ${writer/OUT/$out} --isolated "$capture" 2>&1 > /dev/null) || status=$?
    intact() {
      [ "$status" = 2 ] && [[ $said == *"could not write $out: no space left"* ]] \
        && [ "$(cat old)" = "$old" ] && [ "$(ls -A | xargs)" = "filling old" ]
    }
    verdict "$writer to $out: $said" intact
    rm filling
  done
done

echo "== a file that is mounted by itself is written over"
mkdir share
echo "$old" > share/outside; echo "$old" > share/inside
mount --bind share/outside share/inside
"$program" --isolated -q -o share/inside "$capture" || true
shared() { grep -q time-wait-collision share/outside && [ "$(ls -A share | xargs)" = "inside outside" ]; }
verdict "the file outside has the report, and nothing is beside it" shared
umount share/inside

echo "== a file in a directory that is read-only"
mount --bind share share && mount -o remount,bind,ro share
mount --bind /dev/shm /mnt && echo "$old" > /mnt/ftpwhy-full-disk && mount --bind /mnt/ftpwhy-full-disk share/inside
"$program" --isolated -q -o share/inside "$capture" || true
read_only() { grep -q time-wait-collision share/inside; }
verdict "it has the report" read_only
umount share/inside; umount share; rm /mnt/ftpwhy-full-disk; umount /mnt

echo "== killed while it writes"
echo "$old" > old
mkfifo pipe
"$program" extract --isolated -w old - < pipe 2> /dev/null & victim=$!
exec 3> pipe
head -c 3000 "$capture" >&3
until ls -l "/proc/$victim/fd" | grep -q "$disk/"; do kill -0 "$victim" && sleep 0.05; done
kill -KILL "$victim"; wait "$victim" 2> /dev/null || true
exec 3>&-
killed() { [ "$(cat old)" = "$old" ] && [ "$(ls -A | xargs)" = "old pipe share" ]; }
verdict "the old file is there, and nothing else" killed
cd /
[ "$failures" = 0 ] && echo "all as it must be" || { echo "$failures failed"; exit 1; }
