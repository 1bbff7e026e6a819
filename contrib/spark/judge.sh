# Judges one window: judge.sh FOLDER FROM TO --point TAP=FILES... (a line of windows.py). A window that is there is not judged again.
set -eu
to=$1/$2.ndjson
[ -e "$to" ] && exit 0
from=$2 until=$3
shift 3
status=0
"${FTPWHY:-ftpwhy}" --isolated --format ndjson --report-between "$from" "$until" "$@" > "$to.$$" || status=$?
[ "$status" -le 1 ] && mv "$to.$$" "$to"
