#!/usr/bin/env python3
"""Times that were missed are made up where a window would have shown something, and nowhere else."""
import pathlib
from harness import *

WINDOW = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "200ms", checkpoint = "ck"%s }
ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKeyAndWindow(sluice.sum, nil, "1s", "200ms"):saveAsTextFiles("out/w")
"""


def times_of(prefix):
    found = [p.name.rsplit("-", 1)[1] for p in pathlib.Path("out").glob(prefix + "-*")]
    return sorted(int(t) for t in found)


def once():
    sluice_ok("run", "job.lua", "--once")


def part(prefix, t):
    return pathlib.Path("out/%s-%d/part-00000" % (prefix, t)).read_bytes()


def run_twice_with_a_pause(options=""):
    job(WINDOW % options)
    move_in("a", "x\n")
    once()
    first = times_of("w")
    equal(len(first), 1, "directories of the first run")
    wait_until(lambda: time.time() * 1000 > first[0] + 3000, "three seconds of the clock")
    move_in("b", "y\n")
    once()
    return first[0], times_of("w")


def test_every_slide_that_reaches_back_to_data_is_shown():
    start, times = run_twice_with_a_pause()
    equal(times[:-1], [start + 200 * k for k in range(5)], "the slides that hold the first batch")
    for t in times[:-1]:
        equal(part("w", t), b"x\t1\n", "at %d" % t)
    check(times[-1] >= start + 3000, "the new file goes into the newest due batch")
    equal(part("w", times[-1]), b"y\t1\n", "the newest")


def test_nothing_is_made_up_where_the_job_says_none():
    start, times = run_twice_with_a_pause(', catchUp = "none"')
    equal(len(times), 2, "directories: %s" % times)


def test_missed_time_outs_run_in_one_batch():
    job("""
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "200ms", checkpoint = "ck" }
ssc:textFileStream("in"):map(sluice.pair(1)):mapWithState(function(key, value, state)
    if value == nil then return key, "gone" end
    state:update(1)
    return key, "seen"
end, { timeout = "400ms" }):saveAsTextFiles("out/s")
""")
    move_in("a", "x\ny\n")
    once()
    start = times_of("s")[0]
    wait_until(lambda: time.time() * 1000 > start + 2500, "two and a half seconds of the clock")
    move_in("b", "z\n")
    once()
    times = times_of("s")
    equal(len(times), 3, "directories: %s" % times)
    equal(part("s", times[1]), b"x\tgone\ny\tgone\n", "the time-outs")
    equal(part("s", times[2]), b"z\tseen\n", "the newest")


def test_sources_are_not_idle_at_times_that_were_missed():
    """What the times in between would have brought is not known: what waits is not late because of them."""
    job("""
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "200ms", checkpoint = "ck" }
local timed = ssc:textFileStream("in"):union(ssc:textFileStream("behind")):withWatermark(sluice.timestamp("s"), "10s", { idleAfter = "400ms" })
timed:eventWindow { size = "10s" }:count():saveAsTextFiles("out/e")
timed:window("1s"):count():saveAsTextFiles("out/w")
""")
    move_in("a", "100\n")
    move_in("b", "51\n", "behind")
    once()
    start = times_of("w")[0]
    wait_until(lambda: time.time() * 1000 > start + 2000, "two seconds of the clock")
    move_in("c", "101\n")
    move_in("d", "52\n", "behind")
    once()
    check(len(times_of("w")) > 3, "missed times were made up: %s" % times_of("w"))
    sluice_ok("run", "job.lua", "--available-now", "--finish")
    equal(os.path.exists("ck/late"), False, "late records")
    equal(b"".join(part("e", t) for t in times_of("e")), b"50000\t60000\t2\n100000\t110000\t2\n", "the windows")


main(globals())
