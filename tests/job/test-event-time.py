#!/usr/bin/env python3
"""Event time through the program: what is shown, written, refused, kept over restarts and changed jobs."""
import pathlib
from harness import *

HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local s = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):withWatermark(sluice.timestamp(2, "s"), "10s")
local pairs = s:map(sluice.select(1)):map(sluice.pair(1))
'''
HITS = HEAD + 'local w = pairs:eventWindow { size = "10s" }\nw:reduceByKey(sluice.sum):saveAsTextFiles("out/hits")\n'


def lines(*records):
    return "".join("%s %d\n" % record for record in records)


def run(*options, batches=1):
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(batches), *options)


def feed(name, *records, options=()):
    move_in(name, lines(*records))
    return run(*options)


def hits():
    return {t: content.decode() for t, content in outputs("out/hits", "").items()}


def test_a_window_is_given_out_once_the_watermark_has_passed_it():
    job(HITS)
    feed("1", ("a", 1), ("a", 12), ("b", 3))
    feed("2", ("a", 2), ("c", 25))
    equal(hits(), {}, "nothing is closed: the watermark is 2 s")
    run()
    equal(hits(), {3000: "0\t10000\ta\t2\n0\t10000\tb\t1\n"}, "a batch without files gives out what is due")


def test_late_records_are_counted_and_written():
    job(HITS + 'w:late():map(function(k, v) return k, sluice.eventTime() end):saveAsTextFiles("out/late")\n')
    feed("1", ("a", 31))
    feed("2", ("late", 9), ("b", 21))
    equal(outputs("out/late", ""), {2000: b"late\t9000\n"}, "the stream of late records")
    (letter,) = json_lines(read(".sluice/job/late/2000.jsonl"))
    equal({k: letter[k] for k in ("time", "event_time", "file", "line", "operator", "record")},
          {"time": 2000, "event_time": 9000, "file": "in/2", "line": 1, "operator": "reduceByKey", "record": ["late", 1]},
          "the letter")
    check("2024" not in letter["message"] and "the record is late" in letter["message"], letter["message"])
    check(not os.path.exists(".sluice/job/deadletter"), "no dead letters")


def test_finish_gives_out_what_is_open_and_later_records_are_late():
    job(HITS)
    feed("1", ("a", 1), ("b", 25), options=["--finish"])
    equal(hits(), {2000: "0\t10000\ta\t1\n20000\t30000\tb\t1\n"}, "the last batch")
    feed("2", ("c", 99), options=["--finish"])
    equal(list(hits()), [2000], "nothing more")
    equal(len(json_lines(read(".sluice/job/late/3000.jsonl"))), 1, "it is late")


SLOW = HITS.replace(':map(sluice.fields', ':window("4s", "4s"):map(sluice.fields') + 'w:late():saveAsTextFiles("out/late")\n'


def test_a_stream_of_a_longer_slide_runs_and_ends_at_its_own_times():
    """Its windows are due at 5 s and given out at 8 s: no batch runs in between. Event time ends at the first of its times at
    which the window of batch time before it has given what it held."""
    job(SLOW.replace('"1s" }', '"1s", maxFilesPerBatch = 1 }'))
    move_in("1", lines(("a", 1), ("b", 2)))
    move_in("2", lines(("a", 30)))
    run(batches=10)
    equal(hits(), {8000: "0\t10000\ta\t1\n0\t10000\tb\t1\n"}, "what was due")
    equal(json.loads(sluice_ok("status", "job.lua", "--json").stdout)["batches"], 4, "batches: two with files, two of the window")
    move_in("3", lines(("c", 31)))
    run("--finish")
    equal({t: rows for t, rows in hits().items() if t > 8000}, {16000: "30000\t40000\ta\t1\n30000\t40000\tc\t1\n"}, "the end of time")
    equal(outputs("out/late", ""), {}, "what the window held is not late")
    before = json.loads(sluice_ok("status", "job.lua", "--json").stdout)["batches"]
    run("--finish")
    equal(json.loads(sluice_ok("status", "job.lua", "--json").stdout)["batches"], before, "it has ended: no more batches")


def test_finish_needs_a_run_that_ends():
    job(HITS)
    os.mkdir("in")
    done = sluice("run", "job.lua", "--finish")
    equal(done.returncode, 2, "exit status")
    check("--finish is for --once, --available-now and --batches" in done.stderr, done.stderr)


def test_once_does_not_end_event_time_for_files_that_it_leaves():
    """The next batch time is years away: the second file is left for a later run, and must not be late then."""
    job(HITS.replace('"1s" }', '"%s" }' % NEVER))
    move_in("1", lines(("a", 1)))
    sluice_ok("run", "job.lua", "--once")
    move_in("2", lines(("a", 2)))
    said = sluice_ok("run", "job.lua", "--once", "--finish").stderr
    check("event time is not ended" in said, said)
    equal(hits(), {}, "the window is open")
    sluice_ok("run", "job.lua", "--available-now")
    equal(sluice_ok("run", "job.lua", "--once", "--finish").stderr, "", "with nothing left there is nothing to say")
    equal([*hits().values()], ["0\t10000\ta\t2\n"], "both files count")


def test_available_now_gives_out_what_became_due():
    job(HITS)
    move_in("1", lines(("a", 1), ("b", 50)))
    sluice_ok("run", "job.lua", "--clock", "virtual", "--available-now")
    equal(hits(), {2000: "0\t10000\ta\t1\n"}, "the window that the first batch made due")


def test_what_cannot_work_is_refused_by_name():
    for code, expected in [
        ('ssc:textFileStream("in"):map(sluice.pair(1)):eventWindow { size = "5m" }:count():print()', "have no event time"),
        ('pairs:reduceByKey(sluice.sum):eventWindow { size = "5m" }:count():print()', "reduceByKey have no event time"),
        ('pairs:repartition(2):dropDuplicates():print()', "repartition have no event time"),
        ('pairs:glom():eventWindow { size = "5m" }:count():print()', "glom have no event time"),
        ('pairs:eventWindow { size = "5m" }:map(sluice.swap):print()', "map: cannot follow eventWindow"),
        ('pairs:eventWindow { size = "5m" }:print()', "print: cannot follow eventWindow"),
        ('pairs:eventWindow { size = "1m", slide = "5m" }:count():print()', "slide is longer than size"),
        ('pairs:eventWindow { slide = "5m" }:count():print()', "size is missing"),
        ('pairs:eventWindow { gap = "5m", size = "1m" }:count():print()', "gap makes sessions"),
        ('pairs:eventWindow { size = "5m", emit = "all" }:count():print()', '"final", "updates" or "both"'),
        ('pairs:joinWithin(pairs, "5m", "right"):print()', '"inner", "left" or "full"'),
        ('pairs:late():print()', "belongs to an eventWindow"),
        ('s:withWatermark(sluice.timestamp(1, "%Q"), "1m"):print()', "a conversion that is not known"),
        ('s:withWatermark(sluice.timestamp(1, "iso8601", "Europe/Berln"), "1m"):print()', "Europe/Berln"),
    ]:
        os.makedirs("in", exist_ok=True)
        job(HEAD + code)
        done = sluice("check", "job.lua")
        equal(done.returncode, 2, "exit status of %s; %s" % (code, done.stderr))
        check("job.lua:5: " in done.stderr and expected in done.stderr, "%s: %s" % (code, done.stderr))


ONE_OF_ONE = '''map(function(k, v) return k, v end)|filter(function() return true end)|flatMap(function(k, v) return { { k, v } } end)
mapValues(function(v) return v end)|flatMapValues(function(v) return { v } end)|keyBy(function(k) return k end)|keys()|values()|sample(false, 1.0, 1)
zipWithIndex()|zipWithUniqueId()|peek(function() end)|map(sluice.swap)|select(1)|columns("k", "v")|cache()|name("x")|transform(function(rdd) return rdd end)
antiJoinTable(sluice.table("none.tsv", { key = 1 }))|leftJoinTable(sluice.table("none.tsv", { key = 1 }))'''


def test_times_follow_the_records_that_operators_make_one_of_one():
    pathlib.Path("none.tsv").write_text("z\n")
    calls = ONE_OF_ONE.replace("\n", "|").split("|")
    job(HEAD + "".join("pairs:%s:map(function() return sluice.eventTime() end):saveAsTextFiles('out/%d')\n" % (call, i) for i, call in enumerate(calls)) +
        "".join("pairs:%s:eventWindow { size = '10s' }:count():saveAsTextFiles('out/w%d')\n" % (call, i) for i, call in enumerate(calls)) +
        "pairs:union(pairs):map(function() return sluice.eventTime() end):saveAsTextFiles('out/union')\n")
    feed("1", ("a", 1), ("b", 12), options=["--finish", "--workers", "2"])
    for i, call in enumerate(calls):
        equal((outputs("out/%d" % i, ""), outputs("out/w%d" % i, "")), ({1000: b"1000\n12000\n"}, {2000: b"0\t10000\t1\n10000\t20000\t1\n"}), call)
    equal(outputs("out/union", ""), {1000: b"1000\n12000\n" * 2}, "union")


SEVERAL = ("mapPartitions(function(i) local r = {} for k in i do r[#r + 1] = time() end return r end)",
           "mapPartitionsWithIndex(function(n, i) local r = {} for k in i do r[#r + 1] = time() end return r end)",
           "reduceByKey(function(a, b) return time() end):values()", "groupByKey():map(time)", "reduce(time)",
           "updateStateByKey(function(v, s) return time() end):values()", "mapWithState(function(k, v, s) return time() end)",
           "aggregateByKey('', function(a, b) return time() end, function(a, b) return time() end):values()")


def test_functions_over_several_records_have_no_time():
    """Also where the records before them were given to a function one by one."""
    move_in("1", lines(("a", 1), ("a", 12), ("a", 13)))
    for i, call in enumerate(SEVERAL):
        job(HEAD.replace('"1s"', '"1s", checkpoint = false') + "local function time() return tostring(sluice.eventTime()) end\n"
            "pairs:filter(function() return sluice.eventTime() > 0 end):%s:saveAsTextFiles('out/%d', nil, { format = 'lines' })\n" % (call, i))
        run()
        equal(set(outputs("out/%d" % i, "")[1000].splitlines()), {b"nil"}, call)


def test_late_records_have_the_names_of_their_columns():
    job(HEAD + 'pairs:columns("k", "v"):eventWindow { size = "10s" }:late():saveAsTextFiles("out/late", "json", { format = "json" })\n')
    feed("1", ("a", 31))
    feed("2", ("b", 9))
    equal(outputs("out/late", "json"), {2000: b'{"k":"b","v":1}\n'}, "late records")


def test_records_without_a_time_are_record_errors():
    job(HITS)
    move_in("1", "a 1\nb x\nc 12\n")
    run("--finish")
    (letter,) = json_lines(read(".sluice/job/deadletter/1000.jsonl"))
    equal((letter["line"], letter["operator"]), (2, "withWatermark"), "where")
    equal(len(hits()[2000].splitlines()), 2, "the others count")


def test_an_idle_source_holds_the_watermark_back_unless_it_may_be_idle():
    for option, expected in (("", []), (', { idleAfter = "2s" }', [4000])):
        shutil.rmtree(".sluice", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree("in", ignore_errors=True)
        os.makedirs("quiet", exist_ok=True)
        job(HITS.replace('ssc:textFileStream("in")', 'ssc:textFileStream("in"):union(ssc:textFileStream("quiet"))')
                .replace('"10s")\nlocal pairs', '"10s"%s)\nlocal pairs' % option))
        feed("1", ("a", 1), ("b", 40))
        run(batches=4)
        feed("2", ("b", 41))
        equal(sorted(hits()) != [], bool(expected), "with%s" % (option or " no option"))


def test_a_source_that_brings_something_is_not_idle():
    """Where nothing ran for long, all sources had no data for long. What waited is not late for that: the one that is behind
    counts, and only where it brings nothing it is idle."""
    for brings in (True, False):
        for left in (".sluice", "out", "in", "behind"):
            shutil.rmtree(left, ignore_errors=True)
        job(HITS.replace('ssc:textFileStream("in")', 'ssc:textFileStream("in"):union(ssc:textFileStream("behind"))')
                .replace('"10s")\nlocal pairs', '"10s", { idleAfter = "5s" })\nlocal pairs'))
        move_in("1", lines(("b", 51)), "behind")
        feed("1", ("a", 100))
        if brings:
            move_in("2", lines(("b", 52)), "behind")
        feed("2", ("a", 101), options=("--start-time", "60000"))
        run("--finish")
        equal(os.path.exists(".sluice/job/late"), False, "late records")
        equal([time for time in hits() if time == 61000], [] if brings else [61000], "batches with rows, when it brings %s" % brings)
        equal(sum(int(line.split("\t")[3]) for text in hits().values() for line in text.splitlines()), 4 if brings else 3, "records")


def test_a_table_beside_the_stream_does_not_hold_the_watermark_back():
    """It brings no records, so it has no newest event time: the stream alone counts, with a table of a join or of a query."""
    pathlib.Path("users.csv").write_text("key,group\na,x\nb,y\n")
    joined = 's:joinTable(users):map(sluice.select(1, 2))'
    asked = 's:columns("k", "t"):sql("SELECT k, t FROM this JOIN u ON u.key = this.k", { u = users })'
    for stream in (joined, asked):
        for left in (".sluice", "out", "in"):
            shutil.rmtree(left, ignore_errors=True)
        job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local users = sluice.table("users.csv", { format = "csv", header = true, key = "key" })
local s = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2))
%s:withWatermark(sluice.timestamp(2, "s"), "10s"):map(sluice.select(1)):map(sluice.pair(1))
    :eventWindow { size = "10s" }:reduceByKey(sluice.sum):saveAsTextFiles("out/hits")
''' % stream)
        feed("1", ("a", 1), ("b", 25))
        run()
        equal(hits(), {2000: "0\t10000\ta\t1\n"}, "the window that was closed, of " + stream)


def test_a_watermark_that_no_output_uses_is_neither_shown_nor_ended():
    """It never moves, so ending event time once more in each run would have no end."""
    unused = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local all = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2))
all:withWatermark(sluice.timestamp(2, "s"), "10s"):eventWindow { size = "10s" }:count()
all:saveAsTextFiles("out/all")
'''
    job(unused)
    feed("1", ("a", 1), options=["--finish"])
    status = json.loads(sluice_ok("status", "job.lua", "--json").stdout)
    equal(("event_time" in status["status"], status["batches"]), (False, 1), "event time in status, and batches")


def test_restarts_and_workers_give_the_bytes_of_one_run():
    records = [("k%d" % (i % 7), (i * 7919) % 50 + i) for i in range(200)]
    results = []
    for workers, size in (("1", 200), ("7", 20), ("2", 50)):
        shutil.rmtree(".sluice", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree("in", ignore_errors=True)
        job(HITS.replace('"10s")\nlocal pairs', '"60s")\nlocal pairs').replace('size = "10s"', 'size = "10s", slide = "2s"'))
        for i in range(0, 200, size):
            feed("%03d" % i, *records[i:i + size], options=["--workers", workers])
        run("--finish", "--workers", workers)
        results.append("".join(content for _, content in sorted(hits().items())))
    equal(results[1], results[0], "20 records a batch")
    equal(results[2], results[0], "50 records a batch")


def test_a_changed_size_keeps_what_fits():
    job(HITS.replace('size = "10s"', 'size = "5s"'))
    feed("1", ("a", 11), ("a", 16), ("b", 3))
    job(HITS)
    feed("2", ("a", 17))
    run("--finish")
    equal("".join(hits().values()), "0\t10000\tb\t1\n10000\t20000\ta\t3\n", "pieces of 5 s in windows of 10 s")
    run()


def test_groups_that_a_changed_slide_forgets_stay_forgotten():
    """With restarts after the change, too, and where the slide changes back; what came since is there."""
    windows = lambda slide: HITS.replace('size = "10s"', 'size = "20s", slide = "%ds"' % slide)
    first = "5000\t25000\tc\t1\n10000\t30000\tc\t1\n15000\t35000\tc\t1\n20000\t40000\tc\t1\n"
    for restarts, slide, wanted in ((0, 5, first), (1, 5, first), (2, 5, first), (1, 10, "10000\t30000\tc\t1\n20000\t40000\tc\t1\n")):
        for left in (".sluice", "out", "in"):
            shutil.rmtree(left, ignore_errors=True)
        job(windows(10))
        feed("1", ("a", 13), ("b", 18), (7, 12))
        job(windows(5))
        move_in("2", lines(("c", 22)))
        said = run(*(() if restarts else ("--finish",)), batches=1).stderr
        check("3 groups that lie in two pieces of them now are forgotten" in said, said)
        job(windows(slide))
        for more in reversed(range(restarts)):
            run(*(() if more else ("--finish",)))
        equal("".join(content for _, content in sorted(hits().items())), wanted, "%d restarts, then a slide of %d s" % (restarts, slide))


def test_windows_that_were_given_out_do_not_come_back_when_the_size_changes_again():
    """The first batch of a new size closes some; the next size has windows that reach back over them."""
    for restarts in (0, 1):
        for left in (".sluice", "out", "in"):
            shutil.rmtree(left, ignore_errors=True)
        job(HITS.replace('size = "10s"', 'size = "5s"'))
        feed("1", ("a", 1), ("a", 12), ("b", 40))
        job(HITS.replace('size = "10s"', 'size = "15s"'))
        feed("2", ("b", 41))
        for _ in range(restarts):
            feed("3", ("b", 42))
        job(HITS.replace('size = "10s"', 'size = "45s"'))
        run("--finish")
        equal([*hits().values()], ["0\t15000\ta\t2\n", "0\t45000\tb\t%d\n" % (2 + restarts)], "windows, with %d restarts between" % restarts)


def test_windows_that_become_sessions_drop_state_and_that_is_refused():
    for name in ("", ':name("hits")'):
        for left in (".sluice", "out", "in"):
            shutil.rmtree(left, ignore_errors=True)
        windows = HITS.replace("(sluice.sum)", "(sluice.sum)" + name)
        sessions = windows.replace('size = "10s"', 'gap = "10s"')
        job(windows)
        feed("1", ("a", 3))
        for text, time in ((sessions, 50), (windows, 90)):
            job(text)
            move_in(str(time), lines(("b", time)))
            for attempt in range(2):
                done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
                check(done.returncode == 2 and "reduceByKey" in done.stderr and "--accept-changes" in done.stderr, done.stderr)
            run("--accept-changes")
            run()
        run("--finish")
        equal("".join(content for _, content in sorted(hits().items())), "90000\t100000\tb\t1\n", "what was dropped does not come back")


def test_status_and_metrics_show_event_time():
    job(HITS + 'w:count():mount("n")\n')
    feed("1", ("a", 31), ("b", 40))
    feed("2", ("late", 9))
    status = json.loads(sluice_ok("status", "job.lua", "--json").stdout)["status"]["event_time"]
    equal([w["watermark"] for w in status["watermarks"]], [30000], "watermark")
    equal((status["late"], status["open_windows"] > 0), (1, True), "late, open")
    text = sluice_ok("status", "job.lua").stdout
    check("watermark" in text and "late         1 in this run" in text, text)
    metrics = sluice_ok("status", "job.lua", "--metrics").stdout
    for sample in ("sluice_late_records_total 1.000", "sluice_open_windows %d.000" % status["open_windows"], "sluice_watermark_timestamp_seconds 30.000",
                   "sluice_watermark_lag_seconds -28.000"):
        check("\n%s\n" % sample in metrics, "%s in %s" % (sample, metrics))


VIEWS = HEAD.replace('"1s" }', '"1s", maxFilesPerBatch = 1, mount = { dir = "mnt", kind = "dir" } }') + '''
pairs:eventWindow { size = "10s", slide = "5s", emit = "updates" }:reduceByKey(sluice.sum):mount("windows")
pairs:eventWindow { gap = "5s", emit = "updates" }:reduceByKey(sluice.sum):mount("sessions")
pairs:eventWindow { size = "10s", emit = "updates" }:count():mount("counts")
s:map(sluice.select(1)):eventWindow { size = "10s", emit = "updates" }:distinct():mount("names")
'''
# By batch: what each view shows after it.
SHOWN = (
    {"windows": "-5 5 a 1|0 10 a 2|0 10 b 1|5 15 a 1|5 15 b 1", "sessions": "3 13 a 2|9 14 b 1", "counts": "0 10 3", "names": "0 10 a|0 10 b"},
    {"windows": "-5 5 a 1|0 10 a 3|0 10 b 1|5 15 a 2|5 15 b 1|15 25 b 1|20 30 b 1", "sessions": "3 13 a 3|9 14 b 1|20 25 b 1",
     "counts": "0 10 4|20 30 1", "names": "0 10 a|0 10 b|20 30 b"},
    {"windows": "-5 5 a 1|0 10 a 3|0 10 b 1|5 15 a 2|5 15 b 1|15 25 b 1|20 30 b 1|35 45 a 1|40 50 a 1",
     "sessions": "3 13 a 3|9 14 b 1|20 25 b 1|40 45 a 1", "counts": "0 10 4|20 30 1|40 50 1", "names": "0 10 a|0 10 b|20 30 b|40 50 a"},
    {"windows": "15 25 b 1|20 30 b 1|35 45 a 2|40 50 a 2", "sessions": "20 25 b 1|40 46 a 2", "counts": "20 30 1|40 50 2",
     "names": "20 30 b|40 50 a"},
)


def in_ms(text):
    """The rows of a view as they are, times from seconds."""
    rows = [row.split(" ") for row in text.split("|")]
    return "".join("\t".join([str(int(start) * 1000), str(int(stop) * 1000), *rest]) + "\n" for start, stop, *rest in rows)


def test_a_view_of_updates_shows_open_and_recent_windows():
    batches = ([("a", 3), ("a", 8), ("b", 9)], [("a", 6), ("b", 20)], [("a", 40)], [("a", 41)])
    for workers in ("1", "7"):
        for left in ("in", "mnt", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)
        job(VIEWS)
        for number, records in enumerate(batches):
            feed(str(number), *records, options=("--workers", workers))  # a run for each: the table is kept over restarts
            for view, wanted in SHOWN[number].items():
                equal(pathlib.Path("mnt", view, "current").read_text(), in_ms(wanted), "%s after batch %d, %s workers" % (view, number + 1, workers))


def test_open_windows_belongs_to_updates():
    for emit in ("final", "both"):
        job(HEAD + 'pairs:eventWindow { size = "10s", emit = "%s" }:reduceByKey(sluice.sum):openWindows():print()\n' % emit)
        done = sluice("check", "job.lua")
        check(done.returncode == 2 and 'emit = "updates"' in done.stderr, done.stderr)


def test_a_job_is_tested_with_the_end_of_time():
    job(HITS)
    os.mkdir("in")
    pathlib.Path("job_test.lua").write_text('''
local test = require "sluice.testing"
test.case("hits", function()
    local r = test.run("job.lua", { inputs = { ["in"] = { { "a 1", "b 12" }, { "a 2" } } }, finish = true })
    test.equal(r.outputs["out/hits"][3], { { 0, 10000, "a", 2 }, { 10000, 20000, "b", 1 } })
end)
''')
    sluice_ok("test", "job_test.lua")


def test_a_job_is_tested_with_the_end_of_time_of_windows_of_batches():
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):map(sluice.pair(1)):window(4, 4):withWatermark(function() return 1000 end, 0)
    :eventWindow { size = "10s" }:count():saveAsTextFiles("out/counts")
''')
    os.mkdir("in")
    pathlib.Path("job_test.lua").write_text('''
local test = require "sluice.testing"
test.case("counts", function()
    local r = test.run("job.lua", { inputs = { ["in"] = { { "x" }, { "y" } } }, finish = true })
    local outputs = r.outputs["out/counts"]
    test.equal(outputs[#outputs], { { 0, 10000, 2 } })
end)
''')
    sluice_ok("test", "job_test.lua")


main(globals())
