#!/usr/bin/env python3
"""sluice.counter and sc:accumulator: once a record of a committed batch, whatever happens in between."""
import sqlite3
from harness import *

HEAD = """local sluice = require "sluice"
local sc = sluice.SparkContext()
local ssc = sluice.StreamingContext(sc, 1, { maxFilesPerBatch = 1 })
local lines = ssc:textFileStream("in")
"""


def feed(*files):
    for number, text in enumerate(files, 1):
        move_in("f%d" % number, text)


def run(body, batches, *options):
    return sluice_ok("run", job(HEAD + body), "--clock", "virtual", "--batches", str(batches), *options)


def counted():
    with sqlite3.connect("file:.sluice/job/catalog.db?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT name, value FROM counters"))


def test_every_record_counts_once_also_one_that_fails():
    for workers in ("1", "2", "7"):
        shutil.rmtree(".sluice", ignore_errors=True)
        shutil.rmtree("in", ignore_errors=True)
        feed("a\nbad\nb\n" * 50, "a\nb\n" * 50)
        run("""
lines:map(function(line)
    sluice.counter("all"):add()
    sluice.counter("tenths"):add(0.1)
    if line == "bad" then sluice.counter("bad"):add(1) error("bad") end
    return line, 1
end):reduceByKey(function(a, b) sluice.counter("sums"):add(1) return a + b end):pprint()
""", 2, "--workers", workers, "--set", "maxErrorRate=1")
        got = counted()
        equal({name: got[name] for name in ("all", "bad", "sums")}, {"all": 250, "bad": 50, "sums": 196}, "counters")
        check(abs(got["tenths"] - 25) < 1e-9, "floats: %r" % got["tenths"])


def test_the_value_is_what_committed_batches_counted():
    feed("a\nb\n", "c\n", "d\n")
    done = run("""
local seen = sc:accumulator(100)
lines:map(function(line) seen:add(1) return line end):foreachRDD(function(rdd) print(rdd:count(), seen.value) end)
""", 3)
    equal(done.stdout, "2\t100\n1\t102\n1\t103\n", "count and value")
    done = run("local seen = sc:accumulator(100)\nlines:map(function(line) seen:add(1) return line end):foreachRDD(function(rdd) print(seen.value) end)\n", 1)
    equal(done.stdout, "", "nothing new")
    equal(counted(), {"accumulator 1": 104}, "the catalog")


def test_a_batch_that_is_redone_counts_once():
    feed("a\nb\n", "c\n")
    body = """
lines:map(function(line) sluice.counter("n"):add(1) return line end):foreachRDD(function(rdd)
    sluice.counter("calls"):add(1)
    local marker = io.open("marker")
    if not marker then io.open("marker", "w"):close() os.execute("kill -9 $PPID") end
end)
"""
    done = sluice("run", job(HEAD + body), "--clock", "virtual", "--batches", "2")
    equal(done.returncode, -9, "the first run ends in its first batch")
    run(body, 2)
    equal(counted(), {"n": 3, "calls": 2}, "counters after the batch was redone, and one more")


def test_a_file_that_is_left_out_counts_nothing():
    feed("a\nb\n" * 10)
    import gzip
    move_in("g.gz", gzip.compress(b"x\n" * 100000)[:-200])
    run("""
lines:map(function(line) sluice.counter("n"):add(1) return line end):count():pprint()
""", 2)
    equal(counted(), {"n": 20}, "counters without the damaged file")


def test_functions_of_a_query_count_once():
    feed("a\nb\n")
    run("""
lines:foreachRDD(function(rdd)
    rdd:filter(function(line) if line == "a" then sluice.counter("dropped"):add(1) return false end return true end):count()
end)
""", 1)
    equal(counted(), {"dropped": 1}, "counters")


def test_what_is_refused():
    feed("a\n")
    for body, wanted in (("sluice.counter('n'):add(1)\nlines:print()\n", "the top of the job"),
                         ("sc:accumulator('x')\nlines:print()\n", "a counter counts numbers"),
                         ("local c = sluice.counter('n') lines:filter(function() return c.value > 0 end):print()", None)):
        done = sluice("run", job(HEAD + body), "--clock", "virtual", "--batches", "1")
        if wanted:
            check(done.returncode == 2 and wanted in done.stderr, "%s: %s" % (body, done.stderr))
        else:
            check("foreachRDD can" in done.stderr, done.stderr)


def test_status_and_metrics_show_them():
    feed("a\nb\n")
    run("lines:filter(function() sluice.counter('seen \"x\"'):add(1) return true end):print()\n", 1)
    status = json.loads(sluice_ok("status", "--json", "job.lua").stdout)
    check('seen' in json.dumps(status), "status: %s" % status)
    equal(json.loads(read(".sluice/job/status.json"))["counters"], {'seen "x"': 2}, "status.json")
    metrics = sluice_ok("status", "--metrics", "job.lua").stdout
    check('\nsluice_counter{name="seen \\"x\\""} 2\n' in metrics, "metrics: " + metrics)


main(globals())
