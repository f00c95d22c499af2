#!/usr/bin/env python3
# timeout: 1800
"""memoryLimit and windows with a user's inverse: random streams give the same bytes whatever the limit, which may change, come and go
from one run to the next, with 1 and 2 workers, with kills in between, and where the window changes as well; and the memory of a run
stays below it.

SLUICE_SEED chooses the streams; SLUICE_LONG=1: more of them.
"""
import glob, pathlib, re
from limits import *

FILES = 12
LIMITS = (None, "1KB", "20KB", "200KB", "1MB")
LIFE_S = 2.0 if SANITIZED else 0.5  # a killed run has lived at most so long

HEAD = '''
local first = ssc:textFileStream("in"):map(sluice.fields(",", 1, 2))
    :map(function(k, v)
        local n = tonumber(k, 16)
        local key = n % 7 == 0 and n or n % 14 == 1 and #v % 2 == 0 and n + 0.0 or n % 7 == 1 and n or n % 7 == 2 and k:rep(150) or k
        return key, math.tointeger(v)
    end)
local function add(a, b) return a * 1 + b end
local function take(a, b) return a - b end
'''

# What comes out of an inverse that is none depends on the order of what enters and leaves.
WINDOWS = {
    "sums": 'first:reduceByKeyAndWindow(add, take, LENGTH, SLIDE)',
    "history": 'first:reduceByKeyAndWindow(function(a, b) return (a * 31 + b) % 1000003 end, function(a, b) return (a * 17 - b) % 1000003 end, LENGTH, SLIDE)',
    "texts": '''first:mapValues(tostring):reduceByKeyAndWindow(function(a, b) return (a .. "+" .. b):sub(-400) end,
        function(a, b) return (a .. "-" .. b):sub(-400) end, LENGTH, SLIDE)''',
    "some": 'first:reduceByKeyAndWindow(add, take, LENGTH, SLIDE, 3, function(key, value) return value > 2 end)',
    "filter fails": '''first:reduceByKeyAndWindow(add, take, LENGTH, SLIDE, nil, function(key, value)
        if value == 4 then error("four") end
        return true
    end)''',
    "fails": '''first:reduceByKeyAndWindow(function(a, b)
        if a == 3 then error("three") end
        return a + b
    end, function(a, b)
        if b == 2 then error("two") end
        return a - b
    end, LENGTH, SLIDE)''',
    "one": 'first:map(function(k, v) return v end):reduceByWindow(add, take, LENGTH, SLIDE)',
}


def expressions(window):
    return {name: text.replace("LENGTH", '"%ds"' % window[0]).replace("SLIDE", '"%ds"' % window[1]) for name, text in WINDOWS.items()}


def texts(generator):
    """A file for each batch, of many keys or few."""
    for _ in range(FILES):
        count, keys = generator.choice((1, 30, 300)), generator.choice((5, 100, 500))
        yield "".join("%x,%d\n" % (generator.randrange(keys), generator.randrange(5)) for _ in range(count))


def script(window, limit, workers, interval="1s"):
    options = 'maxErrorRate = 1, onRecordError = "skip", maxFilesPerBatch = 1, workers = %d' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    text = head(options, interval)
    return job(text + HEAD + "".join(save(expression, name) for name, expression in expressions(window).items()))


def rows(letters=True, last=None):
    """Of the batches until the time `last`; an empty result has no directory."""
    found = {name: b"".join(content for time, content in sorted(directories("out/" + name).items()) if last is None or time <= last)
             for name in WINDOWS}
    if letters:
        found["deadletter"] = b"".join(pathlib.Path(path).read_bytes() for path in sorted(glob.glob(".sluice/job/deadletter/*")))
    return found


def go_on(batches, window, limit, workers, interval="1s"):
    sluice_ok("run", script(window, limit, workers, interval), "--clock", "virtual", "--batches", str(batches), seconds=240)


def live_and_die(generator, window, limit, workers):
    with Running(script(window, limit, workers), "--clock", "virtual", "--available-now") as run:
        try:
            run.process.wait(timeout=generator.uniform(0, LIFE_S))
        except subprocess.TimeoutExpired:
            run.kill()


def finish(window, limit, workers, letters=True, last=None):
    sluice_ok("run", script(window, limit, workers), "--clock", "virtual", "--available-now", seconds=240)
    return rows(letters, last)


def test_one_process_gives_the_same_with_any_limit():
    for seed, generator in each_seed(texts):
        for window in ((4, 1), (6, 3)):
            clear()
            wanted = finish(window, None, 2)
            check(all(wanted[name] for name in WINDOWS), "each output has rows")
            for limit in LIMITS[1:]:
                clear()
                workers = generator.choice((1, 2))
                compare(finish(window, limit, workers), wanted, "seed %d, window %s, %s, %d workers" % (seed, window, limit, workers))


def test_limits_come_and_go_between_runs_and_kills():
    for seed, generator in each_seed(texts):
        clear()
        last = FILES * 1000  # a run that starts when all files were read makes a batch without one
        wanted = finish((5, 1), None, 1, False, last)
        clear()
        for _ in range(6):
            limit, workers = generator.choice(LIMITS), generator.choice((1, 2))
            if generator.random() < 0.5:
                go_on(1, (5, 1), limit, workers)
            else:
                live_and_die(generator, (5, 1), limit, workers)
        compare(finish((5, 1), generator.choice(LIMITS), 2, False, last), wanted, "seed %d" % seed)


def test_windows_intervals_and_limits_may_change_together():
    for seed, generator in each_seed(texts):
        found = {}
        for has_limits in (False, True):
            clear()
            for batches, window, interval in ((3, (6, 1), "1s"), (2, (4, 1), "1s"), (2, (8, 4), "2s"), (2, (4, 2), "2s"), (1, (5, 1), "1s")):
                limit = generator.choice(LIMITS) if has_limits else None
                go_on(batches, window, limit, generator.choice((1, 2)), interval)
            found[has_limits] = finish((5, 1), "1KB" if has_limits else None, 2)
        compare(found[True], found[False], "seed %d" % seed)


VIEWS = ("sums", "some", "fails")


def view_job(limit, workers, window, views):
    options = 'maxErrorRate = 1, onRecordError = "skip", maxFilesPerBatch = 1, workers = %d, mount = { dir = "mnt", kind = "dir" }' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    chosen = expressions(window)
    return job(head(options) + HEAD + "".join('%s:mount("%s")\n' % (chosen[name], name) for name in views))


def versions():
    """What a process left on a mount of plain files."""
    return {path: pathlib.Path(path).read_bytes() for kind in ("data", "changes") for path in glob.glob("mnt/*/at/*/" + kind)}


def views_after(runs, window, limits, workers):
    clear()
    shutil.rmtree("mnt", ignore_errors=True)
    for batches in runs:
        script = view_job(next(limits), next(workers), window, VIEWS)
        sluice_ok("run", script, "--clock", "virtual", "--batches", str(batches), seconds=240)
        yield versions(), [sluice_ok("cat", name, script).stdout for name in VIEWS]


def test_views_show_the_same_with_limits_that_come_and_go():
    for seed, generator in each_seed(texts):
        window, runs = generator.choice(((5, 1), (6, 2))), (3, 1, 4, 1, 2, 3)
        found = views_after(runs, window, iter([generator.choice(LIMITS) for _ in runs]), iter([generator.choice((1, 2)) for _ in runs]))
        wanted = views_after(runs, window, iter([None] * len(runs)), iter([2] * len(runs)))
        for number, (one, other) in enumerate(zip([*found], [*wanted])):
            check(other[0], "run %d shows versions" % number)
            equal(one, other, "seed %d, window %s, run %d" % (seed, window, number))


# ---- cost ----

def written(files):
    """Bytes on disk because of the limit, of one process, a batch for each file; nothing reads the view."""
    shutil.rmtree("in", ignore_errors=True)
    clear()
    for number, keys in enumerate(files):
        move_in("%02d" % number, "".join("%x\n" % key for key in keys))
    text = head('workers = 2, maxFilesPerBatch = 1, memoryLimit = "1MB", mount = "mnt"') + LARGE.replace('"4s"', '"60s"')
    text = text[:text.index(":saveAsTextFiles")] + ':mount("r")\n'
    sluice_ok("run", job(text), "--clock", "virtual", "--batches", str(len(files)), seconds=240)
    metrics = pathlib.Path(".sluice/job/metrics").read_text()
    return int(re.search(r"^sluice_spill_written_bytes_total (\d+)", metrics, re.M).group(1))


def test_few_keys_on_a_large_window_write_little():
    need_fuse()
    many = range(20000 if SANITIZED else 60000)
    one = written([many])
    all_of_them = written([many] + [range(n * 1000, n * 1000 + 20) for n in range(12)])
    print("%d bytes for the first batch, %d with 12 small ones" % (one, all_of_them), flush=True)
    check(one > 100000, "the window is on disk")
    check(all_of_them < 3 * one, "small batches do not write the window anew")


# ---- memory ----

LARGE = 'local keys = ssc:textFileStream("in"):map(sluice.pair(1))\n' + \
    save('keys:reduceByKeyAndWindow(function(a, b) return a + b end, function(a, b) return a - b end, "4s", "1s")', "r")


def large_batches(first, last):
    for batch in range(first, last):
        move_in("%d" % batch, "".join("%x\n" % ((i + batch * 60000) * 2654435761 % 2 ** 32) for i in range(150000)))


def peak_of(limit, batches):
    done = sluice("run", job(head("workers = 2, maxFilesPerBatch = 1" + (', memoryLimit = "%dMB"' % limit if limit else "")) + LARGE),
                  "--clock", "virtual", "--batches", str(batches), seconds=1000, prefix=[sys.executable, "-c", MEASURED])
    equal(done.returncode, 0, "exit status; " + done.stderr)
    return int(done.stdout)


def test_a_window_with_an_inverse_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    seen = []
    for limit in (None, 60):
        shutil.rmtree("in", ignore_errors=True)
        clear()
        large_batches(0, 5)
        filled = peak_of(limit, 5)
        large_batches(5, 6)
        seen.append((filled, peak_of(limit, 1), directories()))
    print("%d and %d MB without a limit, %d and %d with 60 MB" % tuple(size // 10 ** 6 for one in seen for size in one[:2]), flush=True)
    check(seen[0][2] == seen[1][2], "the results are those without a limit")
    check(min(seen[0][:2]) > 80 * 10 ** 6, "without a limit it takes more")
    check(max(seen[1][:2]) < 60 * 10 ** 6, "with it, it stays below")


main(globals())
