#!/usr/bin/env python3
"""A batch that was planned and interrupted is redone as it was planned, or the run says why not: what it has shown decides."""
import pathlib, shutil
from harness import *

TWO = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "%s", checkpoint = "ck" }
local lines = ssc:textFileStream("in")
lines:saveAsTextFiles("out/A")
lines:filter(sluice.contains("x")):saveAsTextFiles("out/B")
"""
ONE = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "%s", checkpoint = "ck" }
ssc:textFileStream("in"):%ssaveAsTextFiles("out/A", nil, { %s })
"""
VIRTUAL = ("--clock", "virtual", "--batches", "1")


def interrupted(text, blocked, time_ms=1000):
    """A batch whose directory `blocked` cannot get its name: those before it are shown, and it is not committed."""
    move_in("f1", "one\ntwo x\n")
    job(text)
    os.makedirs("%s-%d/stranger" % (blocked, time_ms))
    done = sluice("run", "job.lua", *VIRTUAL)
    equal(done.returncode, 1, "the interrupted batch: " + done.stderr)
    shutil.rmtree("%s-%d" % (blocked, time_ms))


def committed_outputs():
    return sorted(str(p) for p in pathlib.Path("out").glob("*-*")) if os.path.isdir("out") else []


def test_what_was_shown_and_cannot_be_made_again_stops_with_4():
    interrupted(TWO % "1s", "out/B")
    equal(committed_outputs(), ["out/A-1000"], "shown by the interrupted batch")
    os.rename("in/f1", "f1")
    for _ in range(2):
        done = sluice("run", "job.lua", *VIRTUAL)
        equal(done.returncode, 4, "without its input: " + done.stderr)
        check("out/A-1000" in done.stderr, done.stderr)
        equal(committed_outputs(), ["out/A-1000"], "nothing else is shown")
    os.rename("f1", "in/f1")
    sluice_ok("run", "job.lua", *VIRTUAL)
    equal(output(1000, "out/A", ""), b"one\ntwo x\n", "with its input again")
    equal(output(1000, "out/B", ""), b"two x\n", "with its input again")


def test_a_batch_that_has_shown_something_is_not_skipped():
    interrupted(TWO % "1s", "out/B")
    done = sluice("reset", "job.lua", "--skip", "1000")
    equal(done.returncode, 4, done.stdout + done.stderr)
    check("out/A-1000" in done.stderr, done.stderr)
    sluice_ok("run", "job.lua", *VIRTUAL)
    equal(committed_outputs(), ["out/A-1000", "out/B-1000"], "the next run completes it")


def test_an_output_that_the_job_has_no_more_was_shown():
    interrupted(TWO % "1s", "out/B")
    text = pathlib.Path("job.lua").read_text()
    job(text.replace('"out/A"', '"out/C"'))
    done = sluice("run", "job.lua", *VIRTUAL)
    equal(done.returncode, 2, done.stderr)
    check("out/A" in done.stderr and "--accept-changes" in done.stderr, done.stderr)
    done = sluice("run", "job.lua", "--accept-changes", *VIRTUAL)
    equal(done.returncode, 4, done.stderr)
    equal(committed_outputs(), ["out/A-1000"], "nothing is shown twice")


def test_another_interval_is_refused_by_name():
    interrupted(ONE % ("500ms", "", ""), "out/A", 500)
    for options in ((), ("--accept-changes",)):
        done = sluice("run", "job.lua", "--interval", "1s", *options, *VIRTUAL)
        equal(done.returncode, 2, done.stderr)
        check("500 ms" in done.stderr and "1000 ms" in done.stderr and "out/A" in done.stderr, done.stderr)
    sluice_ok("run", "job.lua", *VIRTUAL)
    equal(outputs("out/A", ""), {500: b"one\ntwo x\n"}, "as it was planned")


def test_a_batch_planned_with_another_interval_may_be_skipped_and_replayed():
    interrupted(ONE % ("500ms", "", ""), "out/A", 500)
    sluice_ok("reset", "job.lua", "--skip", "500")
    job(ONE % ("1s", "", ""))
    sluice_ok("run", "job.lua", *VIRTUAL)
    sluice_ok("replay", "job.lua")
    sluice_ok("run", "job.lua", *VIRTUAL)
    equal(sorted(outputs("out/A", "").values()), [b"one\ntwo x\n"], "once, with the new interval")


def test_other_options_and_operators_are_refused_until_they_are_accepted():
    interrupted(ONE % ("1s", "", ""), "out/A")
    for change in (("1s", "", 'format = "json"'), ("1s", "map(sluice.upper):", "")):
        job(ONE % change)
        done = sluice("run", "job.lua", *VIRTUAL)
        equal(done.returncode, 2, done.stderr)
        check("--accept-changes" in done.stderr and "out/A" in done.stderr, done.stderr)
    sluice_ok("run", "job.lua", "--accept-changes", *VIRTUAL)
    equal(outputs("out/A", ""), {1000: b"ONE\nTWO X\n"}, "with the job as it is now")


def test_a_corrected_function_redoes_the_batch():
    interrupted(ONE % ("1s", 'map(function(l) return l .. "!" end):', ""), "out/A")
    job("\n\n" + ONE % ("1s", "map(function(l) return l .. '?' end):", "keep = 5, latest = false"))
    sluice_ok("run", "job.lua", *VIRTUAL)
    equal(outputs("out/A", ""), {1000: b"one?\ntwo x?\n"}, "with the corrected function")


def test_dead_letters_and_hidden_directories_of_the_interrupted_try_are_replaced():
    text = ONE % ("1s", "map(function(l) if l:find('x') then error('bad') end return l end):", "")
    interrupted(text, "out/A")
    check(os.path.exists("ck/deadletter/1000.jsonl"), "the interrupted try leaves dead letters")
    job(text.replace("error('bad')", "return 'good'"))
    sluice_ok("run", "job.lua", *VIRTUAL)
    equal(outputs("out/A", ""), {1000: b"one\ngood\n"}, "the redone batch")
    check(not os.path.exists("ck/deadletter/1000.jsonl"), "dead letters of records that are in the output")
    equal([p for p in os.listdir("out") if p.startswith(".")], [], "hidden names")


def test_two_jobs_with_one_prefix_do_not_share_hidden_names():
    for name in ("a", "b"):
        move_in("f", name + "\n", "in-" + name)
        job('local sluice = require "sluice"\n'
            'local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck-%s" }\n'
            'ssc:textFileStream("in-%s"):saveAsTextFiles("out/o")\n' % (name, name), name + ".lua")
    sluice_ok("run", "a.lua", *VIRTUAL)
    done = sluice("run", "b.lua", *VIRTUAL)
    equal(done.returncode, 1, done.stderr)
    check("out/o-1000" in done.stderr, done.stderr)
    equal(outputs("out/o", ""), {1000: b"a\n"}, "the first job's")


main(globals())
