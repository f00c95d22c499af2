#!/usr/bin/env python3
# presets: release
# timeout: 90000
"""A run that goes on, with readers of everything, and files that arrive, are refused, damaged and junk: after it has warmed
up memory, descriptors, threads, catalog, state and dead letters do not grow.

usage: test-endurance.py      SLUICE_ENDURANCE_S (25; 3600 with SLUICE_LONG=1) says for how many seconds
"""
import contextlib, glob, gzip, itertools, os, pathlib, subprocess, threading, time, urllib.request
from harness import *
import ports

SECONDS = int(os.environ.get("SLUICE_ENDURANCE_S", 3600 if LONG else 25))
SAMPLES = 60
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms", checkpoint = "ck", keepHistory = "3s", metrics = %d }
local words = ssc:textFileStream("in", { after = "delete" }):map(function(line)
    if line == "bad" then error("refused") end
    local key, time = line:match("(%%S+) (%%d+)")
    return key, tonumber(time)
end)
local ones = words:map(function(key) return key, 1 end)
local counts = ones:reduceByKey(sluice.sum)
counts:saveAsTextFiles("out/counts", "txt", { keep = 20 })
counts:mount("counts")
ones:reduceByKeyAndWindow(sluice.sum, nil, "2s", "100ms"):mount("window")
ones:mapWithState(function(key, one, state)
    if state:isTimingOut() then return nil end
    state:update((state:get() or 0) + one)
    return key, state:get()
end, { timeout = "2s" }):mount("state")
words:withWatermark(function(key, time) return time end, "1s"):eventWindow({ size = "1s" }):count():mount("event")
"""
WARMING_BYTES = (3 if SECONDS > 600 else 12) << 20  # memory that a short run has not used for the first time yet
GROWTH = {  # what the last third may have more than the second, at their highest: a part of it, and an amount
    "resident memory": (0.05, WARMING_BYTES), "descriptors": (0, 12), "threads": (0, 1), "catalog": (0.2, 256 << 10),
    "write-ahead log": (0.5, 2 << 20), "state": (0.5, 512 << 10), "dead letters": (0.5, 64 << 10), "directories": (0, 6)}


# ---- what goes in ----

class Feeder:
    """Each file has keys that are new: what is kept of old ones has to expire."""

    def __init__(self):
        self.files = self.damaged = 0

    def feed(self):
        now = int(time.time() * 1000)
        keys = ["k%d %d\n" % (self.files * 50 + i // 2, now) for i in range(100)]
        name = "f%07d" % self.files
        if self.files % 50 == 7:
            move_in(name + ".gz", gzip.compress("".join(keys).encode())[:-6])
            self.damaged += 1
        elif self.files % 50 == 23:
            move_in(name, os.urandom(4000))
        else:
            move_in(name, "".join(keys) + "bad\n" * (self.files % 10 == 0))
        self.files += 1


def forget_quarantined():
    """What was quarantined is known until somebody decides."""
    for name in os.listdir("in"):
        if name.endswith(".gz") and sluice("replay", "job.lua", "--forget", "in/" + name).returncode == 0:
            os.unlink("in/" + name)


# ---- who reads ----

def read_view(port):
    for path in glob.glob("mnt/*/current") + glob.glob("mnt/*/now/meta.json") + glob.glob("mnt/.sluice/*"):
        with contextlib.suppress(OSError):  # a version that has gone, errors that there are none of
            read(path)
    with contextlib.suppress(OSError):
        os.listdir("mnt/counts/now/keys")
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=PATIENCE_S) as answer:
        answer.read()


def ask():
    sluice_ok("status", "job.lua")
    sluice_ok("top", "job.lua", "--once")


@contextlib.contextmanager
def followers():
    """Readers of what never ends."""
    commands = [["cat", "mnt/counts/feed"], ["tail", "-F", "-c1", "mnt/event/log"], ["cat", "mnt/state/feed"]]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Repeated(threading.Thread):
    """Calls a function again and again, in a `with` block; its error is the block's."""

    def __init__(self, function, pause_s):
        super().__init__(daemon=True)
        self.function, self.pause_s, self.error, self.enough = function, pause_s, None, threading.Event()

    def run(self):
        try:
            while not self.enough.wait(self.pause_s):
                self.function()
        except Exception as error:
            self.error = error

    def __enter__(self):
        self.start()

    def __exit__(self, kind, *unused):
        self.enough.set()
        self.join()
        if self.error and not kind:
            raise self.error


# ---- what is measured ----

def size(*patterns):
    total = 0
    for path in itertools.chain(*map(glob.glob, patterns)):
        with contextlib.suppress(FileNotFoundError):
            total += os.path.getsize(path)
    return total


def status_number(pid, name):
    return next(int(line.split()[1]) for line in open("/proc/%d/status" % pid) if line.startswith(name + ":"))


def measured(pid):
    return {"resident memory": status_number(pid, "VmRSS") * 1024, "descriptors": len(os.listdir("/proc/%d/fd" % pid)),
            "threads": status_number(pid, "Threads"), "catalog": size("ck/catalog.db"), "write-ahead log": size("ck/catalog.db-wal"),
            "state": size("ck/state/*"), "dead letters": size("ck/deadletter/*"), "directories": len(os.listdir("out"))}


def check_flat(samples):
    third = len(samples) // 3
    for name in GROWTH:
        first, before, after = (max(sample[name] for sample in samples[i * third:(i + 1) * third]) for i in range(3))
        print("%-16s %10d %10d %10d" % (name, first, before, after), flush=True)
    for name, (part, amount) in GROWTH.items():
        before, after = (max(sample[name] for sample in samples[i * third:(i + 1) * third]) for i in (1, 2))
        check(after <= before * (1 + part) + amount, "%s grows: at most %d in the second third, %d in the last" % (name, before, after))


def test_a_run_that_goes_on_does_not_grow():
    need_fuse()
    port, feeder, samples = ports.free_port(), Feeder(), []
    job(JOB % port)
    os.makedirs("in")
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.isdir("mnt/counts"), "the mount")
        feeder.feed()
        run.wait_until(lambda: os.path.exists("mnt/state/current") and output_times(), "the first batch")
        with followers() as processes, Repeated(feeder.feed, 0.05), Repeated(lambda: read_view(port), 0.05), Repeated(ask, 1), \
                Repeated(forget_quarantined, 2):
            begin = time.monotonic()
            for number in range(1, SAMPLES + 1):
                wait_until(lambda: time.monotonic() >= begin + number * SECONDS / SAMPLES, "the next sample", SECONDS, run.is_alive)
                samples.append(measured(run.process.pid))
            check(all(process.poll() is None for process in processes), "a reader of what never ends has ended")
        run.stop()
    print("%d s, %d files, %d of them damaged, newest batch %d" % (SECONDS, feeder.files, feeder.damaged, output_times()[-1]))
    check_flat(samples)


main(globals())
