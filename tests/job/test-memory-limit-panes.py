#!/usr/bin/env python3
# timeout: 1800
"""memoryLimit and windows of event time: random streams give the same bytes whatever the limit, which may change, come and go from one
run to the next, with 1 and 2 workers, with kills in between, and where the windows change as well.

SLUICE_SEED chooses the streams; SLUICE_LONG=1: more of them.
"""
import glob, pathlib
from limits import *

FILES = 12
LIMITS = (None, "1KB", "20KB", "200KB", "1MB")
LIFE_S = 2.0 if SANITIZED else 0.5  # a killed run has lived at most so long

HEAD = '''
local first = ssc:textFileStream("in"):map(sluice.fields(",", 1, 2, 3)):withWatermark(sluice.timestamp(1, "s"), "20s")
    :map(function(t, k, v)
        local n = tonumber(k, 16)
        local key = n % 7 == 0 and n or n % 7 == 1 and n + 0.0 or n % 7 == 2 and k:rep(150) or n % 7 == 3 and { k, n } or k
        if n % 53 == 0 then key = { k:rep(200), n } end
        return key, math.tointeger(v)
    end)
'''

# The values of a key are few, but for `lists` and `values`.
WINDOWS = {
    "sums": '{ size = "%ds" }:reduceByKey(sluice.sum)',
    "hops": '{ size = "%ds", slide = "10s", emit = "both" }:reduceByKey(function(a, b) return a .. "," .. b end)',
    "updates": '{ size = "%ds", slide = "15s", emit = "updates" }:reduceByKey(function(a, b) return a * 0.7 + b end)',
    "lists": '{ size = "%ds", slide = "30s", emit = "updates" }:groupByKey()',
    "failed": '''{ size = "%ds", slide = "20s", emit = "both" }:reduceByKey(function(a, b)
        if a == 3 then error("three") end
        return a + b
    end)''',
    "records": '{ size = "%ds" }:distinct()',
    "values": '{ size = "%ds", emit = "both" }:countByValue()',
    "open": '''{ size = "%ds", slide = "20s", emit = "updates" }:reduceByKey(function(a, b)
        if a == 3 then error("three") end
        return a + b
    end):openWindows()''',
    "one": '{ size = "%ds", slide = "5s", emit = "updates" }:count()',
}


def expressions(size):
    return {name: "first:eventWindow " + window % size for name, window in WINDOWS.items()}


def texts(generator):
    """A file for each batch, of many keys or few, whose times move on by little or by much; some are late."""
    at = 1000
    for _ in range(FILES):
        count, keys = generator.choice((3, 30, 300, 1200)), generator.choice((5, 200, 3000))
        lines = []
        for _ in range(count):
            at += generator.random() * 20 / count
            time = at - generator.choice((0, 0, 0, 1, 9, 15, 60))
            lines.append("%d,%x,%d\n" % (time, generator.randrange(keys), generator.randrange(5)))
        at += generator.choice((0, 0, 5, 70))
        yield "".join(lines)


def script(size, limit, workers):
    options = 'maxErrorRate = 1, onRecordError = "skip", maxFilesPerBatch = 1, workers = %d' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    return job(head(options) + HEAD + "".join(save(expression, name) for name, expression in expressions(size).items()))


def rows():
    found = {name: b"".join(content for _, content in sorted(directories("out/" + name).items())) for name in WINDOWS}
    for folder in ("late", "deadletter"):
        found[folder] = b"".join(pathlib.Path(path).read_bytes() for path in sorted(glob.glob(".sluice/job/%s/*" % folder)))
    return found


def go_on(batches, size, limit, workers):
    sluice_ok("run", script(size, limit, workers), "--clock", "virtual", "--batches", str(batches), seconds=240)


def live_and_die(generator, size, limit, workers):
    with Running(script(size, limit, workers), "--clock", "virtual", "--available-now") as run:
        try:
            run.process.wait(timeout=generator.uniform(0, LIFE_S))
        except subprocess.TimeoutExpired:
            run.kill()


def finish(size, limit, workers):
    sluice_ok("run", script(size, limit, workers), "--clock", "virtual", "--available-now", "--finish", seconds=240)
    return rows()


def test_one_process_gives_the_same_with_any_limit():
    for seed, generator in each_seed(texts):
        clear()
        wanted = finish(60, None, 2)
        check(all(wanted[name] for name in WINDOWS), "each output has rows")
        for limit in LIMITS[1:]:
            clear()
            workers = generator.choice((1, 2))
            compare(finish(60, limit, workers), wanted, "seed %d, %s, %d workers" % (seed, limit, workers))


def test_limits_come_and_go_between_runs_and_kills():
    for seed, generator in each_seed(texts):
        clear()
        wanted = finish(60, None, 1)
        clear()
        for _ in range(5):
            limit, workers = generator.choice(LIMITS), generator.choice((1, 2))
            if generator.random() < 0.5:
                go_on(1, 60, limit, workers)
            else:
                live_and_die(generator, 60, limit, workers)
        compare(finish(60, generator.choice(LIMITS), 2), wanted, "seed %d" % seed)


def test_windows_and_limits_may_change_together():
    for seed, generator in each_seed(texts):
        found = {}
        for has_limits in (False, True):
            clear()
            for batches, size in ((3, 60), (3, 90), (1, 120), (2, 30)):
                limit = generator.choice(LIMITS) if has_limits else None
                go_on(batches, size, limit, generator.choice((1, 2)))
            found[has_limits] = finish(60, "1KB" if has_limits else None, 2)
        compare(found[True], found[False], "seed %d" % seed)


main(globals())
