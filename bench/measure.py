"""What the cases of bench/run share: helpers in C, inputs that are made once, runs of the program, their times.

A case is a function case(bench) that returns a list of figures, see figure(). Ratios are of runs that took turns in
one process. Beside wall time stands CPU time (user and system), which a busy machine disturbs less.
"""
import filecmp, os, pathlib, re, shutil, signal, statistics, subprocess, time

BENCH = pathlib.Path(__file__).resolve().parent
PATIENCE_S = 120
PATTERN = r'^(\S+) \S+ \S+ \[[^\]]+\] "(\S+) (\S+)[^"]*" (\d{3}) (\S+)'
HEADER = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { %s }\n'
YARDSTICKS = {"words": ("ref_wordcount", []), "log": ("ref_accesslog", ["-lpcre2-8", "-lxxhash"])}
LIBRARIES = {"reference": ["-lpcre2-8"], "sqlite_query": ["-lsqlite3"]}


class Wrong(Exception):
    """A result is not what it must be, so its time means nothing."""


class Skip(Exception):
    """The case cannot be measured here."""


def figure(name, value, unit="", must=None):
    return {"figure": name, "value": round(value, 4), "unit": unit, "must": must}


def median(values):
    return statistics.median(values)


def job(text, options='interval = "1s"'):
    return HEADER % options + text


class Times:
    def __init__(self, wall, cpu, peak_mb, user):
        self.wall, self.cpu, self.peak_mb = wall, cpu, peak_mb
        self.user = user  # of the whole process, even where wall and cpu are of some batches


def end_of(process, errors):
    """CPU seconds, peak memory and user seconds of a process that ends by itself, successfully."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        errors.seek(0)
        raise Wrong("%s: exit status %d: %s" % (" ".join(process.args[:3]), process.returncode, errors.read()[-500:]))
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, usage.ru_utime


def cpu_so_far(pid):
    """CPU seconds of a living process, of its threads that have ended too (which /proc/PID/task has forgotten)."""
    process_clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) makes it
    return time.clock_gettime(process_clock)


def wait_until(condition, what, seconds=PATIENCE_S, pause_s=0.002):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Wrong("waited %d s for %s" % (seconds, what))
        time.sleep(pause_s)


class Bench:
    """Where a case is run: the program, how often, the long or the short form, directories."""

    def __init__(self, sluice, runs, short, root):
        self.sluice, self.runs, self.short, self.root = str(sluice), runs, short, pathlib.Path(root)
        self.base = self.root / ("run-%d" % os.getpid())
        self.work, self.fresh_count = self.base, 0
        self.root.mkdir(parents=True, exist_ok=True)
        self.workers = str(os.cpu_count())

    def done(self):
        shutil.rmtree(self.base, ignore_errors=True)

    def size(self, long, short):
        return short if self.short else long

    def helper(self, name):
        """A program of this folder, compiled when its source is newer."""
        source, target = BENCH / (name + ".c"), self.root / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            beside = self.root / ("%s.%d" % (name, os.getpid()))
            subprocess.check_call([os.environ.get("CC", "cc"), "-D_GNU_SOURCE", "-O3", "-march=native", "-pthread",
                                   str(source), "-o", str(beside), *LIBRARIES.get(name, [])])
            os.rename(beside, target)
        return str(target)

    def yardstick(self, kind):
        """The program that the limits of this kind were set with, of ../shared/bench; None where that is not there."""
        name, libraries = YARDSTICKS[kind]
        source, target = BENCH.parent.parent / "shared/bench" / (name + ".c"), self.root / name
        if not source.exists():
            return None
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.check_call([os.environ.get("CC", "cc"), "-O3", "-mavx2", "-pthread", str(source), "-o", str(target), *libraries])
        return str(target)

    def at_once(self, text, parts, workers):
        """Seconds until processes that were started together, one for each part of the inputs, have ended."""
        jobs = [self.fresh(text, part) / "job.lua" for part in parts]
        with open(self.root / ("errors-%d" % os.getpid()), "w+", errors="replace") as errors:
            os.unlink(errors.name)
            start = time.perf_counter()
            processes = [subprocess.Popen([self.sluice, "run", str(path), "--once", "--workers", workers], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=errors) for path in jobs]
            for process in processes:
                end_of(process, errors)
            return time.perf_counter() - start

    def inner_helper(self, name):
        """A program of this folder that calls inner functions of the libsluice.so beside the program measured."""
        folder = pathlib.Path(self.sluice).resolve().parent
        if not (folder / "libsluice.so").exists():
            raise Skip("%s is not there" % (folder / "libsluice.so"))
        target = self.root / name
        subprocess.check_call([os.environ.get("CC", "cc"), "-D_GNU_SOURCE", "-O3", "-I%s" % BENCH.parent,
                               "-I%s" % (BENCH.parent / "include"), str(BENCH / (name + ".c")), "-o", str(target),
                               "-L%s" % folder, "-lsluice", "-Wl,-rpath,%s" % folder])
        return str(target)

    def input(self, name, write):
        """A directory of files that write(directory) makes, once; the name says what is in it."""
        directory = self.root / ("input-" + name)
        if not directory.exists():
            beside = self.root / ("input-%s.%d" % (name, os.getpid()))
            beside.mkdir()
            write(beside)
            os.rename(beside, directory)
        return directory

    def make_input(self, kind, size, files):
        make = self.helper("make_input")

        def write(directory):
            for i in range(files):
                with open(directory / ("%s%04d" % (kind, i)), "wb") as out:
                    subprocess.check_call([make, kind, str(size), str(i)], stdout=out)
        return self.input("%s-%dx%d" % (kind, files, size), write)

    def fresh(self, text, inputs=()):
        """An empty working directory with job.lua and links of the inputs in in/; nothing is left to be written.

        None is removed before the end of all cases: ext4 without a journal does not use the inode of a removed file
        again for minutes and searches past it whenever a file is made, which is not what is to be measured.
        """
        self.fresh_count += 1
        self.work = self.base / str(self.fresh_count)
        (self.work / "in").mkdir(parents=True)
        for path in inputs:
            os.link(path, self.work / "in" / os.path.basename(path))
        (self.work / "job.lua").write_text(text)
        os.sync()
        return self.work

    def timed(self, argv):
        """Times of a process from start to end."""
        with open(self.root / ("errors-%d" % os.getpid()), "w+", errors="replace") as errors:
            os.unlink(errors.name)
            start = time.perf_counter()
            process = subprocess.Popen(argv, cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=errors)
            cpu, peak_mb, user = end_of(process, errors)
            return Times(time.perf_counter() - start, cpu, peak_mb, user)

    def run(self, *options, workers=None):
        return self.timed([self.sluice, "run", str(self.work / "job.lua"), "--workers", workers or self.workers, *options])

    def run_batches(self, count, measured, prefix="r", workers=None):
        """Seconds of wall and CPU time per batch, over the last `measured` of `count` batches on the virtual clock.

        The wall time is between the first and the last of those outputs, so neither start nor end is in it. (Not a
        median of distances: the clock of file times ticks every 4 ms.)
        """
        argv = [self.sluice, "run", str(self.work / "job.lua"), "--clock", "virtual", "--batches", str(count),
                "--workers", workers or self.workers]
        mark = self.work / "out" / ("%s-%d" % (prefix, (count - measured) * 1000))
        with open(self.work / "errors", "w+", errors="replace") as errors:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
            wait_until(lambda: mark.exists() or os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT),
                       "batch %d" % (count - measured))
            before = cpu_so_far(process.pid)
            cpu, peak_mb, user = end_of(process, errors)
        made = self.output_marks(prefix)
        if len(made) != count:
            raise Wrong("%d output directories for %d batches" % (len(made), count))
        return Times((made[-1] - made[-1 - measured]) / measured, (cpu - before) / measured, peak_mb, user)

    def output_marks(self, prefix="r"):
        """When each output directory was finished, in batch order."""
        return [os.stat(path / "_SUCCESS").st_mtime_ns / 1e9 for path in self.outputs(prefix)]

    def outputs(self, prefix="r"):
        pattern = re.compile(re.escape(prefix) + r"-(\d+)$")
        found = [path for path in (self.work / "out").iterdir() if pattern.match(path.name)]
        return sorted(found, key=lambda path: int(path.name.rsplit("-", 1)[1]))

    def must_give(self, want, prefix="r"):
        """The newest output has the bytes of the file `want`."""
        found = self.outputs(prefix) if (self.work / "out").is_dir() else []
        if not found:
            raise Wrong("there is no output")
        with open(self.work / "got", "wb") as got:
            for part in sorted(found[-1].glob("part-*")):
                got.write(part.read_bytes())
        if not filecmp.cmp(self.work / "got", want, shallow=False):
            raise Wrong("the result differs from the reference's")

    def background(self, *options):
        return Background(self, options)


class Background:
    """A run that lasts until the end of its `with`; asked to stop there."""

    def __init__(self, bench, options):
        self.work = bench.work
        self.argv = [bench.sluice, "run", str(bench.work / "job.lua"), *options]

    def __enter__(self):
        self.errors = open(self.work / "errors", "w+", errors="replace")
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors)
        return self

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def wait_until(self, condition, what, **options):
        def ended():
            if self.process.poll() is not None:
                self.errors.seek(0)
                raise Wrong("the run ended by itself: " + self.errors.read()[-500:])
            return condition()
        return wait_until(ended, what, **options)
