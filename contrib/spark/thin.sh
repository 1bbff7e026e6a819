# Thins one capture: thin.sh FOLDER CAPTURE. What is there is not made again; the manifest comes last.
set -eu
tap=$(basename "$(dirname "$2")")
mkdir -p "$1/$tap"
to=$1/$tap/$(basename "$2").gz
[ -e "$to.json" ] && exit 0
"${FTPWHY:-ftpwhy}" extract --isolated --slim --write "$to.$$" --manifest "$to.json.$$" "$2" || [ -e "$to.json.$$" ]
mv "$to.$$" "$to"
mv "$to.json.$$" "$to.json"
