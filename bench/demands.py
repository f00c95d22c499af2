"""What does not show in the time of one job: growth, a second worker, a limit of memory, many files, many readers."""
import importlib.util, os, signal, subprocess, sys, time
from batches import tiny_input
from living import needs_fuse
from measure import Wrong, cpu_so_far, figure, job, median
from tables import TABLES, inputs_of, run_sluice

LINES = 'ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/r")\n'
KNOWN = 'ssc:textFileStream("in"):count():saveAsTextFiles("out/r")\n'
FOLLOWED = ('local lines = ssc:textFileStream("in")\nlines:mount("data")\n'
            'lines:map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/r")\n')
SUM, JOIN, SORT, MEAN = "csv, sum by 400 k keys", "csv, join 400 k, sum by name", "csv, sort by key", "jsonl, mean by 100 keys"


def best(runs):
    """Of runs by turns the smallest times: other programs only ever add to them."""
    return min(t.wall for t in runs), min(t.cpu for t in runs), max(t.peak_mb for t in runs)


# ---- growth, workers ----

def growth(bench):
    """csv, sum by 400 k keys, at ten times the rows (1.2 GB)"""
    runs = {times: [] for times in (1, 10)}
    for _ in range(min(bench.runs, 3)):
        for times, taken in runs.items():
            taken.append(run_sluice(bench, TABLES[SUM], *inputs_of(bench, "csv", times)))
    (wall, cpu, mb), (wall10, cpu10, mb10) = best(runs[1]), best(runs[10])
    return [figure("wall, 10 times the rows", wall10 / wall, "times", 10.5), figure("CPU, 10 times the rows", cpu10 / cpu, "times", 10.5),
            figure("peak memory, 10 times the rows", mb10 / mb, "times"), figure("10 times the rows: wall", wall10, "s")]


def workers(bench):
    """tables with one worker and with two, and the peak memory of both"""
    figures = []
    for name in (SUM, MEAN, JOIN, SORT):
        sales, users = inputs_of(bench, TABLES[name].kind)
        runs = {count: [] for count in "12"}
        for _ in range(min(bench.runs, 3)):
            for count, taken in runs.items():
                taken.append(run_sluice(bench, TABLES[name], sales, users, workers=count))
        one, two = best(runs["1"]), best(runs["2"])
        figures += [figure(name + ": 2 workers faster by", one[0] / two[0], "times", "at least 1.7"),
                    figure(name + ": CPU of 2 workers to 1", two[1] / one[1], "times")]
    return figures


# ---- a limit of memory ----

DUCKDB = """import duckdb, sys
c = duckdb.connect()
c.execute("set threads=%(threads)s")
c.execute("set preserve_insertion_order=false")
if "%(limit)s":
    c.execute("set memory_limit='%(limit)sMB'")
    c.execute("set temp_directory='%(out)s.spill'")
c.execute("create view s as select * from read_csv('%(sales)s/*', header=true)")
c.execute("create view u as select * from read_csv('%(users)s/*', header=true)")
c.execute(\"\"\"copy (%(sql)s) to '%(out)s' (delimiter '\\t', header false)\"\"\")
"""


def duckdb_run(bench, table, sales, users, limit):
    """Times of DuckDB under the same limit; None: it gives up."""
    out = bench.root / ("peer-limit-%d" % os.getpid())
    values = {"threads": bench.workers, "limit": limit, "sales": sales, "users": users, "sql": table.sql, "out": out}
    try:
        return bench.timed([sys.executable, "-c", DUCKDB % values])
    except Wrong:
        return None
    finally:
        out.unlink(missing_ok=True)


def duckdb_limit(bench, name, sales, users, limit):
    if not importlib.util.find_spec("duckdb"):
        return []
    runs = [(duckdb_run(bench, TABLES[name], sales, users, ""), duckdb_run(bench, TABLES[name], sales, users, limit))
            for _ in range(min(bench.runs, 3))]
    if any(limited is None for _, limited in runs):
        return [figure(name + ": DuckDB under this limit gives up", 1, "", None)]
    return [figure(name + ": DuckDB, the same, wall", min(b.wall for _, b in runs) / min(a.wall for a, _ in runs), "times"),
            figure(name + ": DuckDB, the same, peak memory", max(b.peak_mb for _, b in runs), "MB")]


def memory_limit(bench):
    """group-by, join and sort under a memoryLimit of a quarter of the memory that they take without; DuckDB under its own limit beside them, where Python can import it"""
    figures = []
    for name in (SUM, JOIN, SORT):
        sales, users = inputs_of(bench, TABLES[name].kind)
        free, bound, limit = [], [], 0
        for _ in range(min(bench.runs, 3)):
            free.append(run_sluice(bench, TABLES[name], sales, users))
            limit = limit or max(1, int(free[0].peak_mb / 4))
            bound.append(run_sluice(bench, TABLES[name], sales, users, ', memoryLimit = "%dMB"' % limit))
        a, b = best(free), best(bound)
        figures += [figure(name + ": limit", limit, "MB"),
                    figure(name + ": wall under it", b[0] / a[0], "times", 2), figure(name + ": CPU under it", b[1] / a[1], "times", 2),
                    figure(name + ": peak memory under it", b[2], "MB"), *duckdb_limit(bench, name, sales, users, limit)]
    return figures


# ---- many files ----

def lines_input(bench, files, bytes_each):
    """The same lines as many files, and as eight."""
    line = " ".join("word%05d" % (i * 7919 % 20000) for i in range(bytes_each // 10)) + "\n"

    def write_many(directory):
        for i in range(files):
            (directory / ("f%06d" % i)).write_text(line.replace("word0", "word%d" % (i % 10)))

    def write_few(directory):
        for part in range(8):
            with open(directory / ("part%d" % part), "w") as out:
                for i in range(part, files, 8):
                    out.write(line.replace("word0", "word%d" % (i % 10)))
    return bench.input("files-%d" % files, write_many), bench.input("files-%d-in-8" % files, write_few)


def small_files(bench):
    """100,000 files of 1 kB in one batch beside the same bytes in eight files"""
    files = bench.size(100000, 1000)
    many, few = lines_input(bench, files, 1000)
    runs = {many: [], few: []}
    for _ in range(min(bench.runs, 3)):
        for directory, taken in runs.items():
            bench.fresh(job(LINES), sorted(directory.iterdir()))
            taken.append(bench.run("--once"))
    (wall, cpu, mb), (wall8, cpu8, _) = best(runs[many]), best(runs[few])
    return [figure("%d files: wall" % files, wall, "s", round(2 * wall8 + 10e-6 * files, 3)), figure("8 files: wall", wall8, "s"),
            figure("a file: wall above that of 8 files", 1e6 * (wall - wall8) / files, "us"),
            figure("a file: CPU above that of 8 files", 1e6 * (cpu - cpu8) / files, "us"), figure("peak memory", mb, "MB")]


def known_files(bench):
    """start of a job whose directory has a million files that were taken before"""
    count = bench.size(1000000, 2000)
    bench.fresh(job(KNOWN))
    for i in range(count):
        os.close(os.open(bench.work / "in" / ("known%07d" % i), os.O_CREAT | os.O_WRONLY))
    first = bench.run("--once")
    times = [bench.run("--once") for _ in range(min(bench.runs, 3))]
    wall, cpu, mb = best(times)
    return [figure("first batch, of all of them: wall", first.wall, "s"), figure("start and end beside them: wall", wall, "s", 1),
            figure("start and end beside them: CPU", cpu, "s"), figure("peak memory", mb, "MB", 100)]


# ---- many readers ----

FOLLOWERS = {
    "feed": "exec cat mnt/data/feed >/dev/null",
    "log": "exec tail -f mnt/data/log >/dev/null",
    "current": "while :; do cat mnt/data/current >/dev/null 2>&1; sleep 1; done",
}


def followed_batches(bench, readers):
    """CPU and wall seconds of a batch on the real clock, while so many readers follow the view."""
    bench.fresh(job(FOLLOWED, 'interval = "20ms", maxFilesPerBatch = 1'))
    inputs, count = tiny_input(bench), bench.size(200, 20)
    with bench.background() as run:
        run.wait_until(lambda: os.path.isdir(bench.work / "mnt/data"), "the view")
        os.link(inputs[0], bench.work / "in/first")
        run.wait_until(lambda: len(bench.outputs()) == 1 if (bench.work / "out").is_dir() else False, "the first batch")
        kinds = list(FOLLOWERS.values())
        followers = [subprocess.Popen(["sh", "-c", kinds[i % len(kinds)]], cwd=bench.work, start_new_session=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in range(readers)]
        time.sleep(1)  # until all of them read
        before, begin = cpu_so_far(run.process.pid), time.monotonic()
        for i in range(count):
            os.link(inputs[i % len(inputs)], bench.work / "in" / ("next%04d" % i))
        run.wait_until(lambda: len(bench.outputs()) == count + 1, "all batches")
        taken = (cpu_so_far(run.process.pid) - before) / count, (time.monotonic() - begin) / count
        for follower in followers:
            os.killpg(follower.pid, signal.SIGKILL)
            follower.wait()
    return taken


def readers(bench):
    """small batches with a view that 100 readers follow by feed, log and current, and that none does"""
    needs_fuse()
    runs = {count: [] for count in (0, bench.size(100, 10))}
    for _ in range(min(bench.runs, 3)):
        for count, taken in runs.items():
            taken.append(followed_batches(bench, count))
    (alone, alone_wall), (followed, followed_wall) = (map(min, zip(*taken)) for taken in runs.values())
    return [figure("a batch, CPU of sluice", followed / alone, "times", 1.1), figure("a batch, wall", followed_wall / alone_wall, "times", 1.1),
            figure("a batch with readers: CPU", 1000 * followed, "ms")]
