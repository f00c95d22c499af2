#!/usr/bin/env python3
"""Windows and state over restarts: a run in pieces gives the bytes of a run in one, whatever is kept and merged."""
import pathlib, random, shutil, sqlite3
from harness import *

JOB = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", emptyBatches = true, checkpoint = "ck", maxFilesPerBatch = 1 }
local function add(a, b) return a + b end
local function take(a, b) return a - b end
local words = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
words:reduceByKeyAndWindow(sluice.sum, nil, "5s", "1s"):saveAsTextFiles("out/sum")
words:reduceByKeyAndWindow(sluice.mean, nil, "3s", "1s"):saveAsTextFiles("out/mean")
words:reduceByKeyAndWindow(sluice.max, nil, "4s", "2s"):saveAsTextFiles("out/max")
words:reduceByKeyAndWindow(add, nil, "6s", "1s"):saveAsTextFiles("out/add")
words:reduceByKeyAndWindow(function(a, b) return (a * 31 + b + math.random(100)) % 1009 end, nil, "6s", "1s"):saveAsTextFiles("out/random")
words:reduceByKeyAndWindow(add, take, "3s", "1s"):saveAsTextFiles("out/inverse")
words:reduceByKeyAndWindow(add, take, "3s", "1s", nil, function(k, v) return v > 0 end):saveAsTextFiles("out/filtered")
words:window("3s", "1s"):glom():saveAsTextFiles("out/window")
words:countByWindow("2s", "1s"):saveAsTextFiles("out/count")
words:countByValueAndWindow("3s", "1s"):saveAsTextFiles("out/values")
words:groupByKeyAndWindow("3s", "1s"):saveAsTextFiles("out/groups")
words:updateStateByKey(function(values, state, key)
    local count = (state or 0) + #values
    if key == "w3" and count > 4 then return nil end
    return count
end, nil, { initial = { { "w1", 100 }, { "never", 1 } } }):saveAsTextFiles("out/update")
local mapped = words:mapWithState(function(key, value, state)
    if value == nil then return key, "gone", state:get() end
    state:update((state:get() or 0) + value)
    return key, state:get()
end, { timeout = "3s", initial = { { "w2", 100 } } })
mapped:saveAsTextFiles("out/mapped")
mapped:stateSnapshots():saveAsTextFiles("out/snapshots")
"""


def make_files(count, seed):
    rng = random.Random(seed)
    line = lambda: " ".join("w%d" % rng.randrange(12) for _ in range(rng.randrange(1, 6)))
    return ["w0\n" if rng.random() < 0.3 else "".join(line() + "\n" for _ in range(rng.randrange(1, 4)))
            for _ in range(count)]


def all_parts():
    found = {}
    for path in pathlib.Path("out").glob("*-*/part-*"):
        found[str(path)] = path.read_bytes()
    return found


def run_in_pieces(files, pieces):
    """Each piece is a process of its own, which is given its files and runs a batch per file."""
    os.makedirs("in")
    job(JOB)
    at = 0
    for length in pieces:
        for content in files[at:at + length]:
            pathlib.Path("in/f%04d" % at).write_text(content)
            at += 1
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(length))
    return all_parts()


def in_directory(name, files, pieces):
    os.mkdir(name)
    os.chdir(name)
    try:
        return run_in_pieces(files, pieces)
    finally:
        os.chdir("..")


def test_pieces_give_the_bytes_of_one_run():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    files = make_files(40, seed)
    whole = in_directory("whole", files, [40])
    check(len(whole) > 400, "the run made %d files" % len(whole))
    for name, pieces in (("single", [1] * 40), ("some", [7, 1, 13, 2, 17])):
        pieced = in_directory(name, files, pieces)
        wrong = [p for p in sorted(set(whole) | set(pieced)) if whole.get(p) != pieced.get(p)]
        check(not wrong, "%s: %s differ" % (name, wrong[:5]))


SLIDES = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck"%s }
local function add(a, b) return a + b end
local function take(a, b) return a - b end
ssc:queueStream({ { "always" } }):map(sluice.pair(1)):updateStateByKey(function(values, state) return true end):print(1) -- no batch is idle
local words = ssc:queueStream { %s }:map(sluice.pair(1))
for name, times in pairs { a = { "2s", "2s" }, b = { "1s", "3s" }, c = { "2s", "4s" }, d = { "4s", "2s" }, e = { "3s", "3s" } } do
    words:reduceByKeyAndWindow(add, take, times[1], times[2]):saveAsTextFiles("out/inverse-" .. name)
    words:reduceByKeyAndWindow(sluice.sum, times[1], times[2]):saveAsTextFiles("out/sum-" .. name)
    words:countByWindow(times[1], times[2]):saveAsTextFiles("out/count-" .. name)
    words:window(times[1], times[2]):count():saveAsTextFiles("out/window-" .. name)
end
"""


def test_a_restart_between_two_slides_changes_nothing():
    rng, batches = random.Random(5), 24
    queue = ", ".join("{ %s }" % ", ".join('"w%d"' % rng.randrange(3) for _ in range(rng.choice((0, 0, 0, 1, 2)))) for _ in range(batches))
    found = {}
    for limit in ("", ', memoryLimit = "1KB"'):
        for length in (batches, 1):
            for left in ("out", "ck"):
                shutil.rmtree(left, ignore_errors=True)
            job(SLIDES % (limit, queue))
            for _ in range(batches // length):
                sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(length))
            found[length, limit] = all_parts()
    wanted = found[batches, ""]
    check(len(wanted) > 50, "windows came out")
    for (length, limit), parts in found.items():
        different = sorted(path for path in {*wanted, *parts} if parts.get(path) != wanted.get(path))
        check(not different, "runs of %d batches%s differ: %s" % (length, limit, different[:9]))


LENGTHENED = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
local words = ssc:queueStream { { "a" }, { "b" }, { "c" }, { "d" }, { "e" }, { "f" }, { "g" }, { "h" } }:map(sluice.pair(1))
words:reduceByKeyAndWindow(sluice.sum, "%s", "1s"):saveAsTextFiles("out/sum")
words:window("%s", "1s"):keys():saveAsTextFiles("out/window")
"""


def test_a_lengthened_window_fills_up_whatever_is_on_disk_still():
    """Batches that the shorter window had forgotten are removed from disk when segments are merged, some day."""
    for window, batches in (("1s", 5), ("6s", 2)):
        job(LENGTHENED % (window, window))
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(batches))
    for time, letters in ((5000, "e"), (6000, "ef"), (7000, "efg")):
        equal(read("out/window-%d/part-00000" % time), "".join(letter + "\n" for letter in letters).encode(), "the window at %d" % time)
        equal(read("out/sum-%d/part-00000" % time), "".join(letter + "\t1\n" for letter in letters).encode(), "the sums at %d" % time)


def test_segments_are_merged_and_those_that_went_are_removed():
    in_directory("merged", make_files(60, 1), [60])
    segments = os.listdir("merged/ck/state")
    check(len(segments) < 30, "%d segments after 60 batches" % len(segments))


def test_state_is_not_dropped_silently():
    os.makedirs("in")
    job(JOB)
    move_in("a", "w1\n")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    job("\n".join(line for line in JOB.splitlines() if "out/sum" not in line))
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(done.returncode, 2, "exit status")
    check("reduceByKeyAndWindow" in done.stderr and "--accept-changes" in done.stderr, done.stderr)
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", "--accept-changes")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")


def test_files_are_not_taken_again_by_a_source_that_is_written_in_another_way():
    head = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1, checkpoint = "ck" }\n'
    save = ':saveAsTextFiles("out/n")'
    move_in("a", "1\n")
    sluice_ok("run", job(head + 'ssc:textFileStream("in")' + save), "--once")
    for source in ('textFileStream("in/")', 'textFileStream("./in")', 'textFileStream("%s")' % os.path.abspath("in"),
                   'fileStream("in", { format = "lines" })'):
        for _ in range(2):
            done = sluice("run", job(head + "ssc:" + source + save), "--once")
            check(done.returncode == 2 and "--accept-changes" in done.stderr and "job.lua:3" in done.stderr and "textFileStream:in" in done.stderr,
                  "%s: %d %s" % (source, done.returncode, done.stderr))
    equal(len(outputs("out/n", "")), 1, "batches")
    sluice_ok("run", job(head + 'ssc:textFileStream("././in", { newFilesOnly = true })' + save), "--once")
    equal(len(outputs("out/n", "")), 1, "batches of a source that leaves out what is there")
    sluice_ok("run", job(head + 'ssc:fileStream("in", { format = "lines" })' + save), "--once", "--accept-changes")
    equal(sorted(outputs("out/n", "").values()), [b"1\n", b"1\n"], "what was taken again")
    move_in("b", "2\n")
    sluice_ok("run", "job.lua", "--once")
    equal(sorted(outputs("out/n", "").values()), [b"1\n", b"1\n", b"2\n"], "the next run asks nothing")
    for left in ("in/a", "in/b"):
        os.remove(left)
    move_in("c", "3\n")
    sluice_ok("run", job(head + 'ssc:textFileStream("./in/")' + save), "--once")
    equal(sorted(outputs("out/n", "").values())[3:], [b"3\n"], "of what is not there any more nothing would be taken")


def test_files_are_not_taken_again_by_a_pattern_or_from_above_either():
    def run(source, status=0):
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }\n'
            'ssc:textFileStream(%s):saveAsTextFiles("out/a", "txt", { format = "lines" })\n' % source)
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
        equal(done.returncode, status, "exit status with %s: %s" % (source, done.stderr))
        check(status == 0 or ("job.lua:3: textFileStream" in done.stderr and "would be taken again" in done.stderr), done.stderr)
    below = '"in", { recursive = true }'
    for old, new, status in (('"in"', '"i*"', 2), ('"in/a"', '"in/*"', 2), ('"in/*"', '"in/a"', 2), ('"in/*"', '"in/a*"', 2), ('"in/[ad]"', '"in/b*"', 0),
                             ('"in"', below, 0), (below, '"in"', 0), (below, '"in/a"', 2), ('"in/a"', below, 2), ('"in/a"', '"in"', 0), ('"in"', '"in/a"', 0),
                             ('"in"', '"in/d"', 2), ('"in/d"', '"in"', 2), ('"in/a"', '"in/*", { newFilesOnly = true }', 0)):
        for name in ("ck", "in", "out"):
            shutil.rmtree(name, ignore_errors=True)
        for name in ("a", "b", "d"):
            move_in("x", "x\n", "in/" + name)
        move_in("_SUCCESS", "", "in/d")
        move_in("x", "x\n")
        run(old)
        run(new, status)
        times = sum(content.count(b"x") for content in outputs("out/a").values())
        check(times <= 4, "of 4 files %d were taken: %s, then %s" % (times, old, new))


def test_sources_of_one_directory_are_told_apart_by_their_options():
    """In another order, one less, one more, one with another filter: each keeps what it has taken itself."""
    a, b, other = 'ssc:textFileStream("in", { filter = "*.a" })', 'ssc:textFileStream("in", { filter = is_b })', \
        'ssc:textFileStream("in", { filter = "*.[ac]" })'
    for changes in ([[b, a], [a, b]], [[b], [b], [a, b]], [[a], [b, a]], [[other, b], [b, other], [other]], [[a, a, b], [b, a]]):
        for name in ("ck", "in", "out"):
            shutil.rmtree(name, ignore_errors=True)
        for name in ("1.a", "1.b"):
            move_in(name, name + "\n")
        for number, sources in enumerate([[a, b]] + changes):
            job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }\n'
                'local is_b = function(n) return n:find("b$") ~= nil end\n' +
                "".join(source + ':saveAsTextFiles("out/%d-%d", "txt", { format = "lines", latest = false })\n' % (number, i) for i, source in enumerate(sources)))
            sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
        found = [line for name in os.listdir("out") for line in read("out/%s/part-00000" % name).decode().split()]
        equal(sorted(found), ["1.a", "1.a", "1.b"] if [a, a, b] in changes else ["1.a", "1.b"], "what was read with %s" % changes)


def test_state_that_was_dropped_does_not_come_back():
    count = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
ssc:textFileStream("in"):map(sluice.pair(1)):updateStateByKey(function(values, count)
    return (count or 0) + #values
end):name("%s"):saveAsTextFiles("out/%s")
"""
    for n, (name, wanted) in enumerate((("t", b"x\t1\n"), ("u", b"x\t1\n"), ("t", b"x\t1\n"))):
        job(count % (name, name))
        move_in("f%d" % n, "x\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", "--accept-changes")
        equal(read("out/%s-%d/part-00000" % (name, 1000 * (n + 1))), wanted, "run %d" % n)


NAMED = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
local lines = ssc:textFileStream("in")
lines:map(sluice.pair(1)):%s:name("totals"):saveAsTextFiles("out/totals")
"""
KINDS = ("updateStateByKey(function(values, count) return (count or 0) + #values end)",
         "mapWithState(function(key, value, state) state:update((state:get() or 0) + value) return key, state:get() end)",
         'reduceByKeyAndWindow(sluice.sum, nil, "9s", "1s")')


def test_a_name_does_not_give_an_operator_state_of_another_kind():
    """Also where a start that accepts it commits no batch; what came after is kept, over another start, too."""
    t = 0
    for n, operator in enumerate(KINDS):
        job(NAMED % operator)
        move_in("%d-a" % n, "x\n")
        if n:
            done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
            equal(done.returncode, 2, "exit status; " + done.stderr)
            check('job.lua:5: %s: the job has changed: under the name "totals"' % operator.split("(")[0] in done.stderr, done.stderr)
            failing = job(NAMED % operator + 'lines:foreachRDD(function() error("stop") end)\n', "failing.lua")
            done = sluice("run", failing, "--checkpoint", "ck", "--clock", "virtual", "--batches", "1", "--accept-changes")
            check(done.returncode not in (0, 2), "it fails in a batch: " + done.stderr)
            equal(sluice("run", "job.lua", "--clock", "virtual", "--batches", "1").returncode, 2, "nothing was accepted yet")
        for accept in (["--accept-changes"], []):
            t += 1000
            sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", *accept)
            equal(read("out/totals-%d/part-00000" % t), b"x\t%d\n" % (1 if accept else 2), operator)
            if accept:
                move_in("%d-b" % n, "x\n")


TWINS = {
    "ones": """pairs_of:updateStateByKey(function(values, state)
    return (state or 0) + #values
end):saveAsTextFiles("out/ones")
""",
    "hundreds": """pairs_of:updateStateByKey(function(values, state)
    return (state or 0) + 100 * #values
end):saveAsTextFiles("out/hundreds")
""",
    "short": 'pairs_of:reduceByKeyAndWindow(sluice.sum, nil, "2s", "1s"):saveAsTextFiles("out/short")\n',
    "long": 'pairs_of:reduceByKeyAndWindow(sluice.sum, nil, "9s", "1s"):saveAsTextFiles("out/long")\n',
}


def run_twins(names, *options):
    job("""
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
local pairs_of = ssc:textFileStream("in"):map(sluice.pair(1))
""" + "".join(TWINS[name] for name in names))
    move_in("f%d" % len(os.listdir("in")) if os.path.isdir("in") else "f0", "x\n")
    return sluice("run", "job.lua", "--clock", "virtual", "--batches", "1", *options)


def newest(prefix):
    return output(max(output_times(prefix, "")), prefix, "")


def test_operators_that_are_alike_keep_their_state_when_their_order_changes():
    for names in (("ones", "hundreds", "short", "long"), ("hundreds", "ones", "long", "short"),
                  ("long", "ones", "short", "hundreds"), ("short", "long", "hundreds", "ones")):
        done = run_twins(names)
        equal((done.returncode, done.stderr), (0, ""), "a run of %s" % (names,))
    for prefix, want in (("ones", b"x\t4\n"), ("hundreds", b"x\t400\n"), ("short", b"x\t2\n"), ("long", b"x\t4\n")):
        equal(newest("out/" + prefix), want, prefix)


def test_of_operators_that_are_alike_the_one_that_went_is_dropped():
    equal(run_twins(("ones", "hundreds", "short", "long")).returncode, 0, "the first run")
    equal(run_twins(("hundreds", "long")).returncode, 2, "without leave to drop")
    done = run_twins(("hundreds", "long"), "--accept-changes")
    equal((done.returncode, done.stderr), (0, ""), "a run of the second ones")
    equal(newest("out/hundreds"), b"x\t300\n", "the state that stayed")
    equal(newest("out/long"), b"x\t3\n", "the window that stayed")
    equal(run_twins(("ones", "hundreds", "long")).returncode, 0, "a run with a new one before the old")
    equal(newest("out/hundreds"), b"x\t400\n", "the state that was there")
    equal(newest("out/ones"), b"x\t1\n", "the state that is new")


def test_what_tells_operators_apart_is_not_computed_with_when_it_is_damaged():
    equal(run_twins(("ones", "hundreds")).returncode, 0, "the first run")
    with sqlite3.connect("ck/catalog.db") as database:
        database.execute("UPDATE code SET digest = digest + 1 WHERE operator LIKE 'shape:%'")
    done = run_twins(("ones", "hundreds"))
    equal(done.returncode, 4, done.stderr)
    check("table code" in done.stderr, done.stderr)


PLAIN = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
local lines = ssc:textFileStream("in")
lines:saveAsTextFiles("out/one")
lines:saveAsTextFiles("out/two", "txt")
lines:saveAsTextFiles("out/three")
lines:filter(sluice.contains("first")):saveAsTextFiles("out/older")
lines:saveAsTextFiles("out/none", nil, { latest = false })
"""


def test_what_a_crash_behind_a_commit_left_undone_is_done_by_the_next_start():
    os.makedirs("in")
    job(PLAIN)
    for name in ("first", "second"):
        move_in(name, name + "\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    os.unlink("out/one")
    os.unlink("out/two.txt")
    os.symlink("two-1000.txt", "out/two.txt")
    pathlib.Path("ck/tick").write_text("1000\n")
    inode = os.lstat("out/three").st_ino
    sluice_ok("run", "job.lua", "--clock", "virtual", "--once")
    check(not os.path.exists("out/one-3000"), "there was nothing to do")
    wanted = {"one": "one-2000", "two.txt": "two-2000.txt", "three": "three-2000", "older": "older-1000"}
    equal({path.name: os.readlink(path) for path in pathlib.Path("out").iterdir() if path.is_symlink()}, wanted, "links")
    equal(read("ck/tick"), b"2000\n", "the tick")
    equal(os.lstat("out/three").st_ino, inode, "a link that was right is the same one")


def test_links_do_not_point_to_what_was_taken_away():
    os.makedirs("in")
    job(PLAIN)
    move_in("first", "first\n")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    os.rename("out", "taken")
    os.mkdir("out")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--once")
    equal(os.listdir("out"), [], "what was made")


QUEUE = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
ssc:queueStream({ %s }%s):saveAsTextFiles("out/r")
"""


def queue_pieces(items, options, pieces):
    """Runs of so many batch times each; a run of none is one that fails at its first batch, whose name is taken."""
    def act():
        job(QUEUE % (items, options))
        for count in pieces:
            if count:
                sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(count))
                continue
            newest = max([int(p.name.split("-")[1]) for p in pathlib.Path("out").glob("r-*")], default=0)
            strangers = [pathlib.Path("out/r-%d" % (newest + 1000 * k)) for k in range(1, 5)]
            for stranger in strangers:
                stranger.mkdir(parents=True)
            equal(sluice("run", "job.lua", "--clock", "virtual", "--batches", "4").returncode, 1, "a name that is taken")
            for stranger in strangers:
                stranger.rmdir()
        return b"".join(content for _, content in sorted(outputs("out/r", "").items())).split()
    os.mkdir("piece")
    os.chdir("piece")
    try:
        return act()
    finally:
        os.chdir("..")
        shutil.rmtree("piece")


def test_a_queue_goes_on_where_it_stood_however_many_batches_were_idle():
    items = '{"a"}, {}, {}, {"b"}, {"c"}, {}, {"d"}, {"e"}'
    restarts = [[1, 9], [2, 9], [5, 9], [0, 9]]
    for options, more in (("", [[1, 0, 9]]), (", { oneAtATime = false }", []), (', { default = {"x"} }', [[1, 0, 9]])):
        whole = queue_pieces(items, options, [9])
        for pieces in restarts + more:
            got = queue_pieces(items, options, pieces)
            equal(got[:5], whole[:5], "%s in pieces of %s" % (options, pieces))


def test_a_queue_that_was_made_longer_goes_on():
    job(QUEUE % ('{"a"}, {"b"}', ""))
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "2")
    job(QUEUE % ('{"other"}, {"b"}, {"c"}, {"d"}', ""))
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "2")
    equal([read("out/r-%d/part-00000" % t) for t in (1000, 2000, 3000, 4000)], [b"a\n", b"b\n", b"c\n", b"d\n"], "outputs")


def test_a_place_in_a_queue_that_is_lost_or_changed_is_named():
    for number, (damage, table) in enumerate((("DELETE FROM input_range", "input_range"),
                                              ("UPDATE input_range SET document = document || '1'", "input_range"),
                                              ("UPDATE reached SET document = document || '1'", "reached"))):
        os.mkdir("world-%d" % number)
        os.chdir("world-%d" % number)
        job(QUEUE % ('{"a"}, {"b"}, {"c"}', ""))
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "2")
        with sqlite3.connect("ck/catalog.db") as database:
            database.execute(damage)
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
        equal(done.returncode, 4, damage + ": " + done.stderr)
        check("table " + table in done.stderr, done.stderr)
        os.chdir("..")


CHANGING = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }
ssc:textFileStream("in"):map(function(line)
    return line%s, 1
end):updateStateByKey(function(values, count)
    return (count or 0) + #values%s
end):name("totals"):saveAsTextFiles("out/totals")
"""


def test_a_function_that_changed_is_said_and_its_state_kept():
    os.makedirs("in")
    runs = (("first", CHANGING % ("", ""), False), ("the same", CHANGING % ("", ""), False),
            ("moved", "\n-- a comment\n" + CHANGING % ("", ""), False),
            ("its own", CHANGING % ("", " * 10"), True), ("said once", CHANGING % ("", " * 10"), False),
            ("one on the way", CHANGING % (":lower()", " * 10"), True))
    for n, (name, text, said) in enumerate(runs):
        job(text)
        move_in("f%d" % n, "x\n")
        done = sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
        told = "updateStateByKey" in done.stderr and "has changed" in done.stderr
        equal(told, said, "%s: what was said: %s" % (name, done.stderr))
    equal(read("out/totals-6000/part-00000"), b"x\t33\n", "the state")


def test_a_flipped_byte_in_a_segment_is_named():
    os.makedirs("in")
    job(JOB)
    move_in("a", "w1 w2 w3\n")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    path = next(pathlib.Path("ck/state").glob("*.seg"))
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:])
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
        equal(done.returncode, 4, "exit status with byte %d flipped" % at)
        check(path.name in done.stderr, done.stderr)
    path.write_bytes(whole)
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")


main(globals())
