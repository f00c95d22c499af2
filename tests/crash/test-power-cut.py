#!/usr/bin/env python3
# presets: release
# timeout: 20000
"""Power is lost while a job runs on ext4, xfs and btrfs: the next start finds every committed output whole, continues, and
gives what an undisturbed run gives.

The file system is on a disk that logs writes and flushes (logged_disk.py). Each state that a loss of power may leave at a
flush, and some of those between two, is mounted, looked at, and given to another run.

usage: test-power-cut.py      SLUICE_STATES (6 of each kind of run; all with SLUICE_LONG=1) and SLUICE_SEED choose how many and which
"""
import contextlib, gzip, os, pathlib, random, re, sqlite3, time
from harness import *
from logged_disk import mounted, need, record, states, working_directory

STATES = int(os.environ.get("SLUICE_STATES", 10 ** 9 if LONG else 6))
NO_SYNC = BUILD / "tests/no_sync.so"
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
DIRECTORY = re.compile(r"(\w+)-(\d+)(\.txt)?$")


# ---- what a disk holds ----

def write_durably(path, content):
    with open(path, "wb") as file:
        file.write(as_bytes(content))
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def tree(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def shown(last_ms):
    """The output directories of batches up to a time: name -> {file: bytes}."""
    found = {}
    for path in pathlib.Path("out").glob("[!.]*"):
        match = DIRECTORY.match(path.name)
        if match and int(match.group(2)) <= last_ms and not path.is_symlink():
            found[path.name] = tree(path)
    return found


def time_of(name):
    return int(DIRECTORY.match(name).group(2))


def hidden():
    return [str(path) for place in ("out", "in", "done") for path in pathlib.Path(place).glob(".*")]


def committed(marks):
    return max((int(mark) for mark in marks if mark.isdigit()), default=0)


def watch_tick(run, mark):
    """Notes every committed batch that it sees until the run has ended by itself."""
    last = None
    while run.process.poll() is None:
        tick = read("ck/tick").strip() if os.path.exists("ck/tick") else None
        if tick and tick != last:
            mark(tick.decode())
            last = tick
        time.sleep(0.001)
    equal(run.process.returncode, 0, "the undisturbed run:\n" + run.stderr())


def check_whole(got, want):
    """Nothing is visible that is not complete and as it has to be."""
    for name, files in got.items():
        equal(files, want.get(name), name + " as it was found")


# ---- the virtual clock: files, windows, state, event time, dead letters, a table ----

class Batches:
    """Everything that decides results is there from the start, so each directory has one right content."""

    BATCHES, AFTER = 9, 4
    LAST_MS = 1000 * BATCHES
    JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck", maxFilesPerBatch = 1, memoryLimit = "16MiB" }
local lines = ssc:textFileStream("in", { after = "done" })
local words = lines:map(function(line)
    local word, time = line:match("^(%S+) (%d+)$")
    if not word then error("no word and time") end
    return word, tonumber(time)
end)
local ones = words:map(function(word) return word, 1 end)
ones:reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
ones:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
ones:mapWithState(function(word, one, state)
    state:update((state:get() or 0) + one)
    return word, state:get()
end):saveAsTextFiles("out/state", "txt")
words:withWatermark(function(word, time) return time end, "1s"):eventWindow({ size = "2s" }):count()
    :saveAsTextFiles("out/event", "txt")
words:saveToTable("sqlite:rows.db", "words", { columns = { "word", "time" }, create = true, batch = "batch_ms" })
lines:foreachRDD(function(time, rdd) rdd:saveAsTextFile("out/each-" .. time) end)
ssc:textFileStream("more", { after = "delete" }):count():saveAsTextFiles("out/more", "txt")
"""

    def __init__(self, prefix=()):
        self.prefix = prefix

    def prepare(self):
        for name in ("in", "more", "out"):
            os.mkdir(name)
        job(self.JOB)
        for i in range(6):
            text = "".join("w%d %d000\n" % (word, i) for word in range(i % 3, 5)) + ("bad\n" if i == 2 else "")
            pathlib.Path("in/f%d" % i).write_text(text)
            pathlib.Path("more/m%d" % i).write_text("x\n" * i)
        pathlib.Path("in/f0").write_text("".join("k%d 1000\n" % key for key in range(5000)))
        pathlib.Path("in/f3.gz").write_bytes(gzip.compress(b"never 1\n" * 9)[:-5])

    def act(self, mark):
        with Running("job.lua", "--clock", "virtual", "--batches", str(self.BATCHES + self.AFTER), prefix=self.prefix) as run:
            watch_tick(run, mark)
        self.want = self.results()
        check(len(self.want[0]) > 25 and self.want[2], "the undisturbed run gives too little")

    def results(self):
        with contextlib.closing(sqlite3.connect("rows.db")) as rows:
            table = rows.execute("SELECT batch_ms, word, time FROM words ORDER BY 1, 2, 3").fetchall()
        return (shown(self.LAST_MS), table, tree(pathlib.Path("ck/deadletter")), sorted(os.listdir("in")), sorted(os.listdir("done")),
                os.listdir("more"), hidden())

    def examine(self, marks):
        found = shown(self.LAST_MS)
        check_whole(found, self.want[0])
        for name in self.want[0]:
            check(time_of(name) > committed(marks) or name in found, "%s was committed and is gone" % name)
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(self.BATCHES + self.AFTER))
        names = ("directories", "table", "dead letters", "in", "done", "more", "hidden files")
        for name, got, want in zip(names, self.results(), self.want):
            equal(got, want, name)


# ---- the real clock: what a command writes ----

class Received:
    """Each start of the command writes numbers under a name of its own: of each a prefix is in the outputs, once."""

    NUMBERS = 600
    JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms", checkpoint = "ck" }
ssc:execStream({ "sh", "numbers.sh" }, { restart = false }):saveAsTextFiles("out/got", "txt")
"""
    SCRIPT = """id=$(cat /proc/sys/kernel/random/uuid)
i=0
while [ $i -lt %d ]; do echo $id $i; i=$((i+1)); [ $((i %% 40)) != 0 ] || sleep 0.02; done
"""
    last = None

    def prepare(self):
        os.mkdir("out")
        job(self.JOB)
        job(self.SCRIPT % self.NUMBERS, "numbers.sh")

    def got(self):
        found = {}
        for _, content in sorted(outputs("out/got").items()):
            for line in content.decode().splitlines():
                name, number = line.split(" ")
                found.setdefault(name, []).append(int(number))
        return found

    def run(self, known, mark=lambda text: None):
        """Until a name that is not known has all its numbers."""
        def complete():
            tick = read("ck/tick").strip()
            if tick != self.last:
                mark(tick.decode())
                self.last = tick
            return any(len(numbers) == self.NUMBERS for name, numbers in self.got().items() if name not in known)
        with Running("job.lua") as run:
            run.wait_until(complete, "the numbers of this run")
            run.stop()

    def act(self, mark):
        self.run((), mark)
        self.want = shown(2 ** 62)

    def examine(self, marks):
        found = shown(2 ** 62)
        check_whole({name: files for name, files in found.items() if time_of(name) <= committed(marks)}, self.want)
        for name in self.want:
            check(time_of(name) > committed(marks) or name in found, "%s was committed and is gone" % name)
        self.run(self.got().keys())
        after = shown(2 ** 62)
        for name, files in found.items():
            equal(after.get(name), files, name + " was seen and has changed")
        for name, numbers in self.got().items():
            equal(numbers, list(range(len(numbers))), "the numbers of %s" % name)
        equal(hidden(), [], "hidden files")


# ---- quarantine and replay ----

class Replay:
    """A file that is damaged and records that a function refuses are taken again after both were mended."""

    FILES, IDS = 4, 30
    JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck", maxFilesPerBatch = 1 }
ssc:textFileStream("in", { after = "done" }):map(function(line)
    if %s then error("refused") end
    return line, 1
end):reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
"""
    FIRST, MENDED = JOB % 'line:match("7$")', JOB % "false"

    def ids(self, i):
        return "".join("id%04d\n" % number for number in range(i * self.IDS, (i + 1) * self.IDS))

    def prepare(self):
        for name in ("in", "out"):
            os.mkdir(name)
        job(self.FIRST)
        for i in range(self.FILES):
            pathlib.Path("in/f%d" % i).write_text(self.ids(i))
        pathlib.Path("in/late.gz").write_bytes(self.packed()[:-5])

    def packed(self):
        return gzip.compress(self.ids(self.FILES).encode())

    def run(self):
        sluice_ok("run", "job.lua", "--clock", "virtual", "--available-now")

    def mend(self):
        if os.path.exists("in/late.gz"):
            write_durably("in/late.gz", self.packed())
        write_durably("./job.lua", self.MENDED)

    def act(self, mark):
        self.run()
        mark("first")
        self.mend()
        mark("mended")
        sluice_ok("replay", "job.lua")
        mark("asked")
        self.run()
        mark("all")
        self.check_ids()

    def examine(self, marks):
        for name, files in shown(2 ** 62).items():
            check("_SUCCESS" in files and len(files) > 1, name + " is not whole")
        if "first" not in marks:
            self.run()
        if "mended" not in marks:
            self.mend()
        if "asked" in marks:
            self.run()
            self.check_ids()
        self.run()
        sluice_ok("replay", "job.lua")
        self.run()
        self.check_ids()

    def check_ids(self):
        want = ["id%04d" % number for number in range((self.FILES + 1) * self.IDS)]
        equal(sorted((word, counts) for word, counts in counted().items()), [(word, [1]) for word in want], "ids")
        equal(os.listdir("in"), [], "what is left in the watched directory")
        equal(sorted(os.listdir("done")), ["f%d" % i for i in range(self.FILES)] + ["late.gz"], "the archive")


# ---- claims ----

def examine_all(kind, scenario):
    """The chosen states of one recorded run, in an empty directory of its own."""
    with mounted("tmpfs", scenario.__class__.__name__, "-t", "tmpfs") as home, working_directory(home):
        examine_states(kind, scenario)


def examine_states(kind, scenario):
    name = scenario.__class__.__name__
    base, log = record(kind, scenario.prepare, scenario.act)
    chosen = random.Random(SEED)
    wanted = lambda number, count: chosen.random() * count < STATES or number == count - 2
    tried = 0
    for image, marks in states(base, log, random.Random(SEED + 1), wanted):
        with mounted(image, "files", "-o", "loop") as files, working_directory(files):
            try:
                scenario.examine(marks)
            except Failure as failure:
                fail("%s on %s, state %d, seen by then: %s\n%s" % (name, kind, tried, marks[-1:], failure))
        tried += 1
    print("%s on %s: %d states of %d writes" % (name, kind, tried, len(log)), flush=True)


def cut_power(kind):
    need(kind)
    if kind != "ext4" and not LONG and "SLUICE_STATES" not in os.environ:
        skip("%s is for --long" % kind)
    print("seed %d" % SEED, flush=True)
    for scenario in (Batches(), Received(), Replay()):
        examine_all(kind, scenario)


def test_power_is_lost_on_ext4():
    cut_power("ext4")


def test_power_is_lost_on_xfs():
    cut_power("xfs")


def test_power_is_lost_on_btrfs():
    cut_power("btrfs")


def test_a_run_whose_syncs_do_nothing_is_noticed():
    need("ext4")
    try:
        examine_all("ext4", Batches(("env", "LD_PRELOAD=%s" % NO_SYNC)))
    except Failure as failure:
        check("was committed and is gone" in str(failure), "another failure: %s" % failure)
    else:
        fail("nothing was noticed")


main(globals())
