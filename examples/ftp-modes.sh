#!/bin/sh
# Which ways to open a data connection work from here, and why the others do not.
#
#   ftp-modes.sh ftp://SERVER/ [OPTION of curl]...       for example: ftp-modes.sh ftp://192.0.2.7/ -u user
#
# Lists the directory once by each of PASV, EPSV, PORT and EPRT, with curl under `ftpwhy run`. Logs in four times.
# FTPWHY names another ftpwhy, and may hold options, as in FTPWHY='sudo ftpwhy run -Z me'.
set -u
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
run=${FTPWHY:-ftpwhy run}
url=$1; shift
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT

# NAME, what curl falls back to when the server or the network refuses it, and the options that choose it.
try() {
  name=$1 other=$2; shift 2
  # shellcheck disable=SC2086
  if $run --quiet --format concise -o "$folder/report" -- \
      curl -sSv --connect-timeout 10 --max-time 90 "$@" "$url" >/dev/null 2>"$folder/log" && ! grep -q "^> $other" "$folder/log"
  then
    echo "$name works"
  else
    echo "$name does not work"
    sed 's/^/    /' "$folder/report" 2>/dev/null || tail -1 "$folder/log"
  fi
  rm -f "$folder/report"
}

try PASV EPSV --disable-epsv "$@"
try EPSV PASV "$@"
try PORT EPRT --disable-eprt -P - "$@"
try EPRT PORT -P - "$@"
