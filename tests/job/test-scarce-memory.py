#!/usr/bin/env python3
# presets: release
# timeout: 1800
"""Memory that runs out is no fault of a record, a file or the checkpoint: whichever allocation fails, a batch either
succeeds with the right results or fails with exit status 1, without dead letters, quarantined files or "damaged", and
the next run does all of it. The job has every format, compression, regular expressions, JSON, state and rows on disk.
"""
import gzip, os, pathlib, random
from harness import *

SCARCE = BUILD / "tests/scarce.so"
POINTS = 2000 if LONG else 60
JOB = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", memoryLimit = "1MB", workers = 2, maxErrorRate = 1 }
local function path(dir, opts) -- libinotifytools crashes by itself where memory is missing
    opts = opts or {}
    opts.watch = "poll"
    return ssc:fileStream(dir, opts)
end
local json = path("json", { format = "jsonl" }):map(function(r) return r.k, r.n end)
local csv = path("csv", { format = "csv", header = true })
local tsv = path("tsv", { format = "tsv" })
local text = path("text"):flatMap(sluice.split(" ")):filter(sluice.matches("^\\\\w+$")):map(sluice.pair(1))
local inner = path("inner"):map(sluice.json("k", "n"))
local pairs_of = json:union(inner):union(text)
pairs_of:reduceByKey(sluice.sum()):saveAsTextFiles("out/sums", "txt")
pairs_of:groupByKey():mapValues(function(list) return #list end):saveAsTextFiles("out/groups", "txt")
pairs_of:updateStateByKey(function(values, state)
    for i = 1, #values do state = (state or 0) + values[i] end
    return state
end):saveAsTextFiles("out/state", "txt")
pairs_of:reduceByKeyAndWindow(sluice.sum(), nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
pairs_of:withWatermark(function() return 1000 end, "1s"):eventWindow { size = "1h", emit = "updates" }:reduceByKey(function(a, b)
    return a .. ("x"):rep(200) .. b
end):saveAsTextFiles("out/event", "txt")
csv:map(function(a, b) return b, a end):sortByKey():saveAsTextFiles("out/csv", "txt")
tsv:saveAsTextFiles("out/tsv", "txt")
return ssc
"""


def put(number):
    """One file in every directory."""
    keys = ["k%d" % (i * 7919 % 500) for i in range(1500)]
    lines = "".join('{"k":"%s \\\\u00e9","n":%d,"l":[1,{"a":null}]}\n' % (key, i) for i, key in enumerate(keys))
    rows = "a,b\n" + "".join('"%d ""quoted""",%s\n' % (i, key) for i, key in enumerate(keys))
    words = "".join("the %s of\n" % key for key in keys)
    move_in("j%d" % number, lines, "json")
    move_in("i%d" % number, lines, "inner")
    move_in("c%d" % number, rows, "csv")
    move_in("t%d" % number, "".join("a\\tb %s\t%d\\n\n" % (key, i) for i, key in enumerate(keys)), "tsv")
    move_in("w%d.gz" % number, gzip.compress(words.encode()), "text")


def once(start_ms, **env):
    command = [SLUICE, "run", "job.lua", "--batches", "1", "--clock", "virtual", "--start-time", str(start_ms)]
    if env:
        env = dict(os.environ, LD_PRELOAD=str(SCARCE), **{name: str(value) for name, value in env.items()})
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
                          env=env or None)


def results():
    """The bytes of each output file, by its path."""
    return {str(path): path.read_bytes() for path in sorted(pathlib.Path("out").rglob("part-*"))}


def restore():
    for name in ("out", ".sluice"):
        shutil.rmtree(name, ignore_errors=True)
        shutil.copytree("before/" + name, name, symlinks=True)


def check_point(number, count, wanted):
    restore()
    done = once(0, SLUICE_FAIL_FROM=number, SLUICE_FAIL_COUNT=count)
    what = "allocation %d, %d of them: exit status %d, %s" % (number, count, done.returncode, done.stderr)
    check(done.returncode in (0, 1), what)
    check("set aside" not in done.stderr and "damaged" not in done.stderr and "quarantined" not in done.stderr, what)
    check(not list(pathlib.Path(".sluice").rglob("deadletter/*")), "dead letters after " + what)
    if done.returncode == 0:
        equal(results(), wanted, "results after " + what)
        return
    check("memory" in done.stderr, what)
    again = once(0)
    equal(again.returncode, 0, "the next run after %s; %s" % (what, again.stderr))
    equal(results(), wanted, "results of the next run after " + what)


def test_running_out_of_memory_is_never_a_fault_of_the_data():
    pathlib.Path("job.lua").write_text(JOB)
    put(1)
    done = once(0)
    equal(done.returncode, 0, "the first batch; " + done.stderr)
    os.mkdir("before")
    for name in ("out", ".sluice"):
        shutil.copytree(name, "before/" + name, symlinks=True)
    put(2)
    done = once(0, SLUICE_ALLOCATIONS="allocations")
    equal(done.returncode, 0, "the second batch; " + done.stderr)
    wanted = results()
    letters = list(pathlib.Path(".sluice").rglob("deadletter/*"))
    check(not letters, "dead letters: %s" % "".join(path.read_text()[:300] for path in letters if path.is_file()))
    check(len(wanted) > 6, "results of two batches: %s" % list(wanted))
    total = int(pathlib.Path("allocations").read_text())
    seed = random.randrange(1 << 30)
    print("%d allocations, seed %d" % (total, seed))
    chosen = random.Random(seed)
    for i in range(POINTS):
        first = total * i // POINTS + 1
        check_point(chosen.randint(first, max(first, total * (i + 1) // POINTS)), 1 << 60 if i % 4 == 3 else 1, wanted)


main(globals())
