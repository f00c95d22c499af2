"""The program as its users feel it: start, latency, intake, fs."""
import glob, os, shutil, subprocess, tempfile, threading, time
from batches import TINY, tiny_input
from measure import Skip, Wrong, cpu_so_far, figure, job, median, wait_until

RAW = 'ssc:textFileStream("in"):mount("v")\n'
COUNTS = 'ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/r")\n'
SNAPSHOT = ('local kept = ssc:textFileStream("in"):map(sluice.pair(1))\n'
            '   :mapWithState(function(key, value, state) state:update((state:get() or 0) + value) return key end)\n'
            'kept:count():saveAsTextFiles("out/r")\n%s')
VIEWS = ('local lines = ssc:textFileStream("in")\nlines:mount("data")\n'
         'lines:map(sluice.pair(1)):reduceByKey(sluice.sum):mount("keyed")\n')


def needs_fuse():
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise Skip("/dev/fuse cannot be opened")


def numbers_of(argv):
    return [float(number) for number in subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, check=True).stdout.split()]


def seconds_of(argv):
    return numbers_of(argv)[0]


# ---- start ----

def switches(pid):
    """How often the threads of a process gave up the CPU by themselves: wake-ups."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/status" % pid):
        for line in open(path):
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def resident_mb(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def idle(bench):
    bench.fresh(TINY)
    seconds = bench.size(5, 1)
    with bench.background() as run:
        run.wait_until(lambda: glob.glob(str(bench.work / ".sluice/*/catalog.db")), "the checkpoint")
        time.sleep(1)  # what happens once at a start is not idling
        before, cpu = switches(run.process.pid), cpu_so_far(run.process.pid)
        time.sleep(seconds)
        return [figure("idle, interval 1 s: wake-ups", (switches(run.process.pid) - before) / seconds, "a second"),
                figure("idle: CPU", 1000 * (cpu_so_far(run.process.pid) - cpu) / seconds, "ms a second"),
                figure("idle: memory", resident_mb(run.process.pid), "MB", 15)]


def start(bench):
    """sluice version; a --once run of the tiny job (one file, new checkpoint), whole; idling"""
    version = [bench.timed([bench.sluice, "version"]) for _ in range(bench.size(30, 10))]
    once = []
    for _ in range(bench.size(20, 5)):
        bench.fresh(TINY, tiny_input(bench)[:1])
        once.append(bench.run("--once"))
    return [figure("version, wall", 1000 * median([t.wall for t in version]), "ms", 5),
            figure("version, CPU", 1000 * median([t.cpu for t in version]), "ms"),
            figure("--once, wall", 1000 * median([t.wall for t in once]), "ms", 30),
            figure("--once, CPU", 1000 * median([t.cpu for t in once]), "ms"), *idle(bench)]


# ---- latency ----

def feed(bench, count, rate, renamed_at):
    """Renames at a steady rate what was written before."""
    begin = time.monotonic()
    for i in range(count):
        pause = begin + i / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        os.rename(bench.work / "made" / str(i), bench.work / "in" / str(i))
        renamed_at[i] = time.monotonic()


def watch_view(view, count, seconds):
    """When each number was first seen in a view of the newest batch."""
    seen_at, version, end = {}, None, time.monotonic() + seconds
    while len(seen_at) < count and time.monotonic() < end:
        try:
            now = os.readlink(view / "now")
        except FileNotFoundError:
            now = None
        if now == version:
            time.sleep(0.0005)
            continue
        seen, version = time.monotonic(), now
        for line in (view / now / "data").read_text().split():
            seen_at.setdefault(int(line), seen)
    return seen_at


def times_to_view(bench, feed, view, sent_at, rate):
    """Sorted milliseconds from sent_at[i], which feed() sets, to number i in a view of the newest batch."""
    count = len(sent_at)
    with bench.background() as run:
        run.wait_until(view.is_dir, "the mount")
        feeder = threading.Thread(target=feed)
        feeder.start()
        seen_at = watch_view(view, count, count / rate + 20)
        feeder.join()
    if len(seen_at) < count:
        raise Wrong("%d of %d numbers were seen" % (len(seen_at), count))
    return sorted(1000 * (seen_at[i] - sent_at[i]) for i in range(count))


def latency(bench):
    """from rename to visible in mount current, interval 50 ms, 1,000 files a second"""
    needs_fuse()
    count, rate = bench.size(5000, 1000), 1000
    bench.fresh(job(RAW, 'interval = "50ms"'))
    (bench.work / "made").mkdir()
    for i in range(count):
        (bench.work / "made" / str(i)).write_text("%d\n" % i)
    renamed_at = [0.0] * count
    view = bench.work / "mnt/v"
    taken = times_to_view(bench, lambda: feed(bench, count, rate, renamed_at), view, renamed_at, rate)
    return [figure("median", median(taken), "ms", 55), figure("99 of 100 within", taken[count * 99 // 100], "ms"),
            figure("longest", taken[-1], "ms")]


# ---- intake ----

def rows_written(bench):
    return sum(int(line.split("\t")[1]) for path in bench.outputs() for part in path.glob("part-*")
               for line in part.read_text().splitlines())


def rename_all(bench, files):
    """Wall and CPU seconds of a writer that renames everything at once."""
    argv = [files, "rename", bench.work / "made", bench.work / "in"]
    return [float(word) for word in subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout.split()]


def renames(bench, count, watched):
    """The writer's wall and CPU seconds; where sluice watches, how long until all files were counted, each once."""
    files = bench.helper("files")
    bench.fresh(job(COUNTS))
    (bench.work / "made").mkdir()
    subprocess.check_call([files, "make", bench.work / "made", "x", str(count)])
    if not watched:
        return (*rename_all(bench, files), 0)
    with bench.background() as run:
        run.wait_until(lambda: glob.glob(str(bench.work / ".sluice/*/catalog.db")), "the checkpoint")
        wall, cpu = rename_all(bench, files)
        begin = time.monotonic()
        run.wait_until((bench.work / "out").is_dir, "the first output", pause_s=0.05)
        run.wait_until(lambda: rows_written(bench) >= count, "all %d files" % count, pause_s=0.1)
        drained = time.monotonic() - begin
    if rows_written(bench) != count:
        raise Wrong("%d of %d renamed files were counted" % (rows_written(bench), count))
    return wall, cpu, drained


def storms(bench, count):
    """Writers alone and watched, by turns; on a busy machine CPU time says more than wall time."""
    rounds = [(renames(bench, count, False), renames(bench, count, True)) for _ in range(bench.size(3, 1))]
    slower = [median([watched[i] / alone[i] for alone, watched in rounds]) for i in (0, 1)]
    name = "%d k renames: the writer slowed" % (count // 1000)
    return [figure(name, slower[0], "times", 1.33), figure("the same: its CPU time", slower[1], "times"),
            figure("renames", count / median([watched[0] for _, watched in rounds]) / 1000, "k a second"),
            figure("all counted after the last rename", median([watched[2] for _, watched in rounds]), "s")]


class Beside:
    """A directory with so many taken files, to which small batches are added."""
    BATCHES, FILES, SKIPPED = 80, 10, 10  # skipped: at the beginning and at the end

    def __init__(self, bench, old):
        self.bench, self.rounds = bench, 0
        self.work = bench.fresh(job(COUNTS, 'interval = "1s", maxFilesPerBatch = %d' % self.FILES))
        subprocess.check_call([bench.helper("files"), "make", self.work / "in", "old", str(old)])
        bench.run("--once")

    def begin(self):
        """A start without news."""
        self.bench.work = self.work
        return self.bench.run("--once")

    def mark(self, process, batch):
        """When the batch was done, and what CPU time the process had used by then."""
        path = self.work / "out" / ("r-%d" % batch)
        wait_until(lambda: path.exists() or process.poll() is not None, "batch %d" % batch, pause_s=0.0005)
        return time.monotonic(), cpu_so_far(process.pid)

    def batches(self):
        """Wall and CPU seconds of a batch."""
        self.bench.work, self.rounds = self.work, self.rounds + 1
        first = int(self.bench.outputs()[-1].name.rsplit("-", 1)[1])
        subprocess.check_call([self.bench.helper("files"), "make", self.work / "in", "new%d-" % self.rounds,
                               str(self.BATCHES * self.FILES)])
        os.sync()  # what was made is not to be written while batches wait for the same disk
        process = subprocess.Popen([self.bench.sluice, "run", str(self.work / "job.lua"), "--clock", "virtual",
                                    "--batches", str(self.BATCHES)])
        marks = [self.mark(process, first + 1000 * batch) for batch in (self.SKIPPED, self.BATCHES - self.SKIPPED)]
        if process.wait():
            raise Wrong("the run of small batches failed")
        return [(end - begin) / (self.BATCHES - 2 * self.SKIPPED) for begin, end in zip(*marks)]


def small_batches(bench, old):
    """Batches of ten new files in a directory that is empty but for them, and beside many old ones, by turns."""
    empty, full = Beside(bench, 1), Beside(bench, old)
    begun = full.begin()
    rounds = [(empty.batches(), full.batches()) for _ in range(bench.size(3, 1))]
    figures = []
    for i, kind in enumerate(("wall", "CPU")):
        ratio = median([beside[i] / alone[i] for alone, beside in rounds])
        figures += [figure("a batch of 10 files alone: %s" % kind, 1000 * median([a[i] for a, _ in rounds]), "ms"),
                    figure("the same beside %d k old ones" % (old // 1000), 1000 * median([b[i] for _, b in rounds]), "ms"),
                    figure("old ones to none: %s" % kind, ratio, "times", 2)]
    return figures + [figure("a start with %d k old ones, nothing new: wall" % (old // 1000), begun.wall, "s"),
                      figure("the same: CPU", begun.cpu, "s"), figure("the same: peak memory", begun.peak_mb, "MB")]


def intake(bench):
    """renames at full speed into a watched directory; batches of ten files beside many old ones"""
    return storms(bench, bench.size(300000, 20000)) + small_batches(bench, bench.size(1000000, 30000))


# ---- fs ----

def memory_directory():
    """A directory in tmpfs, which the mount is compared with."""
    if not os.path.isdir("/dev/shm"):
        raise Skip("there is no tmpfs in /dev/shm")
    return tempfile.TemporaryDirectory(prefix="sluice-bench-", dir="/dev/shm")


def read_ratio(bench, ours, theirs, times, runs):
    """Seconds of ours to seconds of theirs, both warm."""
    files, ratios, seconds = bench.helper("files"), [], []
    for path in (ours, theirs):
        seconds_of([files, "read", path, 2])
    for _ in range(runs):
        a, b = (seconds_of([files, "read", path, times]) for path in (ours, theirs))
        ratios.append(a / b)
        seconds.append(a / times)
    return median(ratios), median(seconds)


def cold_rate(bench, path, times):
    return times * os.path.getsize(path) / seconds_of([bench.helper("files"), "cold", path, times]) / 1e9


def reads(bench, mount, memory):
    large, small = mount / "data/now/data", mount / "keyed/now/meta.json"
    for path, name in ((large, "large"), (small, "small")):
        shutil.copyfile(path, os.path.join(memory, name))
    size = os.path.getsize(large)
    ratio, seconds = read_ratio(bench, large, os.path.join(memory, "large"), 10, bench.runs)
    small_ratio, small_seconds = read_ratio(bench, small, os.path.join(memory, "small"), 2000, bench.runs)
    return [figure("warm read of %d MB: tmpfs's time" % (size >> 20), ratio, "times"),
            figure("warm read", size / seconds / 1e9, "GB/s"),
            figure("cold read: from sluice, not from the page cache", cold_rate(bench, large, 10), "GB/s"),
            figure("open, read, close of a small file", small_seconds * 1e6, "us"),
            figure("the same: tmpfs's time", small_ratio, "times")]


def lookups(bench, run, keys, count):
    """A second pass asks the kernel only."""
    files, cpu = bench.helper("files"), cpu_so_far(run.process.pid)
    first = numbers_of([files, "stat", keys, "key", count])
    cpu = cpu_so_far(run.process.pid) - cpu + first[1]
    again = numbers_of([files, "stat", keys, "key", count])
    return [figure("first lookups of keys", count / first[0] / 1000, "k a second", "at least 15"),
            figure("first lookups of keys: by CPU, reader and sluice", count / cpu / 1000, "k a second", "at least 15"),
            figure("cached lookups of keys", count / again[0] / 1000, "k a second", "at least 400"),
            figure("cached lookups of keys: by CPU", count / again[1] / 1000, "k a second", "at least 400")]


def swaps(bench, many):
    """Versions of ten keys and of many, published by themselves: what a batch pays, when readers see them."""
    program, point, figures = bench.inner_helper("view"), bench.work / "view", []
    for keys, cached in ((10, 0), (many, 0), (10, 10), (many, many // 100)):
        took = [numbers_of([program, "swap", point, keys, cached, bench.size(15, 3)]) for _ in range(bench.runs)]
        what = "swap, %s keys, %s of them looked up" % (short_count(keys), short_count(cached))
        figures += [figure(what + ": CPU", median([cpu for cpu, _ in took]), "us"),
                    figure("the same: until readers see it", median([seen for _, seen in took]), "us")]
    return figures


def first_reads(bench, keys):
    """What opening costs the one who comes first."""
    took = [numbers_of([bench.inner_helper("view"), "render", bench.work / "view", keys]) for _ in range(bench.runs)]
    opened, read, index, size, held, released = (median(values) for values in zip(*took))
    return [figure("first open of data, %s keys, %d MB: CPU" % (short_count(keys), size / 1e6), 1000 * opened, "ms", 100),
            figure("first lookup in its keys/: CPU", 1000 * index, "ms"),
            figure("memory that they take", held, "MB"), figure("given back when nobody reads", released, "MB")]


def short_count(count):
    return "%d M" % (count // 10**6) if count >= 10**6 else "%d k" % (count // 1000) if count >= 1000 else str(count)


def view_cost(bench, kept):
    """What a view of many keys adds to a batch that changes 1,000, in seconds of wall and CPU time."""
    from batches import MEASURED_STATE_BATCHES, ONE_FILE, state_input
    inputs, times = state_input(bench, kept, 1000), {}
    for view in ("", 'kept:stateSnapshots():mount("state")\n'):
        bench.fresh(job(SNAPSHOT % view, ONE_FILE), inputs)
        times[bool(view)] = bench.run_batches(len(inputs), MEASURED_STATE_BATCHES)
    return times[True].wall - times[False].wall, times[True].cpu - times[False].cpu


def fs(bench):
    """the mount beside tmpfs: reads, lookups, swaps, first reads, and what a view costs a batch"""
    needs_fuse()
    keys, kept = bench.size(200000, 20000), bench.size(1000000, 100000)
    bench.fresh(job(VIEWS))
    (bench.work / "in/lines").write_text("".join("key%d\n" % i for i in range(keys)) * 8)
    mount = bench.work / "mnt"
    with bench.background() as run, memory_directory() as memory:
        run.wait_until(lambda: os.path.lexists(mount / "keyed/now") and os.path.lexists(mount / "data/now"), "the views")
        figures = reads(bench, mount, memory) + lookups(bench, run, mount / "keyed/now/keys", keys)
    figures += swaps(bench, kept) + first_reads(bench, kept)
    wall, cpu = view_cost(bench, kept)
    return figures + [figure("a view of %d k keys adds to a batch: wall" % (kept // 1000), 1000 * wall, "ms", 1),
                      figure("the same: CPU", 1000 * cpu, "ms", 1)]
