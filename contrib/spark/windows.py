"""Says which thinned files a window of time is to be judged with, for those without Spark: windows.py SECONDS MANIFEST...

One line a window: from, to, and the arguments that name the files by tap. A manifest `slim/TAP/NAME.json` is that of the file
`slim/TAP/NAME`. `CLOCK_TAP=SECONDS` in the environment says how far a tap's clock is ahead.
"""
import json
import os
import sys
from datetime import datetime, timezone


def seconds(text):
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def main():
    width, windows = int(sys.argv[1]), {}
    for path in sorted(sys.argv[2:]):
        with open(path) as file:
            told = json.load(file)
        tap = os.path.basename(os.path.dirname(os.path.abspath(path)))
        ahead = float(os.environ.get("CLOCK_" + tap, 0))
        if told["first"] is None:
            continue
        first, last = (int((seconds(told[end]) - ahead) // width) for end in ("first", "last"))
        # A window is judged with the ones before and behind it.
        for window in range(first - 1, last + 2):
            windows.setdefault(window, {}).setdefault(tap, []).append(path.removesuffix(".json"))
    for window, taps in sorted(windows.items()):
        between = (datetime.fromtimestamp(at * width, timezone.utc).isoformat() for at in (window, window + 1))
        print(*between, *(f"--point {tap}={','.join(files)}" for tap, files in sorted(taps.items())))


if __name__ == "__main__":
    main()
