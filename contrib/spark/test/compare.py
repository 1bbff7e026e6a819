"""Compares findings with those of one run: compare.py ONE.json FOLDER. Every finding is there, once, and no other."""
import collections
import glob
import json
import sys


def by_path(told, paths):
    if isinstance(told, list):
        return [by_path(one, paths) for one in told]
    if not isinstance(told, dict):
        return told
    return {key: paths.get(one, one) if key in ("capture", "until_capture") else by_path(one, paths) for key, one in told.items()}


def key(finding):
    """Whose number a session has depends on what else is judged."""
    fields = ("diagnosis", "role", "severity", "confidence", "message", "transfer", "hosts", "evidence")
    return json.dumps([finding[field] for field in fields], sort_keys=True)


def found(folder):
    for path in sorted(glob.glob(folder + "/**/*.json", recursive=True)):
        with open(path) as file:
            yield from (json.loads(json.loads(line)["json"]) for line in file)
    for path in sorted(glob.glob(folder + "/*.ndjson")):
        with open(path) as file:
            lines = [json.loads(line) for line in file]
        paths = {one["id"]: one["path"] for line in lines if line["type"] == "summary" for one in line["captures"]}
        yield from (by_path(line, paths) for line in lines if line["type"] == "finding")


def main():
    with open(sys.argv[1]) as file:
        one = json.load(file)
    paths = {capture["id"]: capture["path"] for capture in one["captures"]}
    wanted = collections.Counter(key(by_path(finding, paths)) for finding in one["findings"])
    got = collections.Counter(key(finding) for finding in found(sys.argv[2]))
    missing, wrong = wanted - got, got - wanted
    names = collections.Counter(finding["diagnosis"] for finding in one["findings"])
    print(f"{sum(wanted.values())} findings, {sum(missing.values())} missing, {sum(wrong.values())} false:", dict(names))
    for what, some in (("missing", missing), ("false", wrong)):
        for line in list(some)[:5]:
            print(f"{what}: {line[:600]}")
    sys.exit(bool(missing or wrong or not wanted))


if __name__ == "__main__":
    main()
