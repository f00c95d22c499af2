#!/usr/bin/env python3
# presets: release
"""What a batch costs does not grow with the directories, the history and the dead letters that are kept: its system calls are
counted, which no load of the machine changes."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck", emptyBatches = true }
local s = ssc:queueStream({}, { default = { "a", "b" } })
s:saveAsTextFiles("out/o", "txt")
s:saveAsTextFiles("kept/o", "txt", { keep = 100000 })
s:map(function(x) if x == "b" then error("no") end return x end):saveAsTextFiles("few/o", "txt", { keep = 5 })
s:map(sluice.pair(1)):reduceByKeyAndWindow(sluice.sum, nil, "10s", "1s"):saveAsTextFiles("sums/o", "txt")
"""
# Not statx: every few seconds, whatever the batches, the metrics look at the checkpoint's files.
CALLS = "trace=open,openat,mkdirat,rename,renameat,renameat2,unlink,unlinkat,fsync,fdatasync,pread64,pwrite64,write,getdents64"
FEW, MANY = 20, 250 if not LONG else 20000


def run_batches(count, prefix=()):
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(count), "--workers", "1", prefix=prefix)


def calls(batches):
    run_batches(batches, ("strace", "-f", "-c", "-e", CALLS, "-o", "calls"))
    total = [line.split() for line in pathlib.Path("calls").read_text().splitlines() if line.endswith(" total")]
    return int(total[0][3])


def calls_of_a_batch():
    """Twenty batches more in one run than in another: what a start costs is in both."""
    return (calls(21) - calls(1)) / 20


def test_a_batch_costs_the_same_whatever_is_kept():
    # Syncs of a disk that others use would take the time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
    before = os.getcwd()
    with tempfile.TemporaryDirectory(dir=memory, prefix="sluice-kept-") as here:
        os.chdir(here)
        try:
            costs_the_same()
        finally:
            os.chdir(before)


def costs_the_same():
    if not shutil.which("strace"):
        skip("strace is not available")
    job(JOB)
    if subprocess.run(["strace", "-o", "calls", "true"], stderr=subprocess.DEVNULL).returncode:
        skip("tracing is not permitted")
    run_batches(FEW)
    few = calls_of_a_batch()
    run_batches(MANY)
    many = calls_of_a_batch()
    equal(len(os.listdir("few")), 6, "directories of an output that keeps five, and its link")
    check(len(os.listdir("out")) > MANY and len(os.listdir("ck/deadletter")) > MANY, "much is kept")
    check(20 < few < 2000, "calls of a batch: %.1f" % few)
    check(many < few * 1.5, "calls of a batch: %.1f with %d directories, %.1f with %d" % (few, FEW, many, MANY))


main(globals())
