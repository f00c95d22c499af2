#!/usr/bin/env python3
"""functionTimeout: a function that runs for too long fails its batch, wherever it is called."""
import pathlib, time
from harness import *

HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false, functionTimeout = "%s" }
local s = ssc:queueStream({ {{"a", 1}, {"a", 2}, {"b", 3}}, {{"a", 1}} }, { partitions = 2 })
local function hang() while true do end end
'''
STUCK = {
    "map": "s:map(hang):print()",
    "filter": "s:map(sluice.swap):filter(hang):map(sluice.swap):print()",
    "a function that catches errors": "s:map(function() while true do pcall(hang) end end):print()",
    "reduceByKey": "s:reduceByKey(hang):print()",
    "mapPartitions": "s:mapPartitions(hang):print()",
    "updateStateByKey": "s:updateStateByKey(hang):print()",
    "mapWithState": "s:mapWithState(hang):print()",
    "sortBy": "s:sortBy(hang):print()",
    "foreachRDD": "s:foreachRDD(hang)",
}


def run(body, timeout="100ms"):
    job(HEAD % timeout + body + "\n")
    return sluice("run", "job.lua", "--clock", "virtual", "--batches", "2", "--workers", "2")


def need_signals():
    if os.environ.get("SLUICE_PRESET") == "tsan":
        skip("ThreadSanitizer holds signals back until the next system call")


def test_a_function_that_never_ends_fails_the_batch_by_name():
    need_signals()
    for name, body in STUCK.items():
        done = run(body)
        equal(done.returncode, 1, "exit status for %s" % name)
        operator = re.search(r":(\w+)\([^:]*hang", body).group(1)
        check(re.search(r'job.lua:5: %s: the function ran for longer than functionTimeout = "100ms"' % operator, done.stderr),
              "%s: the message names the operator, its line and the option: %s" % (name, done.stderr))
        equal(done.stdout, "", "what %s shows" % name)


PATTERNS = {
    "find": "(('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30)))",
    "match": "((' '):rep(300000) .. 'x'):match('^(.-)%s*$')",
    "gmatch": "((' '):rep(300000) .. 'x'):gmatch('%s*y')()",
    "gsub": "((' '):rep(300000) .. 'x'):gsub('%s+y', '')",
    "a coroutine": "coroutine.wrap(function() return ((' '):rep(300000) .. 'x'):match('^(.-)%s*$') end)()",
    "what catches errors": "pcall(string.match, (' '):rep(300000) .. 'x', '^(.-)%s*$')",
}


def test_patterns_that_take_too_long_are_interrupted():
    need_signals()
    for name, body in PATTERNS.items():
        done = run("s:map(function() return %s end):print()" % body)
        equal(done.returncode, 1, "exit status for %s; %s" % (name, done.stderr))
        check("job.lua:5: map: the function ran for longer" in done.stderr, "the message for %s: %s" % (name, done.stderr))


def test_a_function_in_c_fails_the_batch_when_it_comes_back():
    need_signals()
    done = run("s:map(function() return utf8.len(('x'):rep(1e8)) end):print()", "20ms")
    equal(done.returncode, 1, "exit status; " + done.stderr)
    check("job.lua:5: map: the function ran for longer" in done.stderr, "the message: " + done.stderr)


def test_functions_that_end_in_time_are_left_alone():
    body = '''s:map(function(k, v)
    local t = 0
    for i = 1, 3e5 do t = t + i % 7 end
    return k, v
end):repartition(1):saveAsTextFiles("out/r", "")'''
    done = run(body, timeout="5s")  # of the clock on the wall, which goes on while others have the processor
    equal(done.returncode, 0, "exit status; " + done.stderr)
    equal(list(outputs("out/r", "").values()), [b"a\t1\na\t2\nb\t3\n", b"a\t1\n"], "outputs")


def test_time_is_counted_for_each_call_alone():
    lines = "x\n" * 400
    os.mkdir("in")
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", functionTimeout = "1s" }
ssc:textFileStream("in"):map(function(k)
    for i = 1, 5e5 do end
    return k
end):count():saveAsTextFiles("out/r", "")
''')
    move_in("a", lines)
    sluice_ok("run", "job.lua", "--once", "--workers", "1")
    equal(list(outputs("out/r", "").values()), [b"400\n"], "outputs")


def asleep(pid):
    """Whether no thread of the process has run for a while: how often each was switched away, twice."""
    def switches():
        return [path.read_text().split("voluntary_ctxt_switches:")[1] for path in pathlib.Path("/proc/%d/task" % pid).glob("*/status")]
    before = switches()
    time.sleep(0.3)
    return switches() == before


def test_a_run_that_has_nothing_to_do_sleeps_and_still_notices_a_function_that_never_ends():
    need_signals()
    os.mkdir("in")
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", functionTimeout = "100ms" }
ssc:textFileStream("in"):map(function(line)
    while line == "hang" do end
    return line
end):saveAsTextFiles("out/r", "")
''')
    with Running("job.lua") as run:
        for name in ("a", "b"):
            run.wait_until(lambda: asleep(run.process.pid), "a third of a second in which no thread wakes up")
            move_in(name, "fine\n" if name == "a" else "hang\n")
            if name == "a":
                run.wait_until(lambda: len(outputs("out/r", "")) == 1, "the first output")
        equal(run.end(), 1, "exit status")
        check("job.lua:3: map: the function ran for longer" in run.stderr(), "the message: " + run.stderr())


main(globals())
