#!/usr/bin/env python3
"""maxErrorRate: a file most of whose records fail is quarantined whole; the batch fails where it is the job."""
import pathlib
from harness import *

JUNK, GOOD = "junk\n" * 100, "1\n" * 100
NUMBERS = "ssc:textFileStream('in'):map(sluice.number()):saveAsTextFiles('out/a')"


def job_of(body, options=""):
    job("local sluice = require 'sluice'\nlocal ssc = sluice.StreamingContext { interval = '50ms', %s }\n%s\n" % (options, body))


def once(status=0, *args):
    done = sluice("run", "job.lua", "--once", *args)
    equal(done.returncode, status, "exit status: " + done.stderr)
    return done.stderr


def quarantined():
    return json.loads(sluice_ok("status", "job.lua", "--json").stdout)


def results():
    return b"".join(read(path) for path in sorted(pathlib.Path("out").glob("a-*/part-00000")))


def test_a_file_of_junk_is_quarantined_and_its_batch_goes_on():
    job_of(NUMBERS)
    move_in("junk", JUNK)
    move_in("good", "7\n")
    said = once()
    equal(results(), b"7\n", "the good file")
    for part in ("in/junk", "100 of 100 records failed", "line 1", "job.lua:3", "map", "number"):
        check(part in said, "the log names %s: %s" % (part, said))
    answer = sluice("why", "in/junk", "job.lua").stdout + sluice("why", "job.lua", "in/junk").stdout
    check("too many record errors" in answer, "why: " + answer)
    move_in("later", "8\n")
    once()
    equal(results(), b"7\n8\n", "later files are taken")
    check(not list(pathlib.Path(".sluice/job").glob("deadletter/*")), "records of the file are no dead letters")


def test_the_rule_counts_records_of_one_file():
    for bad, good, options, out in ((50, 50, "", True), (51, 49, "", False), (99, 0, "", True), (100, 0, "maxErrorRate = 1", True),
                                    (11, 89, "maxErrorRate = 0.1", False), (10, 90, "maxErrorRate = 0.1", True),
                                    (1, 99, "maxErrorRate = 0", False), (0, 100, "maxErrorRate = 0", True)):
        job_of(NUMBERS, options)
        for name in ("in", "out", ".sluice"):
            shutil.rmtree(name, ignore_errors=True)
        move_in("a", "x\n" * bad + "1\n" * good)
        once()
        equal(results(), b"1\n" * good if out else b"", "%d bad, %d good, %s" % (bad, good, options))


def test_a_record_counts_once_however_much_of_it_fails():
    job_of("ssc:textFileStream('in'):flatMap(sluice.split(' ')):map(sluice.number()):saveAsTextFiles('out/a')")
    move_in("a", "x y z\n" * 40 + "1\n" * 60)
    once()
    equal(results(), b"1\n" * 60, "40 of 100 records fail")
    move_in("b", "x 1 2 3\n" * 60 + "1\n" * 40)
    once()
    equal(results(), b"1\n" * 60, "60 of 100 records fail")


def test_errors_of_several_operators_add_up():
    job_of("local s = ssc:textFileStream('in')\ns:filter(function(l) if l == 'x' then error('it is x') end return true end)"
           ":map(function(l) if l == 'y' then error('it is y') end return l end):saveAsTextFiles('out/a')\n"
           "s:map(function(l) if l == 'x' then error('x again') end return l end):saveAsTextFiles('out/b')")
    move_in("a", "y\n" * 30 + "x\n" * 30 + "1\n" * 40)
    said = once()
    check("60 of 100" in said and "it is y" in said, said)
    equal(results(), b"", "nothing of the file")


def test_lines_of_large_and_compressed_files_are_named():
    import gzip
    job_of(NUMBERS)
    move_in("a", "1\n" * 4400000 + "x\n" * 4500000)
    move_in("b.gz", gzip.compress(b"1\n" * 10 + b"x\n" * 1000))
    said = once()
    check("4500000 of 8900000 records failed" in said and "line 4400001" in said, said)
    check("1000 of 1010 records failed" in said and "line 11" in said, said)


def test_what_a_reader_refuses_counts():
    job_of("ssc:fileStream('in', { format = 'jsonl' }):count():saveAsTextFiles('out/a')")
    move_in("a", "{\n" * 100)
    move_in("b", '{"a":1}\n')
    check("in/a: 100 of 100" in once(), "the log")
    equal(results(), b"1\n", "the other file")


def test_most_files_of_a_batch_are_the_job():
    body = "ssc:textFileStream('in'):map(function(l) if l == %s then error('it is junk') end return l end):saveAsTextFiles('out/a')"
    job_of(body % "'junk'")
    for name in "abc":
        move_in(name, JUNK)
    move_in("good", GOOD)
    move_in("good2", GOOD)
    for attempt in range(2):
        said = once(1)
        for part in ("3 of the batch's 5 files", "job.lua:3", "map", "it is junk", "--skip"):
            check(part in said, "stderr names %s: %s" % (part, said))
        equal(results(), b"", "nothing is shown")
    job_of(body % "''")
    once()
    equal(results(), (JUNK * 3 + GOOD * 2).encode(), "a mended job loses nothing")


def test_two_of_three_files_and_half_of_six_are_not():
    job_of(NUMBERS)
    for names, good in (("ab", 1), ("cde", 3)):
        for name in names:
            move_in(name, JUNK)
        for number in range(good):
            move_in("good-%s-%d" % (names, number), "1\n")
        once()
    equal(results(), b"1\n" * 4, "the good ones")


def test_three_batches_of_nothing_but_junk_are_the_job():
    job_of(NUMBERS)
    for number in range(2):
        move_in("junk%d" % number, JUNK)
        once()
    move_in("good", "5\n")
    once()
    for number in range(2, 4):
        move_in("junk%d" % number, JUNK)
        once()
        once()  # a batch without files in between changes nothing
    move_in("junk4", JUNK)
    for attempt in range(2):
        said = once(1)
        check("3 batches in a row" in said and "in/junk4" in said, said)
    equal(results(), b"5\n", "the good file")


def test_batches_are_counted_in_one_run_and_without_history():
    job_of(NUMBERS, "keepHistory = '1ms', maxFilesPerBatch = 1")
    for number in range(3):
        move_in("junk%d" % number, JUNK)
    done = sluice("run", "job.lua", "--available-now")
    equal(done.returncode, 1, "exit status: " + done.stderr)
    check("3 batches in a row" in done.stderr, done.stderr)
    once(1)


def test_an_operator_after_a_shuffle_is_the_job():
    job_of("ssc:textFileStream('in'):countByValue():map(function(k) if k ~= '1' then error('bad ' .. k) end return k end)"
           ":saveAsTextFiles('out/a')")
    move_in("a", "".join("%d\n" % n for n in range(100)))
    said = once(1)
    for part in ("job.lua:3", "map failed on 99 of 100 records", "bad 0"):
        check(part in said, "stderr names %s: %s" % (part, said))


def test_file_errors_may_stop_the_run():
    job_of(NUMBERS, "onFileError = 'stop'")
    move_in("junk", JUNK)
    check("onFileError" in once(1), "stderr")


def test_strict_says_5():
    job_of(NUMBERS)
    move_in("junk", JUNK)
    once(5, "--strict")


main(globals())
