#!/usr/bin/env python3
# timeout: 1800
"""memoryLimit and event time: sessions, keys that are seen once and joins that do not fit go to disk, and every batch shows what it
shows without a limit, byte for byte, with any number of workers, and goes on from there after a restart."""
import glob, pathlib
from limits import *

KEYS = 600 if SANITIZED else 1500
BATCHES = 6

HEAD = '''
local function timed(dir)
    return ssc:textFileStream(dir):map(sluice.fields(",", 1, 2, 3)):withWatermark(sluice.timestamp(1, "s"), "20s")
        :map(function(t, k, v)
            local n = tonumber(k, 16)
            return n % 3 == 0 and n or n % 3 == 1 and n + 0.0 or k, math.tointeger(v)
        end)
end
local first, second = timed("in"), timed("second")
'''

SESSIONS = {
    "sums": 'first:eventWindow { gap = "9s" }:reduceByKey(sluice.sum)',
    "functions": 'first:eventWindow { gap = "30s" }:reduceByKey(function(a, b) return a .. "," .. b end)',
    "lists": 'first:eventWindow { gap = "15s", emit = "both" }:groupByKey()',
    "updates": 'first:eventWindow { gap = "20s", emit = "updates" }:reduceByKey(sluice.max)',
    "records": 'first:eventWindow { gap = "9s" }:distinct()',
    "failed": '''first:eventWindow { gap = "30s", emit = "both" }:reduceByKey(function(a, b)
        if a == 3 then error("three") end
        return a + b
    end)''',
    "late": 'first:eventWindow { gap = "9s" }:late():map(function(k, v) return k, v, sluice.eventTime() end)',
    "counted": 'first:eventWindow { gap = "9s" }:count()',
    "open": 'first:eventWindow { gap = "20s", emit = "updates" }:groupByKey():openWindows()',
    "openFailed": '''first:eventWindow { gap = "30s", emit = "updates" }:reduceByKey(function(a, b)
        if a == 3 then error("three") end
        return a + b
    end):openWindows()''',
}
DROPPED = {
    "records": 'first:dropDuplicates():map(function(k, v) return k, v, sluice.eventTime() end)',
    "keys": 'first:dropDuplicates(function(k, v) return tostring(k):sub(1, 3) .. (v % 7) .. ("x"):rep(99) end)',
    "windows": 'first:dropDuplicates():eventWindow { size = "30s" }:count()',
}
JOINED = {how: 'first:joinWithin(second, "%s", "%s")' % (within, how)
          for how, within in (("inner", "3s"), ("left", "10s"), ("full", "30s"))}
WINDOWS = {
    "tumbling": 'first:eventWindow { size = "30s" }:reduceByKey(sluice.sum)',
    "hopping": 'first:eventWindow { size = "30s", slide = "10s", emit = "both" }:reduceByKey(function(a, b) return a .. "," .. b end)',
    "updates": 'first:eventWindow { size = "60s", slide = "15s", emit = "updates" }:groupByKey()',
    "failed": '''first:eventWindow { size = "30s", emit = "both" }:reduceByKey(function(a, b)
        if a == 3 then error("three") end
        return a + b
    end)''',
    "late": 'first:eventWindow { size = "9s" }:late():map(function(k, v) return k, v, sluice.eventTime() end)',
    "lateOfTwo": 'first:union(second):eventWindow { size = "9s" }:late():map(function(k, v) return k, v, sluice.eventTime() end)',
    "open": 'first:eventWindow { size = "60s", slide = "15s", emit = "updates" }:groupByKey():openWindows()',
    "openFailed": '''first:eventWindow { size = "60s", slide = "15s", emit = "updates" }:reduceByKey(function(a, b)
        if a == 3 then error("three") end
        return a + b
    end):openWindows()''',
    "distinct": 'first:eventWindow { size = "30s" }:distinct()',
    "counted": 'first:eventWindow { size = "30s" }:countByValue()',
    "numbered": 'first:zipWithIndex():map(function(record, i) return record[1], i end):eventWindow { size = "30s" }:reduceByKey(sluice.sum)',
}


def texts(seed):
    """A file for each batch: many keys, few, none, others, and times that move on; some are late."""
    generator, at = random.Random(seed), 1000
    for count in (KEYS, 50, 0, KEYS, KEYS // 2, 300)[:BATCHES]:
        lines = []
        for _ in range(count):
            at += generator.random() * 30 / KEYS
            time = at - generator.choice((0, 0, 1, 2, 9, 15, 60) if generator.random() < 0.3 else (0, 3))
            lines.append("%d,%x,%d\n" % (time, generator.randrange(KEYS), generator.randrange(5)))
        at += generator.choice((2, 25, 40))
        yield "".join(lines)


def event_job(outputs_of, limit, workers):
    options = 'maxErrorRate = 1, onRecordError = "skip", workers = %d' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    return job(head(options) + HEAD + "".join(save(expression, name) for name, expression in outputs_of.items()))


def letters():
    """Late records and dead letters, of every batch."""
    found = {}
    for folder in ("late", "deadletter"):
        for path in sorted(glob.glob(".sluice/job/%s/*" % folder)):
            found[folder, os.path.basename(path)] = pathlib.Path(path).read_bytes()
    return found


def run_batches(outputs_of, limits, workers):
    """The bytes of every output of every batch; a process for each, with a limit of its own, and one that ends the data."""
    for left in ("in", "second"):
        shutil.rmtree(left, ignore_errors=True)
    clear()
    inputs = [*zip(texts(3), texts(4)), ("", "")]
    for number, (both, limit) in enumerate(zip(inputs, limits)):
        for folder, text in zip(("in", "second"), both):
            os.makedirs(folder, exist_ok=True)
            if text:
                move_in("%d" % number, text, folder)
        ends = ["--finish"] if number == BATCHES else []
        sluice_ok("run", event_job(outputs_of, limit, workers), "--clock", "virtual", "--batches", "1", *ends, seconds=240)
    return {**{name: directories("out/" + name) for name in outputs_of}, "letters": letters()}


def same_with_limits(outputs_of, *choices):
    wanted = run_batches(outputs_of, [None] * (BATCHES + 1), 2)
    for name in outputs_of:
        check(any(wanted[name].values()), "%s: something came out" % name)
    for workers, limits in choices:
        found = run_batches(outputs_of, limits, workers)
        for name in wanted:
            check(found[name] == wanted[name], "%s with %d workers and limits %s is what it is without a limit" % (name, workers, limits))


def same(outputs_of):
    several = ["30KB", None, "30KB", "1MB", None, "30KB", "30KB"]
    same_with_limits(outputs_of, (1, ["30KB"] * (BATCHES + 1)), (3, several))


def test_sessions_are_the_same_with_a_limit():
    same(SESSIONS)


def test_dropDuplicates_gives_the_same_with_a_limit():
    same(DROPPED)


def test_joinWithin_gives_the_same_with_a_limit():
    same(JOINED)


def test_windows_are_the_same_with_a_limit():
    same(WINDOWS)


def test_windows_that_failed_are_on_disk_beyond_the_limit():
    """Nothing else is large: 20 keys, of each a thousand windows that fail."""
    shutil.rmtree("in", ignore_errors=True)
    clear()
    move_in("a", "".join("100 k%d\n" % k for k in range(20)) * 2)
    sluice_ok("run", job(head('maxErrorRate = 1, onRecordError = "skip", memoryLimit = "300KB", workers = 2') + '''
        ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):withWatermark(sluice.timestamp(1, "s"), "1s"):map(sluice.select(2, 1))
            :eventWindow { size = "1000s", slide = "1s", emit = "updates" }:reduceByKey(function() error("failed") end)
            :openWindows():saveAsTextFiles("out/r")'''), "--clock", "virtual", "--batches", "1")
    check(spilled_bytes() > 50000, "%d bytes are on disk" % spilled_bytes())


# ---- memory ----

KEYED = '''
local first = ssc:textFileStream("in"):withWatermark(function(line) return 1000 end, "1h"):map(sluice.pair(1))
local second = ssc:textFileStream("second"):withWatermark(function(line) return 2000 end, "1h"):map(sluice.pair(2))
'''


def distinct_keys(count):
    return "".join("%x\n" % (i * 2654435761 % 2 ** 32) for i in range(count))


def peak_of(text, limit):
    """Of a batch of its own, at whose end nothing is kept in memory that needs not be."""
    script = job(head("workers = 2" + (', memoryLimit = "%s"' % limit if limit else "")) + text)
    done = sluice("run", script, "--clock", "virtual", "--batches", "1", seconds=1000, prefix=[sys.executable, "-c", MEASURED])
    equal(done.returncode, 0, "exit status; " + done.stderr)
    return int(done.stdout)


def without_sanitizer():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")


def limited_stays_below(when, without, limited, limit, least):
    print("%s: %d MB without a limit, %d MB with %d MB" % (when, without // 10 ** 6, limited // 10 ** 6, limit), flush=True)
    check(without > least * 10 ** 6, "%s, it takes more without a limit: %d bytes" % (when, without))
    check(limited < limit * 10 ** 6, "%s, %d bytes under a limit of %d MB" % (when, limited, limit))


def state_stays_below(expression, limit, least):
    """A first batch that fills the state, then one of another process, which loads it."""
    without_sanitizer()
    text, seen = KEYED + save(expression, "r"), []
    for option in (None, "%dMB" % limit):
        for left in ("in", "second"):
            shutil.rmtree(left, ignore_errors=True)
            os.makedirs(left)
        clear()
        move_in("a", distinct_keys(240000))
        first = peak_of(text, option)
        move_in("b", distinct_keys(1000))
        second = peak_of(text, option)
        seen.append((directories(), first, second))
    check(seen[1][0] == seen[0][0], "the results are those without a limit")
    for when, without, limited in zip(("filled", "loaded"), seen[0][1:], seen[1][1:]):
        limited_stays_below(when, without, limited, limit, least)


def test_the_keys_of_dropDuplicates_stay_below_the_limit():
    state_stays_below("first:dropDuplicates()", 48, 60)


def test_open_sessions_stay_below_the_limit():
    state_stays_below('first:eventWindow { gap = "1m" }:reduceByKey(sluice.sum)', 48, 60)


def test_the_records_of_joinWithin_stay_below_the_limit():
    state_stays_below('first:joinWithin(second, "1m", "full")', 48, 60)


def test_open_windows_stay_below_the_limit():
    state_stays_below('first:eventWindow { size = "1h" }:reduceByKey(sluice.sum)', 24, 26)


def test_open_windows_that_slide_and_show_updates_stay_below_the_limit():
    state_stays_below('first:eventWindow { size = "30m", slide = "10m", emit = "updates" }:reduceByKey(function(a, b) return a + b end)', 30, 32)


def test_a_table_of_open_windows_stays_below_the_limit():
    state_stays_below('first:eventWindow { size = "1h", emit = "updates" }:reduceByKey(sluice.sum):openWindows()', 48, 60)


TWO_TIMES = '''
local first = ssc:textFileStream("in"):withWatermark(function(line) return line == "new" and 10 ^ 9 or 1000 end, "1s"):map(sluice.pair(1))
'''


def late_records_stay_below(windows, limit, least):
    """A batch of records that are all late."""
    without_sanitizer()
    text, seen = TWO_TIMES + save("first:eventWindow { %s }:late()" % windows, "r"), []
    for option in (None, "%dMB" % limit):
        shutil.rmtree("in", ignore_errors=True)
        clear()
        move_in("a", "new\n")
        peak_of(text, option)
        move_in("b", distinct_keys(240000))
        seen.append((peak_of(text, option), directories()))
    check(seen[1][1] == seen[0][1], "the results are those without a limit")
    check(sum(content.count(b"\n") for content in seen[0][1].values()) == 240000, "all are late")
    limited_stays_below(windows, seen[0][0], seen[1][0], limit, least)


def test_late_records_of_windows_stay_below_the_limit():
    late_records_stay_below('size = "1m"', 18, 20)


def test_records_that_are_late_for_sessions_stay_below_the_limit():
    late_records_stay_below('gap = "1m"', 48, 100)


main(globals())
