#!/usr/bin/env python3
"""Streams that are used many times: where the ways through a graph double at each operator, what is planned, remembered
and shown of the job grows with its operators alone."""
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


main(globals())
