#!/usr/bin/env python3
"""A disk that is full: a long run says so once, shows nothing by half, waits, and does the same batch again when there
is room; a run that is to end by itself ends with 1. The disk is a small tmpfs, which root may mount."""
import hashlib, os, pathlib, sqlite3, subprocess
from harness import *
from small_disk import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "%s" }
local words = ssc:textFileStream("in"):flatMap(sluice.words)
local pairs = words:map(sluice.pair(1))
pairs:reduceByKey(sluice.sum):saveAsTextFiles("%s/counts", "txt")
pairs:updateStateByKey(function(values, state)
    state = state or 0
    for _, value in ipairs(values) do state = state + value end
    return state
end):saveAsTextFiles("%s/totals")
"""
# The others come by themselves, so one waits until the test has done its part.
QUEUE = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms", checkpoint = "ck" }
local words = ssc:queueStream({ %s }):map(sluice.pair(1))
words:foreachRDD(function(rdd)
    if rdd:first()[1] == "w04" then
        os.execute("touch reached; while ! test -e full; do sleep 0.01; done")
    end
end)
words:saveAsTextFiles("%s/out/counts", "txt")
"""


def ids(first, count=200):
    return "".join("id%05d\n" % number for number in range(first, first + count))


def begin(checkpoint, out, size="2m"):
    os.makedirs("in")
    job(JOB % (checkpoint, out, out))
    return SmallDisk(size)


def hidden(out):
    return [name for name in os.listdir(out) if name.startswith(".")] if os.path.isdir(out) else []


def check_results(out, count):
    words = counted(out + "/counts")
    equal({word: counts for word, counts in words.items() if counts != [1]}, {}, "ids that were counted twice")
    equal(sorted(words), ["id%05d" % number for number in range(count)], "the ids in the outputs")
    newest = max(output_times(out + "/totals", ""))
    totals = dict(line.split(b"\t") for line in output(newest, out + "/totals", "").splitlines())
    equal({total for total in totals.values()}, {b"1"}, "the totals")
    equal(len(totals), count, "how many totals")


def run_on_a_full_disk(checkpoint, out):
    with begin(checkpoint, out):
        with Running("job.lua", "--workers", "2") as run:
            move_in("a", ids(0))
            run.wait_until(lambda: len(counted(out + "/counts")) == 200, "the first batch")
            run.wait_until(lambda: not hidden(out), "the end of the first batch")
            shown = outputs(out + "/counts")
            fill()
            move_in("b", ids(200))
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the run to say that the disk is full")
            waiting = lambda: sluice("status", "--checkpoint", checkpoint, "--json").stdout
            run.wait_until(lambda: '"waiting":true' in waiting(), "the status that the run waits")
            told = sluice("status", "--checkpoint", checkpoint)
            check("waiting, process" in told.stdout and SMALL in told.stdout, "status: " + told.stdout)
            equal(sluice("status", "--checkpoint", checkpoint, "--check").returncode, 1, "status --check")
            run.wait_until(lambda: outputs(out + "/counts") == shown and not hidden(out), "nothing by half")
            move_in("c", ids(400))
            make_room()
            run.wait_until(lambda: len(counted(out + "/counts")) == 600, "the batches after there was room")
            run.wait_until(lambda: '"waiting":false' in waiting(), "the status that the run goes on")
            run.stop()
            said = [line for line in run.stderr().splitlines() if "cannot be done" in line]
        equal(len(said), 1, "how often it was said: %s" % said)
        check(SMALL in said[0], "which disk: " + said[0])
        check_results(out, 600)


# ---- claims ----

def test_a_run_waits_for_room_for_its_outputs():
    run_on_a_full_disk("ck", SMALL + "/out")


def test_a_run_waits_for_room_for_its_checkpoint():
    run_on_a_full_disk(SMALL + "/ck", "out")


def test_files_of_every_kind_and_tables_wait_for_room():
    """Beside each output on the small disk there is the same one elsewhere, which the disk does not disturb."""
    kinds = [("saveAsTextFiles", "csv", '{ format = "csv", header = true, compression = "gzip", partitions = 2 }'), ("saveAsTextFiles", "json", '{ format = "json", compression = "zstd" }'),
             ("saveAsObjectFiles", "object", "{}"), ("saveAsHadoopFiles", "sequence", '{ compression = "block", codec = "zstd" }')]
    statements = ['s:%s("%s/%s", nil, %s)' % (call, place, name, options) for place in (SMALL, "plain") for call, name, options in kinds]
    with begin("ck", SMALL):
        job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "ck" }
local s = ssc:textFileStream("in"):map(sluice.pair(1)):columns("id", "n")
%s
s:saveToTable("sqlite:%s/t.db", "ids", { create = true, timeout = "1s" })
""" % ("\n".join(statements), SMALL))
        with Running("job.lua") as run:
            move_in("a", ids(0))
            run.wait_until(lambda: all(output_times("%s/%s" % (place, name), "") for place in (SMALL, "plain") for _, name, _ in kinds), "the first batch")
            fill()
            move_in("b", ids(200, 3000))
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the run to say that the disk is full")
            equal([len(output_times(SMALL + "/" + name, "")) for _, name, _ in kinds], [1] * len(kinds), "nothing of it is shown")
            make_room()
            run.wait_until(lambda: all(len(output_times("plain/" + name, "")) == 2 for _, name, _ in kinds), "the second batch")
            run.stop()
        for _, name, _ in kinds:
            times = output_times(SMALL + "/" + name, "")
            equal(times, output_times("plain/" + name, ""), "batches of " + name)
            for time in times:
                found, want = output(time, SMALL + "/" + name, ""), output(time, "plain/" + name, "")
                check(len(found) == len(want) if name == "sequence" else found == want, "%s-%d" % (name, time))  # a sync marker has the name of its output
        with sqlite3.connect(SMALL + "/t.db") as table:
            equal(table.execute("SELECT count(*), count(DISTINCT id) FROM ids").fetchall(), [(3200, 3200)], "rows of the table")


def waits_for_room(lengths_by_key):
    """What the batch is taken back to is loaded again, and what memory does not hold of that goes to the full disk, too."""
    def lines(first, count):
        return "".join("id%05d %s\n" % (n, "".join(hashlib.sha256(b"%d %d" % (n, k)).hexdigest() for k in range(12))) for n in range(first, first + count))
    with begin(SMALL + "/ck", "out", "24m"):
        job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "%s/ck", memoryLimit = "64KB" }
local s = ssc:textFileStream("in"):map(sluice.fields(" "))
%s:saveAsTextFiles("out/counts", "txt")
""" % (SMALL, lengths_by_key))
        with Running("job.lua", "--workers", "2") as run:
            move_in("a", lines(0, 3000))
            run.wait_until(lambda: len(counted()) == 3000, "the first batch")
            fill()
            move_in("b", lines(2000, 3000))
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the run to say that the disk is full")
            make_room()
            run.wait_until(lambda: len(counted()) == 5000, "the batch after there was room")
            run.stop()
        lengths = dict(line.split(b"\t") for time in sorted(output_times("out/counts", "txt"))
                       for line in output(time, "out/counts", "txt").splitlines())
        equal([lengths.get(b"id%05d" % n) for n in range(5000)], [b"1536" if 2000 <= n < 3000 else b"768" for n in range(5000)], "each line once")


def test_a_run_waits_for_room_for_state_that_memory_does_not_hold():
    waits_for_room("""s:updateStateByKey(function(values, state)
    return (state or "") .. table.concat(values)
end):map(function(key, value) return key, #value end)""")


def test_a_run_waits_for_room_for_windows_that_memory_does_not_hold():
    waits_for_room("""s:withWatermark(function() return 1000 end, "1s"):eventWindow { size = "1h", emit = "updates" }
    :reduceByKey(function(a, b) return a .. b end):map(function(start, stop, key, value) return key, #value end)""")


def test_a_run_that_waits_ends_when_it_is_told_to():
    with begin(SMALL + "/ck", SMALL + "/out"):
        with Running("job.lua") as run:
            move_in("a", ids(0))
            run.wait_until(lambda: len(counted(SMALL + "/out/counts")) == 200, "the first batch")
            fill()
            move_in("b", ids(200))
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the run to say that the disk is full")
            run.stop()
        make_room()
        sluice_ok("run", "job.lua", "--once")
        sluice_ok("run", "job.lua", "--once")
        check_results(SMALL + "/out", 400)


def test_a_run_that_starts_waits_with_the_batch_it_has_to_redo():
    with begin("ck", SMALL + "/out"):
        move_in("a", ids(0))
        sluice_ok("run", "job.lua", "--once")
        fill()
        move_in("b", ids(200))
        with Running("job.lua") as run:
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the run to say that the disk is full")
            run.kill()
        with Running("job.lua") as run:
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the next one to say it, too")
            make_room()
            run.wait_until(lambda: len(counted(SMALL + "/out/counts")) == 400, "both batches")
            run.stop()
        check_results(SMALL + "/out", 400)


def test_a_queue_gives_each_of_its_batches_once():
    with SmallDisk():
        job(QUEUE % (", ".join('{ "w%02d" }' % number for number in range(60)), SMALL))
        with Running("job.lua") as run:
            run.wait_until(lambda: os.path.exists("reached"), "the fifth batch, which waits for the disk to be full")
            fill()
            pathlib.Path("full").touch()
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the run to say that the disk is full")
            make_room()
            run.wait_until(lambda: len(counted(SMALL + "/out/counts")) == 60, "all batches")
            run.stop()
        equal(counted(SMALL + "/out/counts"), {"w%02d" % number: [1] for number in range(60)}, "the words")


def test_once_fails_and_the_next_does_it_again():
    with begin("ck", SMALL + "/out"):
        move_in("a", ids(0))
        sluice_ok("run", "job.lua", "--once")
        fill()
        move_in("b", ids(200))
        for how in ("--once", "--available-now"):
            done = sluice("run", "job.lua", how)
            equal(done.returncode, 1, how + " on a full disk")
            check(SMALL in done.stderr and "make room" in done.stderr, "what is said: " + done.stderr)
            equal((len(counted(SMALL + "/out/counts")), hidden(SMALL + "/out")), (200, []), "what is shown")
        make_room()
        sluice_ok("run", "job.lua", "--once")
        check_results(SMALL + "/out", 400)


SAVING = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "ck" }
local words = ssc:textFileStream("in")
words:saveAsTextFiles("out/words")
words:foreachRDD(function(time, rdd) rdd:saveAsTextFile("%s/saved-" .. time) end)
"""


def test_what_foreachRDD_saves_waits_for_room_too():
    with SmallDisk():
        job(SAVING % SMALL)
        move_in("a", ids(0))
        fill()
        done = sluice("run", "job.lua", "--once")
        equal(done.returncode, 1, done.stderr)
        check("make room" in done.stderr, done.stderr)
        with Running("job.lua") as run:
            run.wait_until(lambda: "waits for room" in run.stderr(), "it to say that it waits")
            make_room()
            run.wait_until(lambda: output_times("out/words", ""), "the batch")
            run.stop()
        saved = list(pathlib.Path(SMALL).glob("saved-*/part-00000"))
        equal([path.read_text() for path in saved], [ids(0)], "what was saved")


def test_a_run_that_finds_no_room_to_begin_says_what_to_do():
    with SmallDisk():
        job(JOB % (SMALL + "/ck", "out", "out"))
        move_in("a", ids(0))
        fill()
        for how in ([], ["--once"]):
            done = sluice("run", "job.lua", *how)
            equal(done.returncode, 1, done.stderr)
            check("No space left on device; make room" in done.stderr, done.stderr)
        make_room()
        sluice_ok("run", "job.lua", "--once")
        equal(list(outputs("out/counts").values()), [word_counts(ids(0))], "the batch")


def limited(limit, *args):
    return subprocess.run(["sh", "-c", 'ulimit %s; exec "$0" "$@"' % limit, SLUICE, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)


def test_limits_of_the_process_are_named_and_the_next_run_does_it_again():
    job(JOB % ("ck", "out", "out"))
    move_in("first", ids(0, 10))
    sluice_ok("run", "job.lua", "--once")
    move_in("second", ids(10, 40000))
    done = limited("-f 64", "run", "job.lua", "--once")
    equal(done.returncode, 1, "exit status where files may not grow: %s" % done.stderr)
    check("File too large; raise the limit" in done.stderr, done.stderr)
    for descriptors in range(6, 16):
        done = limited("-n %d" % descriptors, "run", "job.lua", "--once")
        check(done.returncode in (0, 1), "exit status with %d descriptors: %d\n%s" % (descriptors, done.returncode, done.stderr))
        check(done.returncode == 0 or "Too many open files" in done.stderr, done.stderr)
    sluice_ok("run", "job.lua", "--once")
    equal(sum(content.count(b"\n") for content in outputs("out/counts").values()), 40010, "ids counted once")


class SmallBtrfs:
    """Nothing is written in place there: a store into a mapped file needs a block."""

    def __enter__(self):
        if not shutil.which("mkfs.btrfs"):
            skip("mkfs.btrfs is not installed")
        os.makedirs(SMALL, exist_ok=True)
        with open("../image", "wb") as image:
            image.truncate(128 << 20)
        subprocess.run(["mkfs.btrfs", "-q", "../image"], check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run(["mount", "-o", "loop", "../image", SMALL], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            skip("mounting a btrfs: %s" % done.stderr.strip())

    def __exit__(self, *unused):
        unmount(SMALL)
        os.unlink("../image")


def fill_btrfs():
    for block in (65536, 4096):
        with open(BALLAST + str(block), "wb", buffering=0) as file:
            try:
                while file.write(bytes(block)):
                    pass
            except OSError:
                pass
    subprocess.run(["sync", "-f", SMALL])  # what is mapped is written out, so that the next store needs a block


def make_room_on_btrfs():
    for name in os.listdir(SMALL):
        if name.startswith("ballast"):
            os.unlink(os.path.join(SMALL, name))
    subprocess.run(["sync", "-f", SMALL])


def totals():
    """id -> how often it was counted."""
    times = output_times(SMALL + "/out/totals", "")
    return dict(line.split(b"\t") for line in output(times[-1], SMALL + "/out/totals", "").splitlines()) if times else {}


def test_a_full_btrfs_is_waited_for_and_ends_no_run_by_sigbus():
    with SmallBtrfs():
        job(JOB % (SMALL + "/ck", SMALL + "/out", SMALL + "/out"))
        for moment in range(3):
            first = moment * 1000
            with Running("job.lua") as run:
                move_in("a%d" % moment, ids(first))
                run.wait_until(lambda: len(totals()) >= moment * 800 + 200, "a batch")
                fill_btrfs()
                for number in range(1, 4):
                    move_in("b%d-%d" % (moment, number), ids(first + number * 200))
                run.wait_until(lambda: "waits for room" in run.stderr() or len(totals()) == moment * 800 + 800,
                               "the log to say that it waits, or room for all of it")
                if moment == 0:
                    run.stop()
                make_room_on_btrfs()
                if moment > 0:
                    run.wait_until(lambda: len(totals()) == moment * 800 + 800, "all of it")
                    run.stop()
        equal(set(totals().values()), {b"1"}, "how often ids were counted")


main(globals())
