#!/usr/bin/env python3
"""textFileStream("logs/*") and recursive = true: several directories, those that appear later among them."""
import pathlib, sqlite3, sys
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


def taken():
    with sqlite3.connect("file:.sluice/job/catalog.db?mode=ro", uri=True) as catalog:
        return sorted(path for path, in catalog.execute("SELECT path FROM taken"))


def move_directory_in(path):
    """A directory that is one arrival."""
    os.makedirs("making/d")
    pathlib.Path("making/d/part").write_text("part\n")
    pathlib.Path("making/d/_SUCCESS").touch()
    os.rename("making/d", path)


def test_an_arrival_that_is_a_directory_is_read_once_over_starts():
    """The pattern names the directory that it comes into."""
    os.makedirs("in/a")
    declare('ssc:textFileStream("in/*", { meta = true })')
    move_directory_in("in/a/d")
    for start in range(3):
        once()
    equal(read_lines(), ["in/a/d/part part"], "lines")
    os.makedirs("in/b")
    move_directory_in("in/b/d")
    shutil.rmtree("in/a/d")
    once()
    once()
    equal((read_lines(), taken()), (["in/a/d/part part", "in/b/d/part part"], ["in/b/d/part"]), "lines and what is remembered")


SEVERAL = {"pattern": 'ssc:textFileStream("in/*", { meta = true, pollInterval = "50ms" })',
           "recursive": 'ssc:textFileStream("in", { meta = true, recursive = true, pollInterval = "50ms" })',
           "polled": 'ssc:textFileStream("in", { meta = true, recursive = true, pollInterval = "50ms", watch = "poll" })'}


def healthy():
    done = sluice("status", "job.lua", "--check")
    return done.returncode == 0 or done.stdout


def test_what_was_taken_of_a_directory_is_forgotten_when_it_is_removed_or_moved_away():
    for kind, call in SEVERAL.items():
        for left in ("in", "out", ".sluice", "away"):
            shutil.rmtree(left, ignore_errors=True)
        for name in ("in/a", "in/b/c", "in/d"):
            os.makedirs(name)
        below = "in/b/c" if kind != "pattern" else "in/b"
        declare(call)
        with Running("job.lua") as run:
            for name in ("in/a", below, "in/d"):
                move_in("1", "x\n", name)
            run.wait_until(lambda: len(read_lines()) == 3, "three files")
            shutil.rmtree("in/a")
            os.rename("in/b", "away")
            move_in("2", "x\n", "in/d")
            run.wait_until(lambda: len(read_lines()) == 4, "a file after them")
            only_there = lambda: all(path.startswith("in/d/") for path in taken())
            for n in range(3, 100):  # it is forgotten with the commit of a batch
                if only_there():
                    break
                move_in(str(n), "x\n", "in/d")
                run.wait_until(lambda: len(read_lines()) == n + 2, "another file")
            check(only_there(), "%s: remembered are %s" % (kind, taken()))
            equal(healthy(), True, kind + ": status --check")
            check("in/a" not in run.stderr(), "stderr is\n" + run.stderr())
            run.stop()


def test_directories_that_were_removed_between_two_runs_are_forgotten():
    for call in list(SEVERAL.values())[:2]:
        for left in ("in", "out", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)
        for name in ("in/a", "in/b"):
            os.makedirs(name)
            move_in("1", "x\n", name)
        declare(call)
        once()
        shutil.rmtree("in/a")
        move_in("2", "x\n", "in/b")
        once()
        equal(taken(), ["in/b/1", "in/b/2"], "what is remembered")
        os.makedirs("in/a")
        move_in("1", "y\n", "in/a")
        once()
        once()
        equal(read_lines(), ["in/a/1 x", "in/a/1 y", "in/b/1 x", "in/b/2 x"], "lines")


def test_the_directory_itself_is_waited_for_when_it_is_moved_away_and_back():
    for call in SEVERAL.values():
        for left in ("in", "out", ".sluice", "away"):
            shutil.rmtree(left, ignore_errors=True)
        os.makedirs("in/a")
        declare(call)
        with Running("job.lua") as run:
            move_in("1", "x\n", "in/a")
            run.wait_until(lambda: len(read_lines()) == 1, "a file")
            os.rename("in", "away")
            run.wait_until(lambda: "in/a: the watched directory was removed or renamed" in run.stderr(), "the warning")
            os.rename("away", "in")
            move_in("2", "x\n", "in/a")
            run.wait_until(lambda: len(read_lines()) > 1, "another file")
            run.stop()
        equal(read_lines(), ["in/a/1 x", "in/a/2 x"], "lines")
        once()
        equal(len(read_lines()), 2, "lines after another start")


def test_directories_that_may_not_be_read_are_waited_for():
    for call in SEVERAL.values():
        for left in ("in", "out", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)
        for name in ("in/a", "in/b", "in/closed"):
            os.makedirs(name)
        os.chmod("in/closed", 0)
        declare(call)
        with Running("job.lua", prefix=without_rights()) as run:
            move_in("1", "x\n", "in/a")
            move_in("1", "x\n", "in/b")
            run.wait_until(lambda: len(read_lines()) == 2, "two files")
            os.chmod("in/a", 0)
            closed = "in/a: this user may not read the watched directory any more"
            run.wait_until(lambda: closed in run.stderr(), "the warning")
            move_in("2", "x\n", "in/b")
            run.wait_until(lambda: len(read_lines()) == 3, "a file beside it")
            run.wait_until(lambda: "the directory in/a is not read: this user may not read it" in str(healthy()), "status --check")
            shown = sluice_ok("status", "job.lua").stdout
            check("; in/a is not read for " in shown, "status is\n" + shown)
            os.chmod("in/a", 0o755)
            os.chmod("in/closed", 0o755)
            move_in("2", "x\n", "in/a")
            move_in("1", "x\n", "in/closed")
            run.wait_until(lambda: len(read_lines()) == 5, "a file in each")
            equal([run.stderr().count(each) for each in (closed, "in/closed: Permission denied")], [1, 1], "warnings\n" + run.stderr())
            run.stop()


def test_why_of_a_file_beside_a_directory_that_may_not_be_read():
    for name in ("in/a", "in/b"):
        os.makedirs(name)
    for number in range(1000):
        pathlib.Path("in/b/%03d" % number).touch()
    declare(SEVERAL["pattern"], ", maxFilesPerBatch = 1")
    with Running("job.lua", prefix=without_rights()) as run:
        run.wait_until(lambda: pathlib.Path(".sluice/job/status.json").exists(), "the run")
        os.chmod("in/a", 0)
        run.wait_until(lambda: "this user may not read it" in str(healthy()), "status --check")
        check("queued" in sluice_ok("why", "job.lua", "in/b/999").stdout, "why")
        os.chmod("in/a", 0o755)
        run.stop()


def test_limits_count_over_all_directories():
    for number in range(6):
        os.makedirs("in/%d" % (number % 3), exist_ok=True)
        move_in("f%d" % number, "x\n", "in/%d" % (number % 3))
    declare('ssc:textFileStream("in/*", { meta = true })', ", maxFilesPerBatch = 2")
    sluice_ok("run", "job.lua", "--available-now")
    equal(len(read_lines()), 6, "lines")
    equal(len(list(pathlib.Path("out").glob("r-*"))), 3, "batches of two files")


def batches_of_lines():
    return [path.read_text().split() for path in sorted(pathlib.Path("out").glob("r-*/part-*"))]


def test_limits_hold_beside_a_directory_or_a_file_that_is_over_them():
    """Which is taken alone."""
    os.makedirs("making/d")
    os.makedirs("in/a")
    for number in range(5):
        pathlib.Path("making/d/%d" % number).write_text("d\n")
        move_in(str(number), "b\n", "in/b")
    pathlib.Path("making/d/_SUCCESS").touch()
    os.rename("making/d", "in/a/d")
    declare('ssc:textFileStream("in/*", { meta = true }):map(function(line) return line end)', ", maxFilesPerBatch = 2")
    job(pathlib.Path("job.lua").read_text().replace(':map(function(line, meta) return meta.path .. " " .. line end)', ""))
    sluice_ok("run", "job.lua", "--available-now")
    equal(sorted("".join(lines) for lines in batches_of_lines()), ["b", "bb", "bb", "ddddd"], "batches by files")
    for left in ("in", "out", ".sluice"):
        shutil.rmtree(left)
    job(pathlib.Path("job.lua").read_text().replace("maxFilesPerBatch = 2", "maxBytesPerBatch = 10"))
    for name, size in (("in/a/1", 4), ("in/b/1", 50), ("in/b/2", 2), ("in/c/1", 3)):
        move_in(os.path.basename(name), name[3] * (size - 1) + "\n", os.path.dirname(name))
    sluice_ok("run", "job.lua", "--available-now")
    equal(["".join(line[0] for line in lines) for lines in batches_of_lines()], ["a", "b", "bc"], "batches by bytes")


def test_no_directory_waits_for_one_that_is_never_empty():
    for name, files in (("in/a", 20), ("in/b", 2), ("in/c", 2)):
        for number in range(files):
            move_in(str(number), name[3] + "\n", name)
    declare('ssc:textFileStream("in/*", { meta = true })', ", maxFilesPerBatch = 2")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "3")
    equal(sorted({line[3] for line in read_lines() if line.startswith("in/")}), ["a", "b", "c"], "directories of three batches")


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
