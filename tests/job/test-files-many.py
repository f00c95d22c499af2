#!/usr/bin/env python3
"""textFileStream("logs/*") and recursive = true: several directories, those that appear later among them."""
import pathlib, sys
from harness import *
from limits import MEASURED


def declare(call, options=""):
    return job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "200ms" %s }
%s:map(function(line, meta) return meta.path .. " " .. line end):saveAsTextFiles("out/r", "txt", { latest = false })
""" % (options, call))


def read_lines():
    return sorted(line for path in pathlib.Path(".").glob("out/r-*/part-*") for line in path.read_text().splitlines())


def once(*options):
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", *options)


def test_every_directory_that_matches_is_read():
    for name in ("logs/a/1", "logs/b/1", "logs/.c/1", "logs/d", "other/1", "logs/a/deep/1"):
        os.makedirs(os.path.dirname(name), exist_ok=True)
        move_in(os.path.basename(name), name + "\n", os.path.dirname(name))
    declare('ssc:textFileStream("logs/*", { meta = true })')
    once()
    equal(read_lines(), ["logs/a/1 logs/a/1", "logs/b/1 logs/b/1"], "lines")
    move_in("2", "x\n", "logs/b")
    once()
    equal(read_lines(), ["logs/a/1 logs/a/1", "logs/b/1 logs/b/1", "logs/b/2 x"], "a restart reads what is new")


def test_patterns_within_a_path():
    for name in ("d/2024-01/in/1", "d/2024-02/in/1", "d/2025-01/in/1", "d/2024-03/out/1"):
        os.makedirs(os.path.dirname(name), exist_ok=True)
        move_in("1", "x\n", os.path.dirname(name))
    declare('ssc:textFileStream("d/2024-*/in", { meta = true })')
    once()
    equal(read_lines(), ["d/2024-01/in/1 x", "d/2024-02/in/1 x"], "lines")


def test_directories_below_are_read_where_it_is_recursive():
    for name in ("in/1", "in/a/1", "in/a/b/1", "in/_tmp/1", "in/a/.b/1"):
        os.makedirs(os.path.dirname(name), exist_ok=True)
        move_in("1", "x\n", os.path.dirname(name))
    pathlib.Path("in/a/_SUCCESS").write_text("")
    declare('ssc:textFileStream("in", { meta = true, recursive = true })')
    once()
    equal(read_lines(), ["in/1 x", "in/a/1 x", "in/a/b/1 x"], "lines")
    once()
    equal(len(read_lines()), 3, "nothing twice")


def test_directories_that_appear_later_are_watched():
    for call in ('ssc:textFileStream("in/*", { meta = true, pollInterval = "300ms" })',
                 'ssc:textFileStream("in", { meta = true, recursive = true, pollInterval = "300ms", newFilesOnly = true })'):
        for left in ("in", "out", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)
        os.makedirs("in/a")
        declare(call)
        run = subprocess.Popen([SLUICE, "run", "job.lua"], stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: pathlib.Path(".sluice/job/status.json").exists(), "the run")
            os.makedirs("in/b")
            pathlib.Path("in/b/1").write_text("made before it was watched\n")
            wait_until(lambda: "in/b/1 made before it was watched" in read_lines(), "the new directory")
            move_in("2", "later\n", "in/b")
            wait_until(lambda: "in/b/2 later" in read_lines(), "a file in it")
            shutil.rmtree("in/b")
            os.makedirs("in/b")
            move_in("3", "again\n", "in/b")
            wait_until(lambda: "in/b/3 again" in read_lines(), "the directory that was made again")
        finally:
            run.terminate()
            equal(run.wait(PATIENCE_S), 0, "exit status")
        equal(len(read_lines()), 3, "each line once: %s" % read_lines())


def test_limits_count_over_all_directories():
    for number in range(6):
        os.makedirs("in/%d" % (number % 3), exist_ok=True)
        move_in("f%d" % number, "x\n", "in/%d" % (number % 3))
    declare('ssc:textFileStream("in/*", { meta = true })', ", maxFilesPerBatch = 2")
    sluice_ok("run", "job.lua", "--available-now")
    equal(len(read_lines()), 6, "lines")
    equal(len(list(pathlib.Path("out").glob("r-*"))), 3, "batches of two files")


def known_files(count):
    """Most bytes of a start and end beside so many files, all taken by the batch before."""
    for left in ("in", "out", ".sluice"):
        shutil.rmtree(left, ignore_errors=True)
    os.mkdir("in")
    for number in range(count):
        if number % 30000 == 0:
            first = "in/known%07d" % number
            pathlib.Path(first).touch()
        else:
            os.link(first, "in/known%07d" % number)
    script = job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):count():saveAsTextFiles("out/r", "", { latest = false })
""")
    sluice_ok("run", script, "--once")
    done = sluice_ok("run", script, "--once", prefix=[sys.executable, "-c", MEASURED])
    equal(len(os.listdir("out")), 1, "batches: the second run takes nothing")
    return int(done.stdout)


def test_a_start_needs_little_memory_for_a_file_that_was_taken():
    """A sanitizer keeps bytes of its own beside each."""
    few, many = known_files(10), known_files(60000)
    each = (many - few) / 60000
    check(each < 110 or SANITIZED, "%d bytes for each known file" % each)


def test_what_is_refused():
    declare('ssc:textFileStream("in/*", { meta = true, after = "delete" })')
    done = sluice("check", "job.lua")
    check(done.returncode == 2 and "is for one directory" in done.stderr, done.stderr)
    declare('ssc:textFileStream("gone", { meta = true, recursive = true })')
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 2 and "does not exist" in done.stderr, done.stderr)


main(globals())
