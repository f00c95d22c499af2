#!/usr/bin/env python3
# presets: release
"""A clock that is set, forth and back, while a run goes on, and a machine that was asleep: batch times only increase,
files are taken once, and what is missed is made up where a window would have shown something.

The clock is tests/clock.c's: the program reads the time from it, and nothing else knows."""
import itertools, os, struct
from harness import *

CLOCK = BUILD / "tests/clock.so"
HOUR_MS = 3600 * 1000
COUNTS = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "%s", checkpoint = "ck" }
ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
"""
WINDOW = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms", checkpoint = "ck" }
ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKeyAndWindow(sluice.sum, nil, "500ms", "100ms")
    :saveAsTextFiles("out/counts", "txt")
"""


def set_clock(offset_ms):
    """Written in place: it is mapped."""
    with open("clock", "r+b" if os.path.exists("clock") else "wb") as file:
        file.write(struct.pack("=q", offset_ms))


def begin(text):
    os.makedirs("in")
    job(text)
    set_clock(0)
    os.environ.update(SLUICE_TEST_CLOCK=os.path.abspath("clock"))


def running():
    return Running("job.lua", prefix=("env", "LD_PRELOAD=%s" % CLOCK))


def times_of(word):
    return [t for t, content in outputs().items() if word.encode() + b"\t" in content]


def batch_of(run, word):
    """The time of the batch in which the word came."""
    return run.wait_until(lambda: times_of(word), "the batch of " + word)[0]


def batch_an_hour_later(run, word, hours):
    """Every five seconds by another hour: a file that was seen only after the clock was set belongs to the next batch."""
    def came():
        if time.monotonic() >= came.later:
            came.later = time.monotonic() + 5
            set_clock(next(hours) * HOUR_MS)
        return times_of(word)
    came.later = 0
    return run.wait_until(came, "the batch of " + word)[0]


def now_ms():
    return time.time() * 1000


# ---- claims ----

def test_a_clock_set_back_is_waited_for_and_said():
    begin(COUNTS % "100ms")
    with running() as run:
        move_in("a", "a\n")
        first = batch_of(run, "a")
        set_clock(-HOUR_MS)
        run.wait_until(lambda: "before the last batch; waiting" in run.stderr(), "the run to say that it waits")
        move_in("b", "b\n")
        set_clock(5)
        second = batch_of(run, "b")
        run.stop()
        equal(run.stderr().count("before the last batch"), 1, "how often it was said")
    check(first < second, "batch times increase: %d, %d" % (first, second))
    equal(counted(), {"a": [1], "b": [1]}, "the words")


def test_a_clock_set_back_is_waited_for_at_a_start_too():
    begin(COUNTS % "100ms")
    set_clock(HOUR_MS)
    with running() as run:
        move_in("a", "a\n")
        first = batch_of(run, "a")
        run.stop()
    set_clock(0)
    with running() as run:
        move_in("b", "b\n")
        run.wait_until(lambda: "before the last batch; waiting" in run.stderr(), "the run to say that it waits")
        run.stop()
    set_clock(HOUR_MS)
    with running() as run:
        check(first < batch_of(run, "b"), "batch times increase")
        run.stop()
    equal(counted(), {"a": [1], "b": [1]}, "the words")


def test_a_clock_set_back_over_idle_times_delays_nothing():
    begin(COUNTS % "100ms")
    with running() as run:
        move_in("a", "a\n")
        first = batch_of(run, "a")
        set_clock(HOUR_MS)
        run.wait_until(lambda: now_ms() > first + 1000, "some idle times, an hour ahead")
        set_clock(0)
        move_in("b", "b\n")
        second = batch_of(run, "b")
        run.stop()
        equal(run.stderr(), "", "what was said")
    check(first < second < first + HOUR_MS / 2, "the second is at its own time: %d, %d" % (first, second))


def test_a_long_interval_does_not_outlast_a_clock_set_forth():
    begin(COUNTS % "1h")
    hours = itertools.count(1)
    with running() as run:
        move_in("a", "a\n")
        run.wait_until(lambda: os.path.exists("ck/catalog.db"), "the start")
        first = batch_an_hour_later(run, "a", hours)  # in seconds, not in an hour of poll's own time
        move_in("b", "b\n")
        check(first < batch_an_hour_later(run, "b", hours), "batch times increase")
        run.stop()


def test_after_a_sleep_windows_are_made_up_and_the_rest_is_skipped():
    begin(WINDOW)
    with running() as run:
        move_in("a", "a\n")
        first = batch_of(run, "a")
        set_clock(HOUR_MS)
        move_in("b", "b\n")
        second = batch_of(run, "b")
        run.stop()
        equal(run.stderr(), "", "what was said")
    words = {t: content for t, content in outputs().items()}
    equal([t - first for t in sorted(words) if b"a\t" in words[t]], [0, 100, 200, 300, 400], "the windows with the first")
    check(second > first + HOUR_MS / 2, "the second comes after the sleep")
    check(len([t for t in words if first + 500 <= t < second]) <= 1, "times at which there was nothing: %s" % sorted(words))


def test_once_goes_by_the_clock_that_was_set_back():
    begin(COUNTS % "100ms")
    set_clock(HOUR_MS)
    prefix = ("env", "LD_PRELOAD=%s" % CLOCK)
    move_in("a", "a\n")
    equal(sluice("run", "job.lua", "--once", prefix=prefix).returncode, 0, "the first")
    set_clock(0)
    move_in("b", "b\n")
    done = sluice("run", "job.lua", "--once", prefix=prefix)
    equal(done.returncode, 0, "the second")
    check("what waits is left" in done.stderr, "what was said: " + done.stderr)
    equal(counted(), {"a": [1]}, "the words")


main(globals())
