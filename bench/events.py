"""Event time: 10 M records of 100,000 keys into windows of 5 minutes by 1 minute beside Polars and Flink; a backlog of a year in
one batch beside the same records without windows; how fast times are read.

Polars takes part where Python can import it, Flink (bench/flink) where it was built and FLINK_JARS names its jars. All read
the same csv files and write rows (start, stop, key, sum) as text; sluice's are sorted and committed durably.
"""
import glob, importlib.util, os, pathlib, subprocess, sys
from measure import BENCH, Wrong, figure, job, median

ROWS, PARTS = 10000000, 8
TYPED = 'ssc:fileStream("in", { format = "csv", header = true, schema = { { "t", "int" }, { "key", "string" }, { "value", "int" } } })'
TIMED = TYPED + ':withWatermark(sluice.timestamp(1, "ms"), "2m"):select(2, 3)'
WINDOWS = job(TIMED + ':eventWindow { size = "5m", slide = "1m" }:reduceByKey(sluice.sum):saveAsTextFiles("out/r")\n')
# The job of docs/time.md; the watermark is followed in both, so that what differs are the windows.
LOGS = ('ssc:textFileStream("in"):flatMap(sluice.regex([=[^\\S+ \\S+ \\S+ \\[([^\\]]+)\\] "\\S+ (\\S+)]=]))\n'
        '    :withWatermark(sluice.timestamp(1, "%d/%b/%Y:%H:%M:%S %z"), "10m"):map(sluice.select(2)):map(sluice.pair(1))')
YEAR = {size: job(LOGS + ':eventWindow { size = "%s" }:reduceByKey(sluice.sum):saveAsTextFiles("out/r")\n' % size) for size in ("7d", "1d")}
PLAIN = job(LOGS + ':reduceByKey(sluice.sum):saveAsTextFiles("out/r")\n')

POLARS = """import polars as pl, glob
s = pl.concat([pl.scan_csv(p) for p in sorted(glob.glob('%(files)s/*'))]).collect()
s = s.with_columns(pl.from_epoch('t', time_unit='ms')).sort('t')
r = s.group_by_dynamic('t', every='1m', period='5m', group_by='key', offset='-4m').agg(pl.col('value').sum())
r = r.select(pl.col('t').dt.epoch('ms'), (pl.col('t').dt.epoch('ms') + 300000).alias('stop'), 'key', 'value')
r.write_csv('%(out)s', separator='\\t', include_header=False)
"""


def inputs_of(bench, kind, rows=ROWS):
    return bench.make_input(kind, bench.size(rows // PARTS, 20000), PARTS)


def sluice(bench, text, inputs, *options):
    bench.fresh(text, sorted(inputs.iterdir()))
    return bench.run("--once", *options)


def sorted_rows(path, bench):
    """A digest of the rows whatever their order."""
    files = sorted(str(p) for p in pathlib.Path(path).rglob("*") if p.is_file() and not p.name.startswith((".", "_"))) if os.path.isdir(path) else [str(path)]
    sort = subprocess.Popen(["sort", "-S", "1G", "-T", str(bench.root), *files], stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
    return subprocess.check_output(["md5sum"], stdin=sort.stdout)


def peer(bench, name, argv, out, ours, mine):
    runs = []
    for _ in range(min(bench.runs, 3)):
        subprocess.call(["rm", "-rf", out])
        runs.append(bench.timed(argv))
    if sorted_rows(out, bench) != mine:
        raise Wrong("%s gives other rows" % name)
    subprocess.call(["rm", "-rf", out])
    return [figure("windows, of %s, wall" % name, median([t.wall for t in ours]) / median([t.wall for t in runs]), "times", 1),
            figure("windows, of %s, CPU" % name, median([t.cpu for t in ours]) / median([t.cpu for t in runs]), "times", 1),
            figure("%s, wall" % name, median([t.wall for t in runs]), "s"), figure("%s, CPU" % name, median([t.cpu for t in runs]), "s"),
            figure("%s, peak memory" % name, max(t.peak_mb for t in runs), "MB")]


def windows(bench):
    inputs, out, ours = inputs_of(bench, "hour"), str(bench.root / "peer"), []
    for _ in range(min(bench.runs, 3)):
        ours.append(sluice(bench, WINDOWS, inputs, "--finish"))
    mine = sorted_rows(bench.work / "out", bench)
    figures = [figure("windows, wall", median([t.wall for t in ours]), "s"), figure("windows, CPU", median([t.cpu for t in ours]), "s"),
               figure("windows, peak memory", max(t.peak_mb for t in ours), "MB")]
    if importlib.util.find_spec("polars"):
        figures += peer(bench, "polars", [sys.executable, "-c", POLARS % {"files": inputs, "out": out}], out, ours, mine)
    jars = os.environ.get("FLINK_JARS")
    if jars:
        figures += peer(bench, "flink", ["java", "-Xmx6g", "--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
                                         "-cp", ":".join(glob.glob(jars + "/*.jar")), "Windows", str(inputs), out, bench.workers], out, ours, mine)
    return figures


def year(bench):
    inputs, runs = inputs_of(bench, "year", 4000000), []
    for _ in range(bench.runs):
        runs.append([sluice(bench, text, inputs) for text in (YEAR["7d"], YEAR["1d"], PLAIN)])
    return [figure("a year by weeks (53,000 groups), of the same without windows (1,000), CPU", median([a.cpu / c.cpu for a, _, c in runs]), "times", 1.2),
            figure("a year by days (366,000 groups), of the same without windows, CPU", median([b.cpu / c.cpu for _, b, c in runs]), "times"),
            figure("a year by weeks, CPU", median([a.cpu for a, _, _ in runs]), "s"), figure("by days, CPU", median([b.cpu for _, b, _ in runs]), "s"),
            figure("the same without windows, CPU", median([c.cpu for _, _, c in runs]), "s")]


def times(bench):
    """bench/times.c: one core, its CPU time."""
    program, build = str(bench.root / "times"), pathlib.Path(bench.sluice).resolve().parent
    libraries = [str(build / ("libsl_%s.a" % name)) for name in ("text", "core")]
    if not all(map(os.path.exists, libraries)):
        return []
    subprocess.check_call([os.environ.get("CC", "cc"), "-O3", "-D_GNU_SOURCE", "-I%s" % BENCH.parent, "-I%s" % (BENCH.parent / "include"),
                           str(BENCH / "times.c"), "-o", program, *libraries, "-lxxhash", "-lm"])
    best = max(float(subprocess.check_output([program, "%d/%b/%Y:%H:%M:%S %z", str(bench.size(20000000, 200000))], text=True).split(": ")[1].split()[0]) for _ in range(3))
    return [figure("Apache's times read, a second and core", best, "M", None)]


def events(bench):
    """event time: 10 M records into 5 m / 1 m windows with 100 k keys; a year in one batch; times read"""
    return windows(bench) + year(bench) + times(bench)
