#!/usr/bin/env python3
"""Two jobs that share a place: the second is refused by name, and what the first has is not touched; an archive has room
for both."""
import os
from harness import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "%s", mount = %s }
local lines = ssc:textFileStream("%s"%s)
lines:saveAsTextFiles("%s", "txt")
lines:mount("v")
"""


def two(second_checkpoint="ck2", mounts=('"mnt1"', '"mnt2"'), options="", prefixes=("out1/o", "out2/o")):
    """first.lua of in1 and second.lua of in2."""
    for directory in ("in1", "in2"):
        os.makedirs(directory, exist_ok=True)
    job(JOB % ("ck1", mounts[0], "in1", options, prefixes[0]), "first.lua")
    job(JOB % (second_checkpoint, mounts[1], "in2", options, prefixes[1]), "second.lua")


def first_running(view):
    run = Running("first.lua")
    move_in("a", "one\n", "in1")
    run.wait_until(lambda: read(view) == b"one\n", "the first job's view")
    return run


def still_shows(run, view):
    """The first job is as it was, and goes on."""
    equal(read(view), b"one\n", "the first job's view")
    move_in("b", "two\n", "in1")
    run.wait_until(lambda: read(view) == b"two\n", "the first job's next version")
    run.stop()


def test_a_checkpoint_and_its_tick_are_one_job_s():
    two(second_checkpoint="ck1", mounts=('{ dir = "mnt1", kind = "dir" }', '{ dir = "mnt2", kind = "dir" }'))
    move_in("x", "other\n", "in2")
    with first_running("mnt1/v/current") as run:
        tick = run.wait_until(lambda: read("ck1/tick"), "the first job's tick")
        done = sluice("run", "second.lua", "--once")
        equal(done.returncode, 3, "exit status of the second")
        check("ck1" in done.stderr and str(run.process.pid) in done.stderr, "who has it: " + done.stderr)
        equal((read("ck1/tick"), output_times("out2/o")), (tick, []), "the tick, and outputs of the second")
        still_shows(run, "mnt1/v/current")


def test_a_mount_is_one_job_s():
    need_fuse()
    two(mounts=('"mnt"', '"mnt"'))
    move_in("x", "other\n", "in2")
    with first_running("mnt/v/current") as run:
        for kind in ('"mnt"', '{ dir = "mnt", kind = "dir" }'):
            two(mounts=('"mnt"', kind))
            done = sluice("run", "second.lua", "--once")
            equal(done.returncode, 2, "exit status of the second: " + done.stderr)
            check("mnt" in done.stderr and "another sluice" in done.stderr, "stderr is\n" + done.stderr)
        equal(output_times("out2/o"), [], "outputs of the second")
        still_shows(run, "mnt/v/current")


def test_a_tree_of_plain_files_is_one_job_s():
    plain = '{ dir = "mnt", kind = "dir" }'
    two(mounts=(plain, plain))
    move_in("x", "other\n", "in2")
    with first_running("mnt/v/current") as run:
        done = sluice("run", "second.lua", "--once")
        equal(done.returncode, 2, "exit status of the second: " + done.stderr)
        check("mnt" in done.stderr and "another sluice" in done.stderr, "stderr is\n" + done.stderr)
        equal(output_times("out2/o"), [], "outputs of the second")
        still_shows(run, "mnt/v/current")


def test_one_prefix_fails_the_second_by_name():
    two(prefixes=("out/o", "out/o"))
    for name in ("first", "second"):
        move_in(name, name + "\n", "in1" if name == "first" else "in2")
    options = ("--clock", "virtual", "--batches", "1")
    sluice_ok("run", "first.lua", *options)
    done = sluice("run", "second.lua", *options)
    equal(done.returncode, 1, "exit status of the second: " + done.stderr)
    check("out/o-50.txt exists" in done.stderr, "stderr is\n" + done.stderr)
    equal(output(50, "out/o"), b"first\n", "the output of the first")


def test_an_archive_keeps_what_both_put_there():
    two(options=', { after = "archive" }', mounts=('{ dir = "mnt1", kind = "dir" }', '{ dir = "mnt2", kind = "dir" }'))
    with Running("first.lua") as first, Running("second.lua") as second:
        for number in range(20):
            for directory in ("in1", "in2"):
                move_in("f%02d" % number, "%s %d\n" % (directory, number), directory)
        first.wait_until(lambda: not os.listdir("in1"), "the first to put its files away")
        second.wait_until(lambda: not os.listdir("in2"), "the second to put its files away")
        first.stop()
        second.stop()
    equal(sorted(read("archive/" + name) for name in os.listdir("archive")),
          sorted(b"in%d %d\n" % (which, number) for which in (1, 2) for number in range(20)), "what is archived")


main(globals())
