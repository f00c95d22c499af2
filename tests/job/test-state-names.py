#!/usr/bin/env python3
"""Which operators may have the state that is stored under a name, after the job has changed."""
from harness import *

NAMED = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
ssc:textFileStream("in"):map(sluice.pair(1)):%s:name("totals"):saveAsTextFiles("out/totals")
"""
WINDOW = 'reduceByKeyAndWindow(%s, "9s", "1s"%s)'
ADD, SUBTRACT = "function(a, b) return a + b end", "function(a, b) return a - b end"
SUM, RUNNING, FOLDED = WINDOW % ("sluice.sum, nil", ""), WINDOW % (ADD + ", " + SUBTRACT, ""), WINDOW % (ADD + ", nil", "")
TIMED = "withWatermark(function() return 1000 end, 0)"
EVENTS = TIMED + ':eventWindow { size = "9s" }:reduceByKey(sluice.%s)'
OTHER_FORMS = ((SUM, RUNNING), (RUNNING, SUM), (FOLDED, RUNNING), (RUNNING, FOLDED), (SUM, WINDOW % ("sluice.list, nil", "")),
               (WINDOW % ("sluice.histogram({ 0, 1, 2 }), nil", ""), WINDOW % ("sluice.histogram({ 0, 2 }), nil", "")),
               (EVENTS % "sum", EVENTS % "list"), (TIMED + ":dropDuplicates()", TIMED + ":dropDuplicates(sluice.select(1))"))
SAME_FORM = ((RUNNING, WINDOW % (ADD + ", " + SUBTRACT, ", nil, function(k, n) return n > 1 end")), (SUM, SUM.replace("9s", "5s")),
             (FOLDED, FOLDED.replace("a + b", "b + a")))


def test_a_name_does_not_give_an_operator_state_of_another_reducer():
    """A sum read as a list is damage that is none, and a window with an inverse read as one without counts twice."""
    for first, second in OTHER_FORMS + SAME_FORM:
        for left in ("ck", "in", "out"):
            shutil.rmtree(left, ignore_errors=True)
        job(NAMED % first)
        move_in("a", "x\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
        job(NAMED % second)
        move_in("b", "x\n")
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
        if (first, second) in SAME_FORM:
            equal((done.returncode, output(2000, "out/totals", "")), (0, b"x\t2\n"), "%s to %s: %s" % (first, second, done.stderr))
            continue
        equal(done.returncode, 2, "%s to %s: exit status; %s" % (first, second, done.stderr))
        check('under the name "totals" the checkpoint holds state of an operator with another reducer or function' in done.stderr, done.stderr)
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", "--accept-changes")
        if second == SUM:
            equal(output(2000, "out/totals", ""), b"x\t1\n", "without the state of " + first)


main(globals())
