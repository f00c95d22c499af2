#!/usr/bin/env python3
# presets: release
"""Errors are what they are: a question that cannot be asked makes a file wait, a disk that does not answer is not damage,
a catalog that is being made is not another program's, batch times that jump are no reason to stop."""
import resource, sqlite3
from harness import *

EIO = BUILD / "tests/failing_reads.so"
JOB = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "%s", checkpoint = "ck", workers = 1 }
ssc:textFileStream("in")%s:saveAsTextFiles("out/a")
"""
WINDOW = ':map(sluice.pair(1)):reduceByKeyAndWindow(sluice.sum, nil, "%s", "%s")'
BATCH = ("run", "job.lua", "--clock", "virtual", "--batches", "1")


def limited(kind, limit, *args, **env):
    return subprocess.run([SLUICE, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
                          preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)), env=dict(os.environ, **env))


def rows():
    return b"".join(content for _, content in sorted(outputs("out/a", "").items()))


def test_a_file_that_is_being_written_waits_when_descriptors_run_out():
    """With each limit of open files, the run that cannot ask leaves the file to the one that can."""
    for limit in range(12, 30, 1 if LONG else 3):
        os.mkdir(str(limit))
        os.chdir(str(limit))
        job(JOB % ("1s", ""))
        os.mkdir("in")
        with open("in/f", "wb", buffering=0) as writer:
            writer.write(b"one\n")
            first = limited(resource.RLIMIT_NOFILE, limit, *BATCH)
            writer.write(b"two\n")
        sluice_ok(*BATCH)
        equal(rows(), b"one\ntwo\n", "with %d descriptors, then more: %d %s" % (limit, first.returncode, first.stderr))
        os.chdir("..")


def test_a_disk_that_does_not_answer_is_not_damage():
    job(JOB % ("1s", ""))
    move_in("f1", "one\n")
    sluice_ok(*BATCH)
    move_in("f2", "two\n")
    failed = 0
    for number in range(1, 20):
        done = subprocess.run([SLUICE, *BATCH], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
                              env=dict(os.environ, LD_PRELOAD=str(EIO), SLUICE_FAIL_READ=str(number),
                                       SLUICE_FAIL_FILE="catalog.db"))
        if done.returncode == 0:
            break
        failed += 1
        equal(done.returncode, 1, "exit status with EIO at read %d: %s" % (number, done.stderr))
        check("Input/output error" in done.stderr and "damaged" not in done.stderr and "reset" not in done.stderr, done.stderr)
    check(failed > 0, "no read of the catalog failed")
    sluice_ok(*BATCH)
    equal(rows(), b"one\ntwo\n", "afterwards")


def test_a_catalog_that_is_being_made_is_no_checkpoint_yet():
    job(JOB % ("1s", ""))
    os.makedirs("in")
    os.mkdir("ck", 0o700)
    for make in (lambda: open("ck/catalog.db", "wb").close(),
                 lambda: sqlite3.connect("ck/catalog.db").executescript("PRAGMA journal_mode = WAL; VACUUM")):
        make()
        done = sluice("status", "job.lua")
        equal(done.returncode, 2, done.stderr)
        check("still empty" in done.stderr, done.stderr)
    os.unlink("ck/catalog.db")
    sqlite3.connect("ck/catalog.db").execute("CREATE TABLE theirs (x)")
    done = sluice("status", "job.lua")
    equal(done.returncode, 4, done.stderr)
    check("another program" in done.stderr, done.stderr)


def test_windows_are_loaded_after_batch_times_jumped():
    job(JOB % ("1s", WINDOW % ("5s", "1s")))
    move_in("f1", "a\n")
    sluice_ok(*BATCH)
    for name in ("f2", "f3", "f4"):
        move_in(name, name + "\n")
        done = limited(resource.RLIMIT_AS, 8 << 30, "run", "job.lua", "--once", MALLOC_ARENA_MAX="1")
        equal(done.returncode, 0, done.stderr)
    check(rows().count(b"f4\t1\n") == 1, rows())


def test_a_window_counts_what_a_shorter_and_a_longer_interval_brought():
    """Batches of 1 s, then of 3 s, then of 1 s again: every record is in the window as long as the window is, and no longer."""
    for reducer, stays in (("sluice.sum, nil", False), ("function(a, b) return a + b end, nil", False),
                           ("function(a, b) return a + b end, function(a, b) return a - b end", True)):
        window = ':map(sluice.pair(1)):reduceByKeyAndWindow(%s, "30s", "%%ds")' % reducer
        for name in ("in", "out", "ck"):
            shutil.rmtree(name, ignore_errors=True)
        seconds = 0
        for interval, batches in ((1, 4), (3, 1), (1, 3), (2, 2)):
            job(JOB % ("%ds" % interval, window % interval))
            for _ in range(batches):
                seconds += 1
                move_in("f%d" % seconds, "a\n")
                sluice_ok(*BATCH)
        equal(rows().splitlines()[-1], b"a\t%d" % seconds, "the last window: " + reducer)
        job(JOB % ("5s", window % 5))
        move_in("f", "a\n")
        move_in("g", "b\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "9")  # one process: its first batch joins older ones
        shown = outputs("out/a", "")
        equal(shown[15000], b"a\t%d\nb\t1\n" % (seconds + 1), "the window after the longest interval: " + reducer)
        equal(b"a\t0\n" in b"".join(shown.values()), stays, "whether it is shown when all of it has left: " + reducer)


main(globals())
