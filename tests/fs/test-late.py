#!/usr/bin/env python3
# presets: release
"""The kernel's caches learn late of a swap, as on a machine that has much else to do: who is told that a batch is
there finds it, and who waits for it gets it.

tests/late_notices.c delays what the program tells the kernel by itself."""
import os
from harness import *
from view import *

LATE_NOTICES = BUILD / "tests/late_notices.so"


QUEUE = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms", checkpoint = false }
local numbers = ssc:queueStream({ %s })
numbers:saveAsTextFiles("out/r")
numbers:mount("numbers")
"""


def late(late_ms):
    return "env", "LD_PRELOAD=%s" % LATE_NOTICES, "SLUICE_TEST_LATE_MS=%d" % late_ms


def started_late(late_ms, *options):
    """The word count, whose notices to the kernel are so late."""
    need_fuse()
    wordcount_here()
    run = Running("wordcount.lua", "--interval", "50ms", *options, prefix=late(late_ms))
    run.wait_until(lambda: os.path.isdir(VIEW) and os.path.exists(".sluice/wordcount/status.json"), "the mount and the run")
    return run


def wait_for(name):
    equal(sluice("wait", "in/" + name, "--timeout", "60s").returncode, 0, "exit status of wait for in/" + name)


def test_after_wait_the_view_shows_the_file():
    with started_late(100) as run:
        for number in range(8):
            name = "w%d" % number
            move_in(name, name + "\n")
            wait_for(name)
            equal(read(VIEW + "/current"), name.encode() + b"\t1\n", "the view after in/" + name)
        run.stop()


def test_a_feed_that_ends_with_the_run_has_the_last_version():
    with started_late(1500, "--batches", "2") as run:
        feed(run, "a", "first\n")
        reader = Reader("cat %s/feed" % VIEW)
        check(reader.line().endswith("\tfirst\t1"), "the first version")
        run.wait_until(lambda: is_waiting("feed"), "the reader to wait")
        move_in("b", "last\n")
        check(reader.line().endswith("\tlast\t1"), "the last version")
        reader.expect(None)
        equal(run.end(), 0, "exit status")


def test_notices_that_never_come_delay_one_batch():
    need_fuse()
    batches = 200
    job(QUEUE % ("{ 1 }, " * batches))
    with Running("job.lua", prefix=late(3600 * 1000)) as run:
        run.wait_until(lambda: os.path.exists("mnt/numbers/current"), "a version, which the kernel remembers")
        # Half a second each would be a hundred seconds.
        run.wait_until(lambda: len(output_times("out/r", "")) == batches, "all batches", seconds=90)
        run.kill()


main(globals())
