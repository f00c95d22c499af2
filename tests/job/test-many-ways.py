#!/usr/bin/env python3
"""Graphs of many operators, and streams that are used many times: where the ways through a graph double at each operator, what
is planned, remembered and shown of the job grows with its operators alone; so does the processor time of a start."""
import resource
from harness import *

BEGIN = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local s = ssc:textFileStream("in")
"""


def run_one(*options):
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", *options)


def test_state_below_doubling_ways_is_kept_and_found_again():
    job(BEGIN + """for i = 1, 200 do s = s:union(s):distinct() end
s:map(sluice.pair(1)):updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/w", "txt")
""")
    move_in("a", "a\nb\n")
    run_one()
    equal(output(1000, "out/w"), b"a\t1\nb\t1\n", "first batch")
    move_in("b", "b\n")
    run_one()
    equal(output(2000, "out/w"), b"a\t1\nb\t2\n", "second batch, of another run")
    for command in ("check", "graph", "graph --json", "check --spark", "status"):
        sluice_ok(*command.split(), "job.lua")
    sluice_ok("why", "job.lua", "in/b")
    sluice_ok("trace", "job.lua", "out/w-2000.txt")


def test_a_changed_operator_above_doubling_ways_is_noticed():
    text = BEGIN + """s = s:map(function(line) return line, %d end):reduceByKey(sluice.sum):name("first")
for i = 1, 60 do s = s:union(s):distinct() end
s:updateStateByKey(function(values, state) return (state or 0) + values[1] end):name("counted"):saveAsTextFiles("out/w", "txt")
"""
    job(text % 1)
    move_in("a", "a\n")
    run_one()
    job(text % 2)
    move_in("b", "a\n")
    result = run_one()
    check("counted" in result.stderr or "updateStateByKey" in result.stderr, "the change is named: %r" % result.stderr)
    equal(output(2000, "out/w"), b"a\t3\n", "state goes on")


def test_event_times_come_through_doubling_ways():
    ways = "for i = 1, 60 do s = s:union(s):dropDuplicates() end\n"
    job(BEGIN + """s = s:withWatermark(function(line) return tonumber(line) * 1000 end, "5s")
""" + ways + """s:eventWindow { size = "10s" }:count():saveAsTextFiles("out/w", "txt")
""")
    move_in("a", "1\n2\n12\n")
    run_one("--finish")
    found = sorted(line for t in output_times("out/w") for line in output(t, "out/w").splitlines())
    equal(found, [b"0\t10000\t2", b"10000\t20000\t1"], "windows")


def test_check_refuses_unions_that_a_run_refuses():
    job(BEGIN + """for i = 1, 40 do s = s:union(s:filter(sluice.contains("x"))) end
s:saveAsTextFiles("out/w", "txt")
""")
    for command in (("check", "job.lua"), ("run", "job.lua", "--once")):
        result = sluice(*command)
        equal(result.returncode, 2, "%s: %s" % (command, result.stderr))
        check("job.lua:5: unions reach saveAsTextFiles on more than" in result.stderr, result.stderr)


def processor_seconds(*arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sluice_ok(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def seconds_of_check():
    """The least of three: on a busy machine one may take twice as much."""
    return min(processor_seconds("check", "job.lua") for _ in range(3))


def many_sources(count):
    for i in range(count):
        os.makedirs("in/%d" % i, exist_ok=True)
    job(BEGIN + """for i = 1, %d do ssc:textFileStream("in/" .. i - 1):saveAsTextFiles("out/" .. i, "txt") end\n""" % count)


def test_four_times_the_sources_take_no_sixty_four_times_the_time():
    """All pairs of places are compared, some hundreds of instructions each; nothing looks at more than pairs."""
    count = 60 if SANITIZED else 250
    many_sources(count)
    few = seconds_of_check()
    many_sources(4 * count)
    more = seconds_of_check()
    check(more < 24 * few, "check took %.3f s for %d sources, %.3f s for 4 times as many" % (few, count, more))


def start_again(count):
    """Of a job with so many states of one signature, and views: the time of the second start."""
    job(BEGIN + """s = s:map(sluice.pair(1))
for i = 1, %d do
    s:updateStateByKey(function(values, state) return (state or 0) + #values + i end):mount("v" .. i)
    s:reduceByKeyAndWindow(sluice.sum, nil, "10s"):mount("w" .. i)
end
""" % count)
    shutil.rmtree(".sluice", ignore_errors=True)
    for name in ("a", "b"):
        move_in(name, "x\n")
        seconds = processor_seconds("run", "job.lua", "--clock", "virtual", "--batches", "1")
    return seconds


def test_four_times_the_states_take_no_hundred_times_the_time_of_a_start():
    count = 10 if SANITIZED else 50
    few, more = start_again(count), start_again(4 * count)
    check(more < 20 * few, "a second start took %.3f s with %d states, %.3f s with 4 times as many" % (few, 2 * count, more))


main(globals())
