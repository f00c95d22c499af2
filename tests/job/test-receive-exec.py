#!/usr/bin/env python3
"""execStream: the output of a command, restarted after any exit."""
from receiving import *


def test_records_are_the_lines_a_command_writes():
    lines_job('execStream({ "printf", "a\\nb\\r\\nc" })')
    run_once()
    equal(records(), [b"a", b"b", b"c"], "the records")


def test_the_command_runs_in_the_job_directory():
    pathlib.Path("here.txt").write_text("found\n")
    lines_job('execStream({ "cat", "here.txt" })')
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    sluice_ok("run", "../job.lua", "--once")
    os.chdir("..")
    equal(records(), [b"found"], "the records")


def test_a_command_is_started_again_after_any_exit():
    lines_job('execStream({ "sh", "-c", "echo $$; exit 3" })')
    with Running("job.lua") as run:
        run.wait_until(lambda: len(set(records())) >= 3, "three runs of the command")
        check("exited with status 3" in run.stderr(), run.stderr())
        run.stop()


def test_restart_false_ends_the_source_and_the_run_continues():
    lines_job('execStream({ "echo", "once" }, { restart = false })')
    with Running("job.lua") as run:
        run.wait_until(lambda: records() == [b"once"], "the record")
        run.wait_until(lambda: source_status()["connection"] == "ended", "the source to end")
        run.stop()
    equal(records(), [b"once"], "the records")


def test_a_command_that_cannot_be_started_is_named():
    lines_job('execStream({ "./missing" })')
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 1, "exit status")
    check("./missing" in done.stderr and "No such file" in done.stderr, done.stderr)


def test_the_command_ends_with_the_run_however_that_ends():
    for end in ("stop", "kill"):
        lines_job('execStream({ "sh", "-c", "echo $$; exec sleep 1000" }, { name = "%s" })' % end)
        with Running("job.lua") as run:
            before = len(records())
            run.wait_until(lambda: len(records()) > before, "its process number")
            pid = int(records()[-1])
            getattr(run, end)()
        wait_until(lambda: has_ended(pid), "the command to end")


def test_more_than_a_pipe_holds_arrives_whole():
    lines_job('execStream({ "seq", "1", "300000" })', rest='s:map(sluice.number(1)):reduce(sluice.sum):saveAsTextFiles("out/sum")\n')
    run_once()
    equal(b"".join(outputs("out/sum", "").values()), b"45000150000\n", "the sum")


def test_an_empty_command_is_refused():
    lines_job('execStream({ "" })')
    equal(sluice("run", "job.lua", "--once").returncode, 2, "exit status")


main(globals())
