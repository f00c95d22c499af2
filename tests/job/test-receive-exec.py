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


def test_the_wait_before_a_restart_doubles_and_is_reset_by_a_record():
    """Six runs write nothing, the seventh a record: without a reset the eighth would begin after 6.4 s."""
    pathlib.Path("run.sh").write_text("date +%s.%N >>starts\n[ $(wc -l <starts) -lt 7 ] || echo record\n")
    lines_job('execStream({ "sh", "run.sh" })')
    with Running("job.lua") as run:
        run.wait_until(lambda: read("starts").count(b"\n") >= 8, "eight starts")
        run.stop()
    starts = [float(line) for line in read("starts").split()]
    waits = [b - a for a, b in zip(starts, starts[1:])]
    for n, wait in enumerate(waits[:6]):
        check(wait >= 0.1 * 2 ** n, "wait %d is %.2f s" % (n, wait))
    check(waits[6] < 6.4, "after a record it is %.2f s" % waits[6])


def test_retry_false_ends_a_run_whose_command_is_missing_and_a_source_whose_command_has_ended():
    lines_job('execStream({ "./missing" }, { retry = false })')
    done = sluice("run", "job.lua")
    check(done.returncode == 1 and "./missing" in done.stderr, "%d %s" % (done.returncode, done.stderr))
    lines_job('execStream({ "echo", "once" }, { retry = false })')
    with Running("job.lua") as run:
        run.wait_until(lambda: source_status()["connection"] == "ended" and records() == [b"once"], "the end of the source")
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


def test_a_record_of_more_than_a_frame_holds_is_a_dead_letter():
    """Whatever maxRecordBytes says: a frame of the log has at most 1 GiB."""
    if not LONG:
        skip("only in the long form: it takes some GB of memory")
    lines_job('execStream({ "sh", "-c", "head -c 1200000000 /dev/zero; echo; echo short" }, { restart = false })', 'maxRecordBytes = "3GB"')
    run_once()
    equal(records(), [b"short"], "the others")
    equal([letter["message"] for letter in letters()], ["record of more than 536870912 bytes (maxRecordBytes)"], "the dead letter")


main(globals())
