#!/usr/bin/env python3
"""Putting away: what cannot be archived or deleted is owed until it is done and is never read again by our own doing."""
import pathlib, sqlite3
from harness import *

JOB = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
ssc:textFileStream("in", { after = "%s"%s }):saveAsTextFiles("out/a")
"""


def batch(*options, code=0):
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1", *options)
    equal(done.returncode, code, "exit status: " + done.stderr)
    return done


def rows():
    return b"".join(content for _, content in sorted(outputs("out/a", "").items()))


def owed():
    return sqlite3.connect("ck/catalog.db").execute("SELECT path FROM owed ORDER BY path").fetchall()


def other_file_system():
    made = tempfile.mkdtemp(prefix="sluice-test-", dir="/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    if not made or os.stat(made).st_dev == os.stat(".").st_dev:
        skip("there is no other file system at /dev/shm")
    return made


def test_what_cannot_be_archived_is_owed_until_it_can():
    job(JOB % ("arch", ""))
    pathlib.Path("arch").write_text("a file is in the way\n")
    for name in ("f1", "f2"):
        move_in(name, name + "\n")
        done = batch()
        check("left where it is" in done.stderr, done.stderr)
    equal((rows(), sorted(os.listdir("in")), owed()), (b"f1\nf2\n", ["f1", "f2"], [("in/f1",), ("in/f2",)]), "owed")
    status = sluice_ok("status", "job.lua").stdout
    check("2 files could not be archived or deleted yet" in status and "in/f1 (batch 1000)" in status, status)
    equal(json.loads(sluice_ok("status", "job.lua", "--json").stdout)["owed"], 2, "status --json")
    os.unlink("arch")
    move_in("f3", "f3\n")
    batch()
    equal(json.loads(sluice_ok("status", "job.lua", "--json").stdout)["owed"], 0, "status --json")
    equal((rows(), os.listdir("in"), sorted(os.listdir("arch")), owed()), (b"f1\nf2\nf3\n", [], ["f1", "f2", "f3"], []), "done")


def test_it_is_done_at_the_next_start_without_a_batch():
    job(JOB % ("arch", ""))
    pathlib.Path("arch").write_text("a file is in the way\n")
    move_in("f1", "f1\n")
    batch()
    move_in("f2", "f2\n")
    batch()
    os.unlink("arch")
    batch()
    equal((sorted(os.listdir("arch")), owed(), rows()), (["f1", "f2"], [], b"f1\nf2\n"), "after a start")


def test_a_directory_goes_to_another_file_system_whole_and_once():
    archive = other_file_system()
    try:
        job(JOB % (archive, ""))
        os.makedirs("making/d")
        os.makedirs("in")
        pathlib.Path("making/d/part-00000").write_text("1\n2\n")
        pathlib.Path("making/d/_SUCCESS").touch()
        os.rename("making/d", "in/d")
        with Running("job.lua", "--interval", "50ms") as run:
            run.wait_until(lambda: os.path.exists(archive + "/d"), "the archive")
            move_in("f", "3\n")
            run.wait_until(lambda: os.path.exists(archive + "/f"), "the archive of a file")
            run.stop()
        equal((rows(), os.listdir("in")), (b"1\n2\n3\n", []), "each record once")
        equal((sorted(os.listdir(archive)), sorted(os.listdir(archive + "/d"))), (["d", "f"], ["_SUCCESS", "part-00000"]), "the archive")
    finally:
        shutil.rmtree(archive)


def test_one_of_the_newest_batch_that_comes_back_between_two_runs_is_read_again():
    for after in ("arch", "delete"):
        for name in ("in", "out", "ck", "arch", "kept"):
            shutil.rmtree(name, ignore_errors=True)
        job(JOB % (after, ""))
        move_in("f1", "f1\n")
        os.mkdir("kept")
        os.link("in/f1", "kept/f1")
        batch()
        equal((os.listdir("in"), rows()), ([], b"f1\n"), after)
        os.rename("arch/f1" if after == "arch" else "kept/f1", "in/f1")
        batch()
        equal((os.listdir("in"), rows()), ([], b"f1\nf1\n"), "%s: once more, the same file" % after)
        equal(os.listdir("arch") if after == "arch" else [], ["f1"] if after == "arch" else [], after)


def test_two_sources_of_one_directory_of_which_one_puts_away_are_refused():
    os.makedirs("in")
    job(JOB % ("delete", "") + 'ssc:textFileStream("./in/", { minAge = "1s" }):saveAsTextFiles("out/b")\n')
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 2, done.stderr)
    check("also read in line" in done.stderr, done.stderr)
    os.makedirs("other")
    job((JOB % ("keep", "")) + 'ssc:textFileStream("in"):saveAsTextFiles("out/b")\n')
    sluice_ok("check", "job.lua")
    job(JOB % ("delete", "") + 'ssc:textFileStream("other"):saveAsTextFiles("out/b")\n')
    sluice_ok("check", "job.lua")
    job(JOB % ("delete", "") + 'ssc:textFileStream("i?"):saveAsTextFiles("out/b")\n')
    equal(sluice("check", "job.lua").returncode, 2, "a pattern that matches it")
    job((JOB % ("delete", "")).replace('"in"', '"in/a"') + 'ssc:textFileStream("in", { recursive = true }):saveAsTextFiles("out/b")\n')
    os.makedirs("in/a")
    equal(sluice("check", "job.lua").returncode, 2, "a directory above it")


def test_markers_go_with_their_file_and_older_ones_do_not_count():
    job(JOB % ("delete", ', complete = "%.done"'))
    move_in("f", "first\n")
    move_in("f.done", "")
    batch()
    equal((rows(), os.listdir("in")), (b"first\n", []), "the file and its marker")
    move_in("g.done", "")
    os.utime("in/g.done", (1, 1))
    move_in("g", "second\n")
    batch()
    equal(rows(), b"first\n", "a marker that is older than its file")
    check("older than the file" in sluice_ok("why", "job.lua", "in/g").stdout, "why it waits")
    os.utime("in/g.done")
    batch()
    equal((rows(), os.listdir("in")), (b"first\nsecond\n", []), "a marker that is not")


def test_a_marker_is_archived_with_its_file():
    for archive in ("arch", other_file_system()):
        job(JOB % (archive, ', complete = "%.done"'))
        move_in("f", "first\n")
        move_in("f.done", "seen by me\n")
        batch()
        equal((os.listdir("in"), sorted(os.listdir(archive))), ([], ["f", "f.done"]), "what is archived")
        equal(read(archive + "/f.done"), b"seen by me\n", "the marker")
        shutil.rmtree(archive)


def test_a_full_archive_makes_no_arrival():
    job(JOB % ("arch/below", ""))
    os.makedirs("in")
    pathlib.Path("arch").write_text("a file is in the way\n")
    with Running("job.lua", "--interval", "50ms") as run:
        move_in("f", "1\n")
        run.wait_until(lambda: rows() == b"1\n", "the batch")
        for n in range(5):
            move_in("n%d" % n, "n\n")
            run.wait_until(lambda: rows().count(b"n") == n + 1, "another batch")
        equal(rows().count(b"1"), 1, "the file is read once")
        os.unlink("arch")
        move_in("last", "last\n")
        run.wait_until(lambda: not os.listdir("in"), "everything to be archived")
        run.stop()


main(globals())
