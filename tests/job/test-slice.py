#!/usr/bin/env python3
"""stream:slice(from, to) in functions of foreachRDD: the rdds of earlier batches, kept as long as remember says."""
import pathlib
from harness import *

HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1, emptyBatches = true }
%s
local s = ssc:queueStream({ { { "a", 1 }, { "b", 2 } }, { { "c", { 3, 4 } } }, {}, { { "d", nil } }, { { "e" } } },
    { partitions = 2 })
"""
SHOW = """
local function show(list)
    local shown = {}
    for _, rdd in ipairs(list) do
        local records = rdd:map(function(a, b) return a .. ":" .. (type(b) == "table" and #b or tostring(b)) end):collect()
        shown[#shown + 1] = table.concat(records, "+")
    end
    return "[" .. table.concat(shown, " ") .. "]"
end
"""


def lines(body, *options, remember="ssc:remember(3)", batches="5"):
    return sluice_ok("run", job(HEAD % remember + SHOW + body), "--clock", "virtual", "--batches", batches,
                     *options).stdout.splitlines()


def test_batches_of_another_stream():
    body = """local t = s:map(function(a) return a end)
t:foreachRDD(function(time, rdd) print(time, show(s:slice(time - 2000, time)), show(s:slice(time, time))) end)
"""
    for workers in "1", "5":
        equal([line.split("\t") for line in lines(body, "--workers", workers, "--checkpoint", "state-" + workers)],
              [["1000", "[a:1+b:2]", "[a:1+b:2]"], ["2000", "[a:1+b:2 c:2]", "[c:2]"],
               ["3000", "[a:1+b:2 c:2 ]", "[]"], ["4000", "[c:2  d:nil]", "[d:nil]"],
               ["5000", "[ d:nil e:nil]", "[e:nil]"]], workers + " workers")


def test_both_ends_are_included_and_nothing_else():
    asked = ["2000, 1000", "0, 1000", "1000, 1000", "-1/0, 1/0", "1001, 1999", "1001, 2000", "2001, 9000", "0, -5"]
    body = "s:foreachRDD(function(time, rdd) if time == 2000 then\n%send end)\n" % "".join(
        "print(show(s:slice(%s)))\n" % ends for ends in asked)
    equal(lines(body), ["[]", "[a:1+b:2]", "[a:1+b:2]", "[a:1+b:2 c:2]", "[]", "[c:2]", "[]", "[]"], "ranges")


def test_without_remember_there_is_the_batch_alone():
    body = "s:foreachRDD(function(time, rdd) print(show(s:slice(0, time))) end)\n"
    equal(lines(body, remember=""), ["[a:1+b:2]", "[c:2]", "[]", "[d:nil]", "[e:nil]"], "batches")


def test_a_restart_forgets_nothing():
    script = job(HEAD % "ssc:remember('3s')" + SHOW + "s:foreachRDD(function(time, rdd) print(show(s:slice(0, time))) end)\n")
    found = []
    for _ in range(5):
        found += sluice_ok("run", script, "--clock", "virtual", "--batches", "1").stdout.splitlines()
    equal(found, ["[a:1+b:2]", "[a:1+b:2 c:2]", "[a:1+b:2 c:2 ]", "[c:2  d:nil]", "[ d:nil e:nil]"], "in five runs")


def test_streams_are_found_through_functions_and_tables():
    body = """local streams = { nested = { s } }
local function counted(stream, time)
    local n = 0
    for _, rdd in ipairs(stream:slice(0, time)) do n = n + rdd:count() end
    return n
end
s:map(function(a) return a end):foreachRDD(function(time, rdd) print(counted(streams.nested[1], time)) end)
"""
    equal(lines(body), ["2", "3", "3", "2", "2"], "counts")


def test_a_stream_with_a_slide_of_its_own():
    body = """local w = s:countByWindow(2, 2)
s:foreachRDD(function(time, rdd) print(time, show(w:slice(0, time))) end)
"""
    equal([line.split("\t") for line in lines(body, remember="ssc:remember(5)", batches="4")],
          [["1000", "[]"], ["2000", "[3:nil]"], ["3000", "[3:nil]"], ["4000", "[3:nil 1:nil]"]], "every second batch")


def test_elsewhere_it_is_refused():
    for body, text in (("s:slice(0, 1)", "call it in foreachRDD's function"),
                       ("s:transform(function(rdd) return rdd:slice(0, 1) end):print()", "call it in foreachRDD's function"),
                       ("s:map(function(a) return s:slice(0, 1) end):print()", "call it in foreachRDD's function")):
        done = sluice("run", job(HEAD % "" + body + "\n"), "--clock", "virtual", "--batches", "1", "--checkpoint", "none-%d" % len(body))
        check(text in done.stderr + "".join(read(p).decode() for p in pathlib.Path(".").glob("none-*/deadletter/*")), body + ": " + done.stderr)
    done = sluice("run", job(HEAD % "" + """local hidden = setmetatable({}, { __index = function() return s end })
s:map(function(a) return a end):foreachRDD(function(time, rdd) return hidden.x:slice(0, time) end)
"""), "--clock", "virtual", "--batches", "1")
    check("this stream is not kept" in done.stderr, done.stderr)


def test_functions_that_do_not_use_it_keep_nothing():
    graph = sluice_ok("graph", job(HEAD % "ssc:remember(3)" + "s:map(function(a) return a end):foreachRDD(function(time) print(s) end)\n")).stdout
    check("window" not in graph, graph)


def test_remember_wants_a_duration():
    for given in "'soon'", "-1", "{}", "":
        done = sluice("check", job(HEAD % ("ssc:remember(%s)" % given) + "s:print()\n"))
        check(done.returncode == 2 and "remember: the duration" in done.stderr, given + ": " + done.stderr)


main(globals())
