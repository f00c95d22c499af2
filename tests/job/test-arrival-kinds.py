#!/usr/bin/env python3
# presets: release asan tsan
"""Directories, packed files, strange names and crowds that come into a watched directory. A claim per row of the manual."""
import gzip, os, pathlib, random, signal, sys
from arrivals import *

CROWD = 300000 if LONG else 3000 if SANITIZED else 20000


# ---- directories ----

def directory_beside(name, **parts):
    os.makedirs("making/" + name, exist_ok=True)
    for part, text in parts.items():
        pathlib.Path("making", name, part).write_text(text)
    return "making/" + name


@row("is a directory with `_SUCCESS`")
def test_another_job_s_output_directory():
    with Watching(context="maxFilesPerBatch = 1") as run:
        for number in (1, 2):
            os.rename(directory_beside("counts-%d" % number, **{"part-1": "b%d\n" % number, "part-0": "a%d\n" % number,
                                                                "_SUCCESS": "", ".part-0.crc": "never\n"}),
                      "in/counts-%d" % number)
        run.wait_for("b1", "b2")
        run.wait_why("counts-1/part-0", "taken in batch")
        equal(rows(), ["a1", "b1", "a2", "b2"], "the rows: files in name order, directories one after the other")
        equal(len(output_times("out/rows")), 2, "batches: a directory is not cut, and one goes into each")
        explains("counts-1/.part-0.crc", "ignored by rule")
        pathlib.Path("in/counts-1/part-2").write_text("never\n")
        run.pass_by()
        run.stop_with("a1", "b1", "a2", "b2", "later")
    done = once()
    check(any("in/counts-1: changed after it was taken" in message for message in said(done.stderr)),
          "the next run says what was added: %s" % said(done.stderr))
    equal(len(rows()), 5, "rows after another run")


@row("is a directory without `_SUCCESS`")
def test_a_directory_that_is_finished_later():
    with Watching('pollInterval = "50ms"') as run:
        os.rename(directory_beside("d", part="d\n"), "in/d")
        run.pass_by()
        explains("d", "_SUCCESS")
        explains("d/part", "_SUCCESS")
        pathlib.Path("in/d/_SUCCESS").touch()
        run.wait_for("d")
        run.wait_why("d/part", "taken in batch")
        run.stop_with("later", "d")


@row("is a directory with `_SUCCESS`")
def test_a_directory_that_was_there_before_new_files_and_is_finished_later():
    """It arrives with its _SUCCESS; one that was complete is old, also when a file is added to it."""
    os.makedirs("in")
    os.rename(directory_beside("old", part="old\n", _SUCCESS=""), "in/old")
    os.rename(directory_beside("begun", part="made\n"), "in/begun")
    with Watching('newFilesOnly = true, pollInterval = "50ms"') as run:
        run.feed("a")
        explains("begun", "without _SUCCESS: it is read as soon as it has one")
        pathlib.Path("in/old/added").write_text("added\n")
        pathlib.Path("in/begun/_SUCCESS").touch()
        run.wait_for("made")
        explains("old", "was there before the first run")
        run.stop_with("a", "made")
    once()
    equal(sorted(rows()), ["a", "made"], "rows after another start")


def test_what_is_called_SUCCESS_may_be_anything():
    lines_job()
    for name, make in (("a", lambda path: os.symlink("nowhere", path)), ("b", os.mkdir), ("c", os.mkfifo)):
        os.rename(directory_beside(name, part=name + "\n"), "in/" + name)
        make("in/%s/_SUCCESS" % name)
        explains(name, "queued")
    once()
    equal(rows(), ["a", "b", "c"], "the rows")


@row("is a directory with `_SUCCESS`")
def test_one_job_reads_another_s_outputs():
    os.makedirs("first")
    os.makedirs("out/lines")
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", mount = { dir = "mnt", kind = "dir" } }
ssc:textFileStream("first"):saveAsTextFiles("out/lines/of", "txt", { latest = false })
""", "first.lua")
    with Running("first.lua") as first, Watching(directory="out/lines") as run:
        for number in range(5):
            move_in("f%d" % number, "%d\n" % number, "first")
            run.wait_for(str(number))
        first.stop()
        run.stop_with(*"01234")


# ---- packed ----

def zstd(content):
    return subprocess.run(["zstd", "-qc"], input=content, stdout=subprocess.PIPE, check=True).stdout


@row("is compressed (`.gz`, `.zst`)")
def test_packed_in_pieces_with_something_behind():
    lines_job()
    move_in("a.gz", gzip.compress(b"one\ntw") + gzip.compress(b"o\n"))
    move_in("b.gz", gzip.compress(b"three\n") + b"garbage")
    if shutil.which("zstd"):
        move_in("c.zst", zstd(b"fo") + zstd(b"ur\n"))
    else:
        move_in("c", "four\n")
    done = once()
    equal(rows(), ["one", "two", "three", "four"], "the rows")
    check(any(message.startswith("in/b.gz: what follows the last compressed member") for message in said(done.stderr)),
          "a warning: %s" % said(done.stderr))
    explains("b.gz", "taken in batch")


@row("is damaged, truncated or misnamed, or unpacks to more than a GiB and 1000 times its size")
def test_damaged():
    noise = random.Random(1).randbytes(100000)
    lines_job()
    move_in("a", "a\n")
    move_in("cut.gz", gzip.compress(b"never\n" * 50000 + noise)[:-1000])
    move_in("text.gz", "never\n")
    move_in("text.zst", "never\n")
    move_in("flipped.gz", gzip.compress(b"never\n")[:-5] + b"12345")
    once()
    equal(rows(), ["a"], "the rows")
    explains("cut.gz", "quarantined in batch", "truncated")
    for name in ("text.gz", "text.zst", "flipped.gz"):
        explains(name, "quarantined in batch")
    equal(json.loads(sluice_ok("status", "--json").stdout)["quarantined"], 4, "files quarantined")
    pathlib.Path("in/text.gz").write_bytes(gzip.compress(b"mended\n"))
    move_in("cut.gz", gzip.compress(b"replaced\n"))
    explains("cut.gz", "queued")
    explains("text.gz", "quarantined")
    sluice_ok("replay", "job.lua")
    once()
    equal(sorted(rows()), ["a", "mended", "replaced"], "the rows after mending")
    for name in ("cut.gz", "text.gz"):
        explains(name, "taken in batch")
    for name in ("text.zst", "flipped.gz"):
        explains(name, "quarantined in batch")


@row("is sparse: more than a GiB, of which less than one byte in 1000 is stored")
def test_sparse():
    lines_job()
    move_in("a", "a\n")
    for name, stored in (("holes", 4096), ("few_holes", 2 << 20)):
        with open(name, "wb") as file:
            file.write(b"x" * (stored - 1) + b"\n")
            file.truncate((1 << 30) + 4096)
        os.rename(name, "in/" + name)
    once()
    equal([row for row in rows() if len(row) < 100], ["a"], "the rows that are short")
    explains("holes", "quarantined in batch", "a sparse file")
    explains("few_holes", "taken in batch")


# ---- names and crowds ----

@row("has a name of any bytes, up to 255")
def test_any_name():
    names = [b"a b", b"new\nline", b"tab\t", b"\xff\xfe", b"'\"\\$`;", b"-rf", b"\x1b[31m", "ünïcødé".encode(),
             b"x" * 255, b"*?[", b"%41", b"\x01"]
    with Watching() as run:
        os.makedirs("making")
        for number, name in enumerate(names):
            pathlib.Path(os.fsdecode(b"making/" + name)).write_bytes(b"%d\n" % number)
            os.rename(b"making/" + name, b"in/" + name)
        run.wait_for(*map(str, range(len(names))))
        run.pass_by()
        for name in names:
            done = sluice("why", "job.lua", b"in/" + name)
            check(": taken in batch" in done.stdout and done.stdout.count("\n") == 1 and "\x1b" not in done.stdout,
                  "why %r: %r" % (name, done.stdout))
        run.stop_with("later", *map(str, range(len(names))))
    once()
    equal(len(rows()), len(names) + 1, "rows after another run")


def make_crowd(count):
    os.makedirs("making", exist_ok=True)
    for number in range(count):
        with open("making/%d" % number, "w") as file:
            file.write("%d\n" % number)


def equal_crowd(count):
    equal(sorted(map(int, rows())), list(range(count)), "each file once")


@row("is one of hundreds of thousands that come at once")
def test_a_crowd():
    make_crowd(CROWD)
    with Watching() as run:
        for number in range(CROWD):
            os.rename("making/%d" % number, "in/%d" % number)
        run.wait_until(lambda: len(rows()) >= CROWD, "all rows", seconds=10 * PATIENCE_S)
        run.stop()
    equal_crowd(CROWD)


def queued_events_max():
    return int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())


@row("came when the kernel's queue was full")
def test_the_kernel_s_queue_overflows():
    """A stopped process does not drain it."""
    count, events_max = 1000, queued_events_max()
    if events_max > 200000:
        skip("fs.inotify.max_queued_events is %d" % events_max)
    make_crowd(count)
    with Watching() as run:
        run.pass_by("first")
        scans = json.loads(read(".sluice/job/status.json"))["sources"][0]["scans"]
        run.process.send_signal(signal.SIGSTOP)
        pathlib.Path("making/_x").touch()
        for _ in range(events_max // 2 + 1):
            os.rename("making/_x", "in/_x")
            os.rename("in/_x", "making/_x")
        for number in range(count):
            os.rename("making/%d" % number, "in/%d" % number)
        os.remove("in/7")
        move_in("8", "other\n")
        run.process.send_signal(signal.SIGCONT)
        run.wait_until(lambda: len(rows()) >= count, "all rows")
        run.pass_by()
        run.stop_with("first", "later", "other", *(str(number) for number in range(count) if number not in (7, 8)))
    check(json.loads(read(".sluice/job/status.json"))["sources"][0]["scans"] > scans, "there was another scan")


main(globals())
