#!/usr/bin/env python3
"""sluice wait: a script that waits for its file reads what it expects."""
import pathlib
from harness import *

PLAIN = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", mount = { dir = "mnt", kind = "dir" } }
local s = ssc:textFileStream("in", { after = arg[1], filter = "*[!x]" })
s:count():mount("lines")
'''


def started(*args):
    os.makedirs("in", exist_ok=True)
    run = Running(job(PLAIN), *args)
    run.wait_until(lambda: os.path.exists(".sluice/job/status.json"), "the run")
    return run


def wait(*args):
    return sluice("wait", *args).returncode


def test_after_it_the_view_shows_the_file():
    with started() as run:
        for number in range(1, 20):
            move_in("f%d" % number, "x\n" * number)
            equal(wait("in/f%d" % number, "--timeout", "60s"), 0, "exit status")
            equal(read("mnt/lines/current"), b"%d\n" % number, "the view after in/f%d" % number)
        run.stop()
    equal(wait("in/f3"), 0, "exit status when nothing runs")
    equal(wait("job.lua", "in/f3"), 0, "exit status with the job")


def test_a_new_file_of_an_old_name_is_waited_for():
    with started() as run:
        for number in range(1, 10):
            move_in("a", "x\n" * number)
            equal(wait("in/a", "--timeout", "60s"), 0, "exit status")
            equal(read("mnt/lines/current"), b"%d\n" % number, "the view")
        run.stop()


def test_files_that_do_not_stay_are_waited_for():
    with started("--", "delete") as run:
        move_in("a", "x\n")
        equal(wait("in/a", "--timeout", "60s"), 0, "exit status")
        run.wait_until(lambda: not os.path.exists("in/a"), "the file to go")
        equal(wait("in/a", "--timeout", "60s"), 0, "exit status when it has gone")
        run.stop()


def test_it_ends_when_the_time_is_up():
    with started() as run:
        move_in("a", "x\n")
        equal(wait("in/a", "--timeout", "60s"), 0, "exit status")
        last = read(".sluice/job/tick").decode().strip()
        equal(wait("in/a", "--after", last, "--timeout", "50ms"), 124, "exit status for a later batch")
        equal(wait("lines", "--timeout", "50ms"), 124, "exit status for the next version")
        equal(wait("lines", "--after", str(int(last) - 1)), 0, "exit status for a version that is there")
        run.stop()


def test_what_will_never_come_is_said():
    with started() as run:
        move_in("a.gz", "no gzip\n")
        for name in (".hidden", "x"):
            pathlib.Path("in", name).touch()
        for name, word in (("a.gz", "quarantined"), (".hidden", "ignored")):
            done = sluice("wait", "in/" + name, "--timeout", "60s")
            equal(done.returncode, 1, "exit status for " + name)
            check(word in done.stderr, "why: " + done.stderr)
        for which in ((), ("job.lua",), ("--checkpoint", ".sluice/job")):
            done = sluice("wait", *which, "in/x", "--timeout", "60s")
            equal(done.returncode, 1, "exit status for a file that is filtered, with %s" % (which,))
        os.rename("job.lua", "moved.lua")
        equal(wait("in/x", "--timeout", "100ms"), 124, "exit status where the job, which knows the filter, is elsewhere")
        os.rename("moved.lua", "job.lua")
        equal(wait("in/nothing", "--timeout", "100ms"), 124, "exit status for a file that is not there: it may come")
        equal(wait("in/.nothing", "--timeout", "60s"), 1, "exit status for one that would be ignored")
        move_in("changed", "a\n")
        equal(wait("in/changed"), 0, "exit status for a file that was read")
        with open("in/changed", "a") as file:
            file.write("more\n")
        equal(wait("in/changed", "--timeout", "60s"), 1, "exit status when it has changed in place: that is not read")
        equal(wait("out/a"), 2, "exit status for a file that nobody watches")
        run.stop()


def test_a_file_that_is_not_there_yet_is_waited_for():
    with started() as run:
        waiting = subprocess.Popen([SLUICE, "wait", "in/later.txt", "--timeout", "60s"], stdin=subprocess.DEVNULL)
        wait_until(lambda: listens(waiting), "the command to wait")
        move_in("later.txt", "x\n")
        equal(waiting.wait(), 0, "exit status")
        run.stop()


def listens(process):
    """Whether it has asked to be told of changes: by then it has looked at what is there."""
    found = []
    for fd in pathlib.Path("/proc/%d/fd" % process.pid).iterdir():
        try:
            found.append(os.readlink(fd))
        except FileNotFoundError:
            pass  # closed meanwhile
    return "anon_inode:inotify" in found


# The job is loaded once more when the run has its checkpoint, and stands still there until it may go on.
BEGINNING = '''local loads = io.open("loads", "a")
loads:write("x")
loads:close()
if #io.open("loads"):read("a") > 1 then
    os.execute("touch beginning; while ! test -e go-on; do sleep 0.01; done")
end
'''


def test_a_run_that_begins_is_waited_for():
    os.mkdir("in")
    with Running(job(BEGINNING + PLAIN), "--workers", "1") as run:
        run.wait_until(lambda: os.path.exists("beginning"), "the run to begin")
        check(not os.path.exists(".sluice/job/status.json"), "it has not said yet what it watches")
        equal(wait("in/a", "--timeout", "50ms"), 124, "exit status when the time is up")
        move_in("a", "x\n")
        waiting = subprocess.Popen([SLUICE, "wait", "in/a", "--timeout", "60s"])
        run.wait_until(lambda: listens(waiting), "sluice wait to wait")
        pathlib.Path("go-on").touch()
        equal(waiting.wait(), 0, "exit status")
        equal(read("mnt/lines/current"), b"1\n", "the view")
        run.stop()


def test_arguments_of_the_job_are_given_without_its_name_too():
    move_in("a", "x\n")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\nssc:textFileStream(arg[1]):count():mount("n")\n')
    sluice_ok("run", "job.lua", "--once", "--", "in")
    equal(wait("in/a", "--timeout", "60s", "--", "in"), 0, "exit status of wait")
    check("taken in batch" in sluice_ok("why", "in/a", "--", "in").stdout, "why")
    check("follow after --" in sluice("why", "in/a").stderr, "without them: " + sluice("why", "in/a").stderr)


def test_the_next_version_of_a_view_is_waited_for():
    with started() as run:
        waiting = subprocess.Popen([SLUICE, "wait", "lines", "--timeout", "60s"])
        run.wait_until(lambda: listens(waiting), "sluice wait to know which version is shown now")
        move_in("a", "x\n")
        equal(waiting.wait(), 0, "exit status")
        equal(read("mnt/lines/current"), b"1\n", "the view")
        run.stop()


main(globals())
