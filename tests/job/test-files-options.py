#!/usr/bin/env python3
"""The file options of textFileStream and fileStream: which files are taken, what records tell of them, and what
becomes of them after their batch."""
import glob, gzip, json, os, pathlib, shutil, sqlite3
from harness import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:%(call)s%(chain)s:saveAsTextFiles("out/rows", "txt")
"""
SPLIT = 8 << 20


def lines_job(options, chain="", call="textFileStream"):
    os.makedirs("in", exist_ok=True)
    job(JOB % {"call": '%s("in", { %s })' % (call, options), "chain": chain})


def batches(count=1, *more, **options):
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(count), *more, **options)


def rows():
    """The lines of all outputs together."""
    return [line for content in outputs("out/rows").values() for line in content.decode().splitlines()]


def names(directory="in"):
    return sorted(os.listdir(directory))


# ---- filter ----

def test_filter_by_glob():
    lines_job('filter = "*.log"')
    move_in("a.log", "yes\n")
    move_in("b.txt", "no\n")
    batches()
    equal(rows(), ["yes"], "the rows")


def test_filter_by_function():
    lines_job('filter = function(name) return name:match("^%d+$") ~= nil end')
    for name in ("12", "x12", "7"):
        move_in(name, name + "\n")
    batches()
    equal(rows(), ["12", "7"], "the rows")


def test_filter_by_built_in():
    lines_job('filter = sluice.matches("^a")')
    move_in("a", "a\n")
    move_in("b", "b\n")
    batches()
    equal(rows(), ["a"], "the rows")


def test_filter_that_fails_stops_the_run_by_name():
    for body, message in (('error("no luck")', "no luck"), ("return 1", "it must return true or false")):
        lines_job("filter = function(name) %s end" % body)
        move_in("a", "a\n")
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
        equal(done.returncode, 1, "exit status")
        for part in ("job.lua:3", "filter", "name a", message):
            check(part in done.stderr, "%r is not in\n%s" % (part, done.stderr))
        check(not output_times("out/rows"), "an output was made")


# ---- meta ----

META = ":map(function(line, meta) return line, meta.path, meta.line, meta.mtime end)"


def test_meta_tells_path_line_and_time():
    lines_job("meta = true", META)
    move_in("a", "one\ntwo\n")
    os.utime("in/a", ns=(10**18, 1234567890123456789))
    batches()
    equal(rows(), ["one\tin/a\t1\t1234567890123", "two\tin/a\t2\t1234567890123"], "the rows")


def test_meta_counts_lines_over_splits():
    lines_job("meta = true", ":filter(function(line, meta) return tonumber(line) ~= meta.line end)")
    content = "".join("%019d\n" % (number + 1) for number in range((2 * SPLIT + 12345) // 20))
    move_in("a", content)
    move_in("b", content[:-20] + "%019d" % (len(content) // 20 + 7))
    for workers in ("1", "4"):
        shutil.rmtree(".sluice", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        batches(1, "--workers", workers)
        equal(rows(), ['%019d\t{"line":%d,"mtime":%d,"path":"in/b"}' % (
            len(content) // 20 + 7, len(content) // 20, os.stat("in/b").st_mtime_ns // 10**6)], "lines off their number")


def test_meta_of_other_formats_stands_behind_their_fields():
    lines_job('format = "csv", header = true, meta = true', ":map(function(a, b, meta) return b, a, meta.line end)",
              "fileStream")
    move_in("a.csv", 'x,y\n1,"two\nlines"\n3,4\n')
    batches()
    equal(rows(), ["two\\nlines\t1\t2", "4\t3\t4"], "the rows")


# ---- which are taken when ----

def test_newFilesOnly_leaves_what_is_there_already():
    lines_job("newFilesOnly = true")
    move_in("old", "old\n")
    with Running("job.lua", "--interval", "100ms") as run:
        def again():
            move_in("new%d" % len(os.listdir("in")), "new\n")  # replacing one might be in the way of its batch
            return rows()
        run.wait_until(again, "the rows of a new file")
        run.stop()
    check("old" not in rows() and "new" in rows(), "the rows are %s" % rows())


def test_newFilesOnly_is_decided_once_at_the_first_start():
    lines_job("newFilesOnly = true")
    move_in("old", "old\n")
    os.makedirs("making/d")
    for name in ("part", "_SUCCESS"):
        pathlib.Path("making/d", name).write_text("old part\n")
    os.rename("making/d", "in/d")
    batches(1)
    move_in("down", "down\n")
    batches(1)
    equal(rows(), ["down"], "rows of what came while nothing ran")
    move_in("old", "replaced\n")
    batches(1)
    equal(rows(), ["down", "replaced"], "rows with a new file of an old name")
    lines_job("newFilesOnly = false")
    batches(1)
    equal(rows(), ["down", "replaced"], "rows without the option: what was there stays decided")


def test_newFilesOnly_is_not_decided_by_a_start_that_is_refused():
    """Whatever refuses it last: a port in use, or what a source that the job has no more has received."""
    import socket

    def start(options="", source="", more=()):
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck"%s }\n%s'
            'ssc:textFileStream("in", { newFilesOnly = true }):saveAsTextFiles("out/rows", "txt", { format = "lines" })\n' % (options, source))
        return sluice("run", "job.lua", "--clock", "virtual", "--batches", "1", *more)

    os.makedirs("in", exist_ok=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        check(start(', metrics = "127.0.0.1:%d"' % taken.getsockname()[1]).returncode != 0, "the first start is refused")
    move_in("a", "a\n")
    equal(start().returncode, 0, "the first start")
    move_in("b", "b\n")
    equal(start().returncode, 0, "the second start")
    equal(rows(), ["b"], "what came after the first start that was one")
    shutil.rmtree("ck")
    move_in("in.log", "1\n", "logs")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }\nssc:tailStream("logs/in.log"):print()\n')
    equal(sluice("run", "job.lua", "--clock", "virtual", "--batches", "1").returncode, 0, "a job without the source")
    again = 'ssc:tailStream("logs/*.log"):print()\n'
    check("reading would begin anew" in start(source=again).stderr, "the start is refused")
    move_in("c", "c\n")
    equal(start(source=again, more=("--accept-changes",)).returncode, 0, "the first start")
    move_in("d", "d\n")
    equal(start(source=again).returncode, 0, "the second start")
    equal(rows(), ["b", "d"], "what came after the first start that was one")


def test_newFilesOnly_that_is_added_later_forgets_nothing():
    lines_job("")
    move_in("a", "a\n")
    batches(1)
    move_in("down", "down\n")
    lines_job("newFilesOnly = true")
    batches(1)
    equal(rows(), ["a", "down"], "rows")


def test_newFilesOnly_of_many_directories_is_decided_once():
    lines_job("newFilesOnly = true, recursive = true")
    move_in("old", "old\n", "in/x")
    batches(1)
    move_in("down", "down\n", "in/x")
    move_in("new", "new\n", "in/y")
    batches(1)
    equal(sorted(rows()), ["down", "new"], "rows of what came while nothing ran")


def test_complete_waits_for_the_marker():
    lines_job('complete = "%.done"')
    move_in("a", "a\n")
    move_in("b", "b\n")
    move_in("b.done", "")
    batches()
    equal(rows(), ["b"], "the rows with one marker")
    move_in("a.done", "")
    batches(1)
    equal(rows(), ["b", "a"], "the rows with both")


def test_a_marker_is_a_regular_file():
    lines_job('complete = "%.done"')
    kinds = {"directory": os.mkdir, "link": lambda path: os.symlink("link", path), "fifo": os.mkfifo}
    for name, make in kinds.items():
        move_in(name, name + "\n")
        make("in/%s.done" % name)
    batches()
    equal(rows(), [], "the rows")
    for name in kinds:
        said = sluice_ok("why", "job.lua", "in/" + name).stdout
        check("marker %s.done: what is there is no regular file" % name in said, said)


def test_markers_without_a_place_for_the_name_are_refused_at_load():
    for marker in ("done", "%", "%%", "%/done", "%.a%"):
        lines_job('complete = "%s"' % marker)
        for command in ("check", "run"):
            done = sluice(command, "job.lua")
            equal(done.returncode, 2, command + " with " + marker)
            check('job.lua:3: textFileStream: complete = "%s": must be a name with one %%' % marker in done.stderr, done.stderr)


def test_minAge_counts_on_the_clock_of_the_run():
    lines_job('minAge = "3s"')
    move_in("a", "a\n")
    batches(5)
    equal([t for t in output_times("out/rows")], [3000], "the batch that took it")


def test_minAge_counts_moving_in_as_a_change():
    lines_job('minAge = "1h"')
    move_in("old", "old\n")
    os.utime("in/old", (1, 1))
    sluice_ok("run", "job.lua", "--once")
    equal(rows(), [], "the rows")


def test_bytes_per_batch():
    lines_job("")
    job(pathlib.Path("job.lua").read_text().replace('"1s"', '"1s", maxBytesPerBatch = 10'))
    for name, size in (("a", 4), ("b", 6), ("c", 1), ("d", 50), ("e", 10), ("f", 1)):
        move_in(name, name * (size - 1) + "\n")
    batches(6)
    equal(["".join(line[:1] for line in content.decode().splitlines()) for content in outputs("out/rows").values()],
          ["ab", "", "d", "e", ""], "the batches: none is over the limit, but one file alone may be")


def test_limits_do_not_bind_once():
    lines_job("")
    job(pathlib.Path("job.lua").read_text().replace('"1s"', '"1s", maxFilesPerBatch = 1, maxBytesPerBatch = 1'))
    for name in "abc":
        move_in(name, name + "\n")
    sluice_ok("run", "job.lua", "--once")
    equal(list(outputs("out/rows").values()), [b"a\nb\nc\n"], "the batches of --once")
    for name in "def":
        move_in(name, name + "\n")
    sluice_ok("run", "job.lua", "--available-now")
    equal(list(outputs("out/rows").values())[1:], [b"d\n", b"e\n", b"f\n"], "the batches of --available-now")


def test_what_is_remembered_is_never_more_than_what_is_there():
    lines_job("")
    for number in range(50):
        move_in("f%d" % number, "x\n")
    directory_arrival()
    batches(1)
    for number in range(40):
        os.remove("in/f%d" % number)
    os.remove("in/counts-1.txt/part-00000")
    move_in("new", "x\n")
    batches(1)
    with sqlite3.connect("file:.sluice/job/catalog.db?mode=ro", uri=True) as catalog:
        taken = sorted(path for path, in catalog.execute("SELECT path FROM taken"))
    equal(taken, sorted(["in/f%d" % number for number in range(40, 50)] + ["in/counts-1.txt/part-00001", "in/new"]),
          "what is remembered")


def test_limits_per_batch():
    lines_job("")
    job(pathlib.Path("job.lua").read_text().replace('"1s"', '"1s", maxFilesPerBatch = 2'))
    for name in "abcde":
        move_in(name, name + "\n")
    batches(3)
    equal([content for content in outputs("out/rows").values()], [b"a\nb\n", b"c\nd\n", b"e\n"], "the batches")


def test_limits_per_batch_are_those_of_each_source():
    """Two streams that are joined go on file by file."""
    for number in range(3):
        move_in("a%d" % number, "a%d\n" % number)
        move_in("b%d" % number, "b%d\n" % number, "second")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck", maxFilesPerBatch = 1 }\n'
        'ssc:textFileStream("in"):union(ssc:textFileStream("second")):saveAsTextFiles("out/rows", "txt")\n')
    batches(4)
    equal(list(outputs("out/rows").values()), [b"a%d\nb%d\n" % (n, n) for n in range(3)], "the batches")


# ---- after ----

def test_after_keep_keeps():
    lines_job('after = "keep"')
    move_in("a", "a\n")
    batches()
    equal((rows(), names()), (["a"], ["a"]), "rows and names")


def test_after_delete_deletes_what_was_read():
    lines_job('after = "delete"')
    for name in ("a", "b"):
        move_in(name, name + "\n")
    batches(2)
    equal((rows(), names()), (["a", "b"], []), "rows and names")


def test_after_archives_under_names_that_are_free():
    lines_job('after = "done/here"')
    move_in("a", "one\n")
    batches()
    move_in("a", "two\n")
    batches()
    equal((rows(), names(), names("done/here")), (["one", "two"], [], ["a", "a.2000"]), "rows and names")
    equal([read("done/here/a"), read("done/here/a.2000")], [b"one\n", b"two\n"], "the archived files")


def test_after_archives_names_that_are_too_long_for_an_ending():
    """The name is cut, but not within a character."""
    lines_job('after = "done"')
    name = "n" + "é" * 127
    for n in range(3):
        move_in(name, "%d\n" % n)
        batches()
    equal((rows(), names()), (["0", "1", "2"], []), "rows and names")
    equal(names("done"), sorted([name] + ["n" + "é" * 124 + ".%d" % t for t in (2000, 3000)]), "the archive")


def test_after_archives_on_another_file_system():
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(".").st_dev:
        skip("there is no other file system at /dev/shm")
    archive = tempfile.mkdtemp(dir="/dev/shm", prefix="sluice-archive-")
    try:
        lines_job('after = "%s"' % archive)
        move_in("a", "one\n")
        batches()
        equal((rows(), names(), names(archive)), (["one"], [], ["a"]), "rows and names")
        equal(read(os.path.join(archive, "a")), b"one\n", "the archived file")
    finally:
        shutil.rmtree(archive)


def test_an_archive_inside_a_watched_directory_is_refused():
    for archive in ("in", "in/done", "./in/../in/x"):
        lines_job('after = "%s"' % archive)
        done = sluice("run", "job.lua", "--once")
        equal(done.returncode, 2, "exit status")
        check("job.lua:3" in done.stderr and "the archive " + archive in done.stderr, "stderr is\n" + done.stderr)


def test_after_knows_directories_however_they_are_written():
    for directory in ("in/", "./in//"):
        lines_job("")
        job(pathlib.Path("job.lua").read_text().replace('"in", { ', '"%s", { after = "delete"' % directory))
        directory_arrival()
        move_in("a", "a\n")
        batches(1)
        equal(names(), [], "names")


def test_after_never_touches_a_newer_file_of_the_name():
    # The new file comes while the batch runs: through a command that is part of it.
    job(JOB % {"call": 'textFileStream("in", { after = "delete" })',
               "chain": ':pipe({ "sh", "-c", "cat; test -e new && mv new in/a || true" })'})
    move_in("a", "one\n")
    pathlib.Path("new").write_text("two\n")
    batches(1)
    equal((rows(), names(), read("in/a")), (["one"], ["a"], b"two\n"), "rows and names")
    batches(1)
    equal((rows(), names()), (["one", "two"], []), "rows and names after another batch")


def test_after_leaves_a_file_that_changed_since():
    job(JOB % {"call": 'textFileStream("in", { after = "delete" })',
               "chain": ':pipe({ "sh", "-c", "cat; echo more >>in/a" })'})
    move_in("a", "one\n")
    done = batches(1)
    equal((rows(), names(), read("in/a")), (["one"], ["a"], b"one\nmore\n"), "rows and names")
    check("in/a is left where it is: it changed after it was taken" in done.stderr, "stderr is\n" + done.stderr)


def directory_arrival():
    os.makedirs("making/counts-1.txt", exist_ok=True)
    for part in ("part-00000", "part-00001", "_SUCCESS"):
        pathlib.Path("making/counts-1.txt", part).write_text("" if part == "_SUCCESS" else part + "\n")
    os.makedirs("in", exist_ok=True)
    os.rename("making/counts-1.txt", "in/counts-1.txt")


def test_after_deletes_a_directory_that_was_one_arrival():
    lines_job('after = "delete"')
    directory_arrival()
    batches(1)
    equal((rows(), names()), (["part-00000", "part-00001"], []), "rows and names")


def test_after_archives_a_directory_as_a_whole():
    lines_job('after = "done"')
    directory_arrival()
    batches(1)
    equal((rows(), names(), names("done/counts-1.txt")),
          (["part-00000", "part-00001"], [], ["_SUCCESS", "part-00000", "part-00001"]), "rows and names")


def test_after_leaves_a_directory_with_something_that_was_not_read():
    job(JOB % {"call": 'textFileStream("in", { after = "delete" })',
               "chain": ':pipe({ "sh", "-c", "cat; echo late >in/counts-1.txt/part-00002" })'})
    directory_arrival()
    done = batches(1)
    equal(names("in/counts-1.txt"), ["_SUCCESS", "part-00000", "part-00001", "part-00002"], "names")
    check("something in it was not read" in done.stderr, "stderr is\n" + done.stderr)


def test_after_is_made_up_for_at_the_next_start():
    lines_job("")
    move_in("a", "a\n")
    move_in("b", "b\n")
    batches(1)
    equal(names(), ["a", "b"], "names")
    # As a crash between the commit and the end leaves it: one untouched, one under its hidden name.
    os.rename("in/b", "in/.sluice-%d" % os.stat("in/b").st_ino)
    lines_job('after = "delete"')
    batches(2)
    equal((rows(), names()), (["a", "b"], []), "rows and names")


def test_what_is_made_up_for_never_touches_a_newer_file_of_the_name():
    lines_job("")
    move_in("a", "a\n")
    move_in("b", "b\n")
    batches(1)
    move_in("a", "newer\n")  # after the commit, before the start that has to do what the crash left undone
    lines_job('after = "done"')
    batches(1)
    equal((rows(), names()), (["a", "b", "newer"], []), "rows and names")
    equal((names("done"), read("done/a")), (["a", "b"], b"newer\n"), "the newer one went to the archive when it was read")


main(globals())
