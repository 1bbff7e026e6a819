"""Judges an archive of captures with ftpwhy on Spark: thin each file, place it in windows of time, judge each window.

    spark-submit ftpwhy_archive.py --ftpwhy ./ftpwhy --out OUT 'ARCHIVE/*/*.pcap*'

The folder of a capture names its tap. OUT is a folder that all workers see: it gets the thinned files, the tables `findings`,
`causes` and `troubles` (Parquet, and JSON lines in `*_json`), and what is done. README.md tells the rest.
"""
import argparse
import glob
import hashlib
import json
import os
import subprocess
import time
from datetime import datetime, timezone

from pyspark import SparkFiles
from pyspark.sql import SparkSession

COLUMNS = "site string, window string, diagnosis string, severity string, confidence string, time string, json string"
# Files of each tap by which clocks are compared.
SAMPLE = 8


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captures", help="a glob, or @FILE with one path a line")
    parser.add_argument("--out", required=True, help="folder for thinned files and tables, seen by all workers")
    parser.add_argument("--ftpwhy", default="ftpwhy", help="the program, which is sent to the workers")
    parser.add_argument("--window", type=int, default=3600, help="seconds that are judged at once")
    parser.add_argument("--site", action="append", default=[], metavar="NAME=TAP,TAP",
                        help="taps that see common traffic, the one with the reference clock first [one site of all taps]")
    parser.add_argument("--clock", action="append", default=[], metavar="TAP=SECONDS", help="how far a tap's clock is ahead")
    parser.add_argument("--quiet-for", type=int, default=60, help="seconds without a write after which a file is complete")
    parser.add_argument("--arguments", default="", help="further arguments of ftpwhy, such as '--port 2121'")
    return parser.parse_args()


def run(program, *arguments):
    """Runs ftpwhy on a worker; the status, standard output, standard error."""
    path = SparkFiles.get(program)
    os.chmod(path, 0o755)
    done = subprocess.run([path, *arguments], capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()


def listed(captures, quiet_for):
    """Path, size and time of all files that nobody writes any more."""
    paths = open(captures[1:]).read().split("\n") if captures.startswith("@") else glob.glob(captures)
    stats = [(path, os.stat(path)) for path in sorted(filter(None, paths)) if os.path.isfile(path)]
    return [(path, stat.st_size, int(stat.st_mtime)) for path, stat in stats if stat.st_mtime + quiet_for < time.time()]


def thin(program, out, arguments, version, file):
    """The manifest of a file's thinned form, which is made unless it is there; what is wrong with it, if something is."""
    path, size, changed = file
    tap = os.path.basename(os.path.dirname(os.path.abspath(path)))
    name = hashlib.sha256(f"{path}\n{size}\n{changed}\n{version}\n{arguments}".encode()).hexdigest()[:32]
    slim, manifest = (os.path.join(out, "slim", tap, name + end) for end in (".pcapng.gz", ".json"))
    why = None
    if not os.path.exists(manifest):
        os.makedirs(os.path.dirname(slim), exist_ok=True)
        fresh = f".{os.getpid()}.{time.monotonic_ns()}"
        _, _, why = run(program, "extract", "--isolated", "--slim", "--merge", *arguments, "-w", slim + fresh,
                        "--manifest", manifest + fresh, path)
        if not os.path.exists(manifest + fresh):
            return {"tap": tap, "source": path, "trouble": why}
        # The manifest comes last: whoever finds it finds the file.
        os.replace(slim + fresh, slim)
        os.replace(manifest + fresh, manifest)
    with open(manifest) as file:
        told = json.load(file)
    return {**told, "tap": tap, "source": path, "slim": slim, "trouble": told["damage"]}


def seconds(text):
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def clock(program, arguments, site):
    """How far the clocks of a site's taps are ahead of the first one's, by the connections that samples have in common."""
    taps, samples = site
    ahead = {taps[0]: 0.0}
    for tap in taps[1:]:
        points = [f"{name}={','.join(samples[name])}" for name in (taps[0], tap)]
        _, told, _ = run(program, "--isolated", "--json", *arguments, "--point", points[0], "--point", points[1])
        clocks = [point["clock"] for point in json.loads(told or "{}").get("points", []) if point["name"] == tap]
        ahead.update({tap: one["offset_s"] for one in clocks if one})
    return ahead


def judge(program, arguments, width, group):
    """What a window owns, judged with the files of the windows beside it: rows by their kind."""
    (site, window), files = group
    taps = {}
    for _, tap, slim, _ in sorted(files):
        taps.setdefault(tap, []).append(slim)
    points = [part for tap, slims in taps.items() for part in ("--point", f"{tap}={','.join(slims)}")]
    between = [utc(window * width), utc((window + 1) * width)]
    status, told, why = run(program, "--isolated", "--format", "ndjson", *arguments, "--report-between", *between, *points)
    rows = {"finding": [], "cause": [], "trouble": [], "window": (site, between[0])}
    lines = list(map(json.loads, told.splitlines()))
    paths = {one["id"]: one["path"] for line in lines if line["type"] == "summary" for one in line["captures"]}
    for line in lines:
        if line["type"] in ("finding", "cause"):
            line = by_path(line, paths)
            at = line.get("last") or max((seen.get("time") or "" for seen in line.get("evidence", [])), default="")
            named = [line.get(field) for field in ("diagnosis", "severity", "confidence")]
            rows[line["type"]].append((site, between[0], *named, str(at), json.dumps(line, sort_keys=True)))
    if status not in (0, 1):
        rows["trouble"].append((f"{site} {between[0]}", why or f"status {status}"))
    return rows


def by_path(told, paths):
    """The same with the paths of captures, as their numbers mean something in one run only."""
    if isinstance(told, list):
        return [by_path(one, paths) for one in told]
    if not isinstance(told, dict):
        return told
    return {key: paths.get(one, one) if key in ("capture", "until_capture") else by_path(one, paths) for key, one in told.items()}


def utc(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(spark, out, table, judged, kind, windows, full):
    """Overwrites the partitions of the windows that were judged, and removes those in which nothing is left."""
    for form, folder in (("parquet", os.path.join(out, table)), ("json", os.path.join(out, table + "_json"))):
        for site, window in windows - full:
            escape = spark._jvm.org.apache.spark.sql.catalyst.catalog.ExternalCatalogUtils.escapePathName
            gone = spark._jvm.org.apache.hadoop.fs.Path(f"{folder}/site={escape(site)}/window={escape(window)}")
            gone.getFileSystem(spark._jsc.hadoopConfiguration()).delete(gone, True)
        if full:
            # What a window owns comes from one task, so that it is one file.
            frame = spark.createDataFrame(judged.flatMap(lambda rows: rows[kind]), COLUMNS)
            frame.write.mode("overwrite").partitionBy("site", "window").format(form).save(folder)


def main():
    given = options()
    spark = SparkSession.builder.appName("ftpwhy").config("spark.sql.session.timeZone", "UTC") \
        .config("spark.sql.sources.partitionOverwriteMode", "dynamic").getOrCreate()
    context, out, width = spark.sparkContext, os.path.abspath(given.out), given.window
    context.addFile(given.ftpwhy)
    program, arguments = os.path.basename(given.ftpwhy), tuple(given.arguments.split())
    version = subprocess.run([given.ftpwhy, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    files = listed(given.captures, given.quiet_for)
    parts = max(1, min(len(files), 4 * context.defaultParallelism))
    thinned = context.parallelize(files, parts).map(lambda file: thin(program, out, arguments, version, file))
    manifests = thinned.collect()
    troubles = [(one["source"], one["trouble"]) for one in manifests if one["trouble"]]
    good = [one for one in manifests if one.get("first")]

    named = [(name, taps.split(",")) for name, taps in (site.split("=") for site in given.site)]
    sites = named or [("all", sorted({one["tap"] for one in good}))]
    clocks = {tap: float(ahead) for tap, ahead in (clock.split("=") for clock in given.clock)}
    samples = {tap: sorted(one["slim"] for one in good if one["tap"] == tap)[:SAMPLE] for _, taps in sites for tap in taps}
    unknown = [(taps, samples) for _, taps in sites if len(taps) > 1 and not clocks.keys() >= set(taps[1:])]
    for ahead in context.parallelize(unknown).map(lambda site: clock(program, arguments, site)).collect():
        clocks = {**ahead, **clocks}

    def placed(one):
        """The windows that need a file: those that it touches by the reference's clock, and the ones beside them."""
        first, last = ((seconds(one[end]) - clocks.get(one["tap"], 0.0)) // width for end in ("first", "last"))
        for name, taps in (site for site in sites if one["tap"] in site[1]):
            for window in range(int(first) - 1, int(last) + 2):
                yield (name, window), (taps.index(one["tap"]), one["tap"], one["slim"], one["sha256"])

    def key(group):
        """What a window's answer depends on: as long as that is the same, it is not judged again."""
        told = json.dumps([version, arguments, width, sorted(group[1])])
        return os.path.join(out, "done", group[0][0], f"{group[0][1]}-{hashlib.sha256(told.encode()).hexdigest()[:32]}")

    groups = context.parallelize(good, parts).flatMap(placed).groupByKey(parts).mapValues(list)
    open_groups = groups.filter(lambda group: not os.path.exists(key(group))).cache()
    judged = open_groups.map(lambda group: judge(program, arguments, width, group)).cache()
    told = judged.map(lambda rows: {**rows, **{kind: [row[:2] for row in rows[kind]] for kind in ("finding", "cause")}}).collect()
    windows = {one["window"] for one in told}
    for table, kind in (("findings", "finding"), ("causes", "cause")):
        write(spark, out, table, judged, kind, windows, {row for one in told for row in one[kind]})
    troubles += [trouble for one in told for trouble in one["trouble"]]
    for form, folder in (("parquet", "troubles"), ("json", "troubles_json")):
        spark.createDataFrame(troubles, "path string, what string").write.mode("overwrite").format(form).save(
            os.path.join(out, folder))
    failed = {one["window"] for one in told if one["trouble"]}
    done = open_groups.map(lambda group: ((group[0][0], utc(group[0][1] * width)), key(group))).collect()
    for mark in (mark for window, mark in done if window not in failed):
        os.makedirs(os.path.dirname(mark), exist_ok=True)
        open(mark, "w").close()
    print(f"{len(files)} files, {len(windows)} windows judged, {len(troubles)} troubles")


if __name__ == "__main__":
    main()
