#!/usr/bin/env python3
"""A mount left by a killed run: recovered if it is ours and dead, left alone otherwise."""
import errno, os
from harness import *

CURRENT = "mnt/counts/current"


def test_a_stale_mount_is_taken_over():
    need_fuse()
    wordcount_here()
    move_in("a", "to be\n")
    first = Running("wordcount.lua", "--interval", "50ms")
    first.wait_until(lambda: os.path.exists(CURRENT), "the first version")
    first.kill()
    try:
        os.listdir("mnt")
        fail("the mount of a killed process should not answer")
    except OSError as error:
        equal(error.errno, errno.ENOTCONN, "errno of the stale mount")
    equal(len(mounts_below(".")), 1, "stale mounts")
    with Running("wordcount.lua", "--interval", "50ms") as run:
        run.wait_until(lambda: os.path.exists("mnt/counts"), "the mount")
        equal(len(mounts_below(".")), 1, "mounts: the stale one is gone")
        move_in("b", "or not\n")
        run.wait_until(lambda: os.path.exists(CURRENT) and read(CURRENT) == b"not\t1\nor\t1\n", "the new version")
        run.stop()
    equal(mounts_below("."), [], "mounts left behind")


def test_the_last_version_is_there_before_the_first_batch():
    need_fuse()
    wordcount_here()
    move_in("a", "to be\n")
    with Running("wordcount.lua", "--interval", "50ms") as run:
        run.wait_until(lambda: os.path.exists(CURRENT), "the first version")
        version = os.readlink("mnt/counts/now")
        run.stop()
    with Running("wordcount.lua", "--interval", NEVER) as run:
        run.wait_until(lambda: os.path.exists(CURRENT), "the version of the run before")
        equal(os.readlink("mnt/counts/now"), version, "now")
        equal(read(CURRENT), b"be\t1\nto\t1\n", "current")
        run.stop()


# A machine that needs longer than the interval for a batch would do nothing but make up for missed times.
NUMBERS = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms", catchUp = "none" }
local s = ssc:textFileStream("in"):map(function(line) return "key", tonumber(line) end)
s:mount("rows")
s:updateStateByKey(function(values, state) return values[#values] or state end):mount("updated")
s:mapWithState(function(key, value, state) state:update(value) end):stateSnapshots():mount("snapshots")
s:reduceByKeyAndWindow(sluice.last, nil, "1h", "20ms"):mount("window")
ssc:start()
'''


def shown():
    try:
        return [read("mnt/%s/current" % view) for view in ("rows", "updated", "snapshots", "window")]
    except OSError:
        return None


def test_the_last_version_looks_as_it_did_before_the_restart():
    """0.0 and -0.0 are equal, and so are 1 and 1.0: they are not the same to look at."""
    need_fuse()
    job(NUMBERS)
    os.mkdir("in")
    for number, text in enumerate(("0.0", "-0.0", "1.0", "1")):
        wanted = [b"key\t%s\n" % text.encode()] * 4
        with Running("job.lua") as run:
            move_in(str(number), text + "\n")
            run.wait_until(lambda: shown() == wanted, text + " in all views")
            run.stop()
        with Running("job.lua") as run:
            run.wait_until(shown, "the views of the run before")
            equal(shown(), wanted, "views after a restart")
            run.stop()


def test_the_mount_of_a_living_run_is_left_alone():
    need_fuse()
    wordcount_here()
    move_in("a", "to be\n")
    with Running("wordcount.lua", "--interval", "50ms") as run:
        run.wait_until(lambda: os.path.exists(CURRENT), "the first version")
        done = sluice("run", "wordcount.lua", "--once", "--checkpoint", "other")
        equal(done.returncode, 2, "exit status of a second run on the mount")
        check("mnt" in done.stderr, "the message names the mount: " + done.stderr)
        equal(read(CURRENT), b"be\t1\nto\t1\n", "current of the first run")
        run.stop()


main(globals())
