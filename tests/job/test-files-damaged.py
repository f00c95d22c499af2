#!/usr/bin/env python3
"""Files that cannot be read, or turn out damaged while they are read, are quarantined with their reason, and no row
of theirs is seen; the rest of the batch is as if they had not been there."""
import gzip, os, pathlib, shutil, sqlite3, subprocess
from harness import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" %(context)s }
ssc:fileStream("in", { %(options)s })%(chain)s:saveAsTextFiles("out/rows", "txt")
"""
SPLIT = 8 << 20


def write_job(options="", context="", chain=""):
    os.makedirs("in", exist_ok=True)
    job(JOB % {"options": options, "context": context and ", " + context, "chain": chain})


def run(*more):
    return sluice("run", "job.lua", "--clock", "virtual", "--batches", "1", *more)


def rows():
    return [line for content in outputs("out/rows").values() for line in content.decode().splitlines()]


def query(text):
    with sqlite3.connect("file:.sluice/job/catalog.db?mode=ro", uri=True) as catalog:
        return catalog.execute(text).fetchall()


def quarantined():
    return dict(query("SELECT path, quarantined FROM files WHERE quarantined IS NOT NULL"))


def lines(count, word="line"):
    """Lines that do not pack well."""
    return b"".join(b"%s %d %d\n" % (word.encode(), i, i * 2654435761 % 4294967291) for i in range(count))


def zstd(content):
    return subprocess.run(["zstd", "-q", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout


def expect_quarantined(name, *reasons):
    """After a run with in/good, whose only row is `good`, and one damaged file."""
    done = run()
    equal(done.returncode, 0, "exit status\n" + done.stderr)
    equal(rows(), ["good"], "the rows")
    equal(list(quarantined()), ["in/" + name], "the quarantined files")
    for reason in reasons:
        check(reason in quarantined()["in/" + name], "%r is not in the reason: %s" % (reason, quarantined()))
        check(reason in done.stderr, "%r is not in\n%s" % (reason, done.stderr))
    equal(done.stderr.count("file quarantined: "), 1, "times it was said")
    equal(query("SELECT kind, path FROM errors"), [("file", "in/" + name)], "view errors")


def good_and(name, content):
    write_job()
    move_in("good", "good\n")
    move_in(name, content)


def test_truncated_gzip_after_many_rows():
    good_and("a.gz", gzip.compress(lines(200000))[:-1000])
    expect_quarantined("a.gz", "truncated")


def test_random_numbers_are_those_of_a_batch_without_the_damaged_file():
    """The batch is run again without it: numbers that were drawn in vain are drawn once more."""
    chain = ":map(function(line) return line, math.random(1000000000) end)"
    found = {}
    for there in (False, True):
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree(".sluice", ignore_errors=True)
        write_job(chain=chain)
        move_in("good", "good\n")
        if there:
            move_in("later.gz", gzip.compress(lines(50000))[:9])
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", "--workers", "1")
        found[there] = rows()
        equal(len(quarantined()), there, "quarantined files")
    equal(found[True], found[False], "the rows")


def test_gzip_with_a_wrong_checksum():
    packed = bytearray(gzip.compress(lines(50000)))
    packed[-8] ^= 1
    good_and("a.gz", bytes(packed))
    expect_quarantined("a.gz", "a.gz")


def test_damaged_later_member_of_a_gzip():
    good_and("a.gz", gzip.compress(lines(50000)) + gzip.compress(lines(50000))[:-9])
    expect_quarantined("a.gz", "truncated")


def test_a_changed_byte_of_a_result_is_found():
    """What has not been packed smaller lies in the file as it was: only a checksum of the contents tells."""
    for compression in ("zstd", "gzip"):
        for path in ("in", "out", ".sluice"):
            shutil.rmtree(path, ignore_errors=True)
        move_in("a", "k\n")
        sluice_ok("run", job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):saveAsTextFiles("made/a", "", { compression = "%s", latest = false })
""" % compression), "--clock", "virtual", "--batches", "1")
        made = next(pathlib.Path("made").glob("a-*/part-*"))
        packed = made.read_bytes()
        shutil.rmtree(".sluice"), shutil.rmtree("made"), shutil.rmtree("in")
        check(compression == "gzip" or b"k\n" in packed, "the byte lies there")
        damaged = packed.replace(b"k\n", b"j\n") if compression == "zstd" else packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
        good_and("b" + made.suffix, damaged)
        expect_quarantined("b" + made.suffix)


def test_truncated_zstd():
    if not shutil.which("zstd"):
        skip("zstd is not installed")
    good_and("a.zst", zstd(lines(200000))[:-1000])
    expect_quarantined("a.zst", "truncated")


def test_wrong_suffixes():
    for name in ("a.gz", "b.zst"):
        shutil.rmtree("in", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree(".sluice", ignore_errors=True)
        good_and(name, "this is plain text\n")
        expect_quarantined(name, name)


def test_an_empty_file_with_a_packed_name_is_truncated():
    good_and("a.gz", "")
    expect_quarantined("a.gz", "truncated")


def test_what_unpacks_to_nothing_is_read():
    good_and("a.gz", gzip.compress(b""))
    done = run()
    equal((done.returncode, rows(), quarantined()), (0, ["good"], {}), "exit status, rows, quarantined")


def test_a_good_gzip_with_garbage_behind_it_is_read_and_warned_about():
    good_and("a.gz", gzip.compress(b"packed\n") + b"garbage")
    done = run()
    equal((done.returncode, rows(), quarantined()), (0, ["packed", "good"], {}), "exit status, rows, quarantined")
    check("a.gz: what follows the last compressed member" in done.stderr, "stderr is\n" + done.stderr)


def test_gzip_named_as_text_is_data():
    content = gzip.compress(b"x")
    write_job('format = "whole"', chain=":map(function(path, bytes) return #bytes end)")
    move_in("a.txt", content)
    equal((run().returncode, rows()), (0, [str(len(content))]), "exit status and rows")


def test_a_small_bomb_is_quarantined():
    """A GiB of zeros is nothing to zstd. It is one record, of which no more than maxRecordBytes is kept."""
    if not shutil.which("zstd"):
        skip("zstd is not installed")
    with open("bomb", "wb") as bomb:
        zeros = subprocess.Popen(["head", "-c", str((1 << 30) + (64 << 20)), "/dev/zero"], stdout=subprocess.PIPE)
        subprocess.run(["zstd", "-1", "-q", "-c"], stdin=zeros.stdout, stdout=bomb, check=True)
        zeros.wait()
    good_and("a.zst", read("bomb"))
    expect_quarantined("a.zst", "times its size")


def test_a_bomb_is_quarantined():
    if os.environ.get("SLUICE_LONG") != "1":
        return  # unpacks a GiB and more
    packed = gzip.compress(b"\n" * (1 << 26), 9)
    good_and("a.gz", packed * 20)
    expect_quarantined("a.gz", "times its size")


def test_an_unreadable_file():
    good_and("a", "never\n")
    os.chmod("in/a", 0)
    nobody = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.getuid() == 0 else ()
    if nobody and not shutil.which("setpriv"):
        skip("setpriv is not installed, and nothing is unreadable to root")
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1", prefix=nobody)
    equal((done.returncode, rows(), list(quarantined())), (0, ["good"], ["in/a"]), "exit status, rows, quarantined")
    check("Permission denied" in done.stderr, "stderr is\n" + done.stderr)


def test_all_damaged_files_of_a_batch_are_found():
    write_job(chain=":map(sluice.const('x')):countByValue()")
    for number in range(5):
        move_in("good%d" % number, "g\n")
        move_in("bad%d.gz" % number, gzip.compress(lines(30000))[:-100])
    equal(run("--workers", "4").returncode, 0, "exit status")
    equal((rows(), sorted(quarantined())), (["x\t5"], ["in/bad%d.gz" % number for number in range(5)]),
          "rows and quarantined files")


def test_a_batch_of_damaged_files_only_counts_nothing():
    write_job(chain=":count()")
    move_in("a.gz", gzip.compress(lines(30000))[:-100])
    equal((run().returncode, rows()), (0, ["0"]), "exit status and rows")


def test_record_errors_of_a_damaged_file_are_not_kept():
    write_job('format = "jsonl"')
    move_in("a.jsonl.gz", gzip.compress(lines(30000))[:-100])
    move_in("b.jsonl", "{}\n")
    equal((run().returncode, rows(), os.path.exists(".sluice/job/deadletter")), (0, ["{}"], False),
          "exit status, rows, dead letters")


def test_state_knows_nothing_of_a_damaged_file():
    write_job(chain=":map(sluice.const('x')):map(sluice.pair(1))"
              ":updateStateByKey(function(values, state) return #values + (state or 0) end)")
    move_in("a.gz", gzip.compress(lines(30000))[:-100])
    move_in("b", "1\n2\n")
    run()
    move_in("c", "3\n")
    run()
    equal(rows(), ["x\t2", "x\t3"], "the rows")


def test_two_streams_one_of_which_has_a_damaged_file():
    os.makedirs("in")
    os.makedirs("other")
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local a = ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKey(sluice.sum)
    :updateStateByKey(function(values, state) return (values[1] or 0) + (state or 0) end)
local b = ssc:textFileStream("other"):map(sluice.pair(10))
a:union(b):reduceByKey(sluice.sum):saveAsTextFiles("out/rows", "txt")
""")
    move_in("a", "k\n")
    move_in("b", "k\n", "other")
    move_in("c.gz", gzip.compress(b"k\n" * 100000)[:-10], "other")
    equal((run().returncode, rows()), (0, ["k\t11"]), "exit status and rows")


def test_vanished_while_the_batch_ran():
    write_job(context="workers = 1", chain=':pipe({ "sh", "-c", "cat; rm -f in/z" })')
    move_in("a", "a\n")
    move_in("z", "never\n")
    done = run()
    equal((done.returncode, rows(), list(quarantined())), (0, ["a"], ["in/z"]), "exit status, rows, quarantined files")
    check("No such file or directory" in quarantined()["in/z"], "the reason is %s" % quarantined())


def test_replaced_while_the_batch_ran():
    write_job(context="workers = 1", chain=':pipe({ "sh", "-c", "cat; test -e new && mv new in/z || true" })')
    move_in("a", "a\n")
    move_in("z", "old\n")
    pathlib.Path("new").write_text("new\n")
    run()
    equal((rows(), list(quarantined())), (["a"], ["in/z"]), "rows and quarantined files of the first batch")
    run()
    equal(rows(), ["a", "new"], "the rows of both")


def test_commands_that_fail_on_half_a_file_do_not_fail_the_batch():
    write_job(chain=':pipe({ "awk", "{ print; n++ } END { exit n != 1 }" })')
    move_in("a.gz", gzip.compress(lines(30000))[:-100])
    move_in("b", "good\n")
    done = run()
    equal((done.returncode, rows()), (0, ["good"]), "exit status and rows\n" + done.stderr)


def test_a_quarantined_file_is_no_partition():
    write_job(chain=":glom():map(function(list) return #list end)", context="workers = 1")
    for name, content in (("a.gz", "plain"), ("b", "1\n2\n"), ("c", "gone")):
        move_in(name, content)
    os.chmod("in/c", 0)
    equal((run().returncode, rows()), (0, ["2", "1"] if os.getuid() == 0 else ["2"]), "exit status and rows")


def test_failures_of_those_who_get_the_rows_are_not_the_file_s():
    write_job('format = "csv", columns = { "a" }', context='onRecordError = "stop"')
    move_in("a", "1,2\n")
    done = run()
    equal((done.returncode, quarantined()), (1, {}), "exit status with onRecordError stop, quarantined files")
    shutil.rmtree(".sluice")  # the plan of one job is not another's
    write_job(chain=':pipe({ "false" })')
    done = run()
    equal((done.returncode, quarantined()), (1, {}), "exit status with a command that fails, quarantined files")


def test_shrunk_between_its_splits():
    # The second split is read when the first is on its way already: nothing of the file may stay.
    write_job(context="workers = 1", chain=':pipe({ "sh", "-c", "cat; truncate -s 100 in/z" }):count()')
    move_in("z", b"%015d\n" % 7 * ((2 * SPLIT + 160) // 16))
    done = run()
    equal((done.returncode, rows(), list(quarantined())), (0, ["0"], ["in/z"]), "exit status, rows, quarantined files")
    check("shrank" in quarantined()["in/z"], "the reason is %s" % quarantined())


def test_strict_exits_5():
    good_and("a.gz", "plain\n")
    equal(run("--strict").returncode, 5, "exit status")


def test_onFileError_stop_stops_and_the_next_start_redoes():
    write_job(context='onFileError = "stop"')
    move_in("a.gz", gzip.compress(lines(30000))[:-100])
    move_in("good", "good\n")
    done = run()
    equal(done.returncode, 1, "exit status")
    check("in/a.gz" in done.stderr and 'onFileError is "stop"' in done.stderr, "stderr is\n" + done.stderr)
    equal(rows(), [], "the rows")
    write_job()
    equal((run().returncode, rows(), list(quarantined())), (0, ["good"], ["in/a.gz"]), "what the next run does")


def test_a_quarantined_file_is_not_taken_again():
    good_and("a.gz", "plain\n")
    run()
    move_in("b", "b\n")
    done = run()
    equal((rows(), done.stderr.count("quarantined")), (["good", "b"], 0), "rows and times it was said again")


def test_what_was_quarantined_stays_so_when_the_batch_is_redone():
    packed = gzip.compress(b"mended\n")
    good_and("a.gz", b"x" * len(packed))
    os.makedirs("out/rows-1000.txt/in-the-way")
    equal(run().returncode, 1, "exit status of the batch that fails")
    with open("in/a.gz", "r+b") as file:
        file.write(packed)
    shutil.rmtree("out")
    equal((run().returncode, rows(), list(quarantined())), (0, ["good"], ["in/a.gz"]), "what the next run does")


def test_a_file_that_is_lost_after_its_batch_showed_something_stops_the_run():
    os.makedirs("in")
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local lines = ssc:textFileStream("in")
lines:saveAsTextFiles("out/rows", "txt")
lines:saveAsTextFiles("out/second", "txt")
""")
    move_in("a", "a\n")
    move_in("z", "z\n")
    os.makedirs("out/second-1000.txt/in-the-way")
    equal(run().returncode, 1, "exit status of the batch that fails")
    shutil.rmtree("out/second-1000.txt")
    equal(rows(), ["a", "z"], "what it has shown")
    os.rename("in/z", "z")
    done = run()
    equal(done.returncode, 4, "exit status without the file\n" + done.stderr)
    check("out/rows-1000.txt" in done.stderr and "in/z" in done.stderr, "stderr is\n" + done.stderr)
    os.rename("z", "in/z")
    equal((run().returncode, rows(), output(1000, "out/second"), quarantined()), (0, ["a", "z"], b"a\nz\n", {}),
          "what is done with the file")


def test_after_delete_leaves_quarantined_files():
    write_job('after = "delete"')
    move_in("a.gz", "plain\n")
    move_in("b", "b\n")
    run()
    equal(os.listdir("in"), ["a.gz"], "what is left")
    run()
    equal(os.listdir("in"), ["a.gz"], "what is left after another start")


main(globals())
