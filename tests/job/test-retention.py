#!/usr/bin/env python3
"""What goes by itself: output directories with `keep`, and no others; what the catalog knows of batches with
keepHistory, and nothing that is needed. And the catalog as others read it meanwhile."""
import os, pathlib, sqlite3
from harness import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck", maxFilesPerBatch = 1%s }
local counts = ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKey(sluice.sum)
counts:saveAsTextFiles("out/some", nil, { keep = %s })
counts:saveAsTextFiles("out/all")
"""


def begin(keep, options=""):
    os.makedirs("in", exist_ok=True)
    job(JOB % (options, keep))


def run_batches(first, count):
    for number in range(first, first + count):
        move_in("f%03d" % number, "w%d\n" % number)
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(count))


def names(prefix):
    return sorted(int(path.name.split("-")[1]) for path in pathlib.Path("out").glob(prefix + "-*"))


def times(first, last):
    return list(range(1000 * first, 1000 * last + 1, 1000))


def ask(question):
    with sqlite3.connect("file:ck/catalog.db?mode=ro", uri=True) as database:
        return database.execute(question).fetchall()


# ---- keep ----

def test_a_number_of_directories_is_kept_over_restarts():
    begin(3)
    run_batches(1, 5)
    equal(names("some"), times(3, 5), "after five batches")
    run_batches(6, 2)
    equal((names("some"), names("all")), (times(5, 7), times(1, 7)), "after a restart")
    equal([name for name in os.listdir("out") if name.startswith(".")], [], "what is left over")


def test_a_duration_of_directories_is_kept():
    begin('"4s"')
    run_batches(1, 9)
    equal(names("some"), times(6, 9), "after nine batches")


def test_what_was_changed_and_what_is_not_ours_is_kept():
    begin(2)
    run_batches(1, 2)
    with open("out/some-1000/part-00000", "a") as part:
        part.write("a note\n")
    pathlib.Path("out/some-2000/more").write_text("mine\n")
    os.makedirs("out/some-500")
    pathlib.Path("out/some-500/_SUCCESS").write_text("")
    os.symlink("some-500", "out/some-600")
    said = run_batches(3, 4).stderr
    equal(names("some"), [500, 600, 1000, 2000, 5000, 6000], "after six batches")
    equal(re.findall(r"out/(\S+) is older .* left alone", said), ["some-1000", "some-2000"], "what is said, once each")
    equal(run_batches(7, 1).stderr, "", "what the next run says")
    equal(read("out/some-1000/part-00000"), b"w1\t1\na note\n", "what was changed")


def test_a_smaller_number_removes_more():
    begin(5)
    run_batches(1, 5)
    begin(1)
    run_batches(6, 1)
    equal(names("some"), [6000], "after the change")


# ---- keepHistory ----

def test_old_history_goes_and_nothing_that_is_needed():
    begin(4, ', keepHistory = "2s"')
    run_batches(1, 12)
    batches = [time for time, in ask("SELECT batch FROM batches ORDER BY batch")]
    check(batches[-1] == 12000 and len(batches) <= 4, "the batches that are known: %s" % batches)
    equal({time for time, in ask("SELECT batch FROM files")}, set(batches), "the files that are known")
    equal(names("some"), times(9, 12), "directories kept for longer than the history")
    done = sluice_ok("run", "job.lua", "--clock", "virtual", "--once")
    equal((names("some"), done.stderr), (times(9, 12), ""), "no file is read again, though its batch is forgotten")


# ---- readers ----

def test_a_reader_that_keeps_a_transaction_open_delays_nothing():
    begin(4)
    run_batches(1, 2)
    reader = sqlite3.connect("file:ck/catalog.db?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    equal(reader.execute("SELECT count(*) FROM batches").fetchone(), (2,), "what the reader sees")
    run_batches(3, 120)
    equal(reader.execute("SELECT count(*) FROM batches").fetchone(), (2,), "what it sees 120 batches later")
    reader.close()
    equal(ask("SELECT count(*) FROM batches WHERE status = 'committed'"), [(122,)], "what was committed")
    slowest, = ask("SELECT max(finished_ms - started_ms) FROM batches")[0]
    check(slowest < 8000, "the slowest batch took %d ms; a wait for a lock takes ten seconds" % slowest)


def test_the_views_are_those_that_are_promised():
    begin(4)
    run_batches(1, 2)
    columns = {"batches": ["batch", "number", "status", "files", "rejected", "started_ms", "finished_ms"],
               "files": ["batch", "source", "path", "bytes", "mtime_ms", "inode", "quarantined"],
               "outputs": ["batch", "path", "records", "file", "bytes", "xxh3"],
               "errors": ["batch", "kind", "path", "count", "message"]}
    for view, wanted in columns.items():
        with sqlite3.connect("file:ck/catalog.db?mode=ro", uri=True) as database:
            equal([column[0] for column in database.execute("SELECT * FROM " + view).description], wanted, view)
    equal(ask("SELECT batch, path, bytes FROM files ORDER BY batch"), [(1000, "in/f001", 3), (2000, "in/f002", 3)], "files")
    equal(ask("SELECT batch, path, records, file FROM outputs WHERE path LIKE 'out/all%' ORDER BY batch"),
          [(1000, "out/all-1000", 1, "part-00000"), (2000, "out/all-2000", 1, "part-00000")], "outputs")


main(globals())
