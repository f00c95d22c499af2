#!/usr/bin/env python3
"""--clock virtual: batch k at START + k * interval, without waiting."""
import pathlib
from harness import *

QUEUE = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false%s }
ssc:queueStream({ {"a"}, {}, {"b"} }):saveAsTextFiles("out/r", "")
'''


def run(*args):
    return sluice_ok("run", "job.lua", "--clock", "virtual", *args)


def test_batches_stand_at_multiples_of_the_interval():
    job(QUEUE % "")
    run("--batches", "4")
    equal(outputs("out/r", ""), {1000: b"a\n", 3000: b"b\n"}, "outputs; an empty batch makes none")


def test_batches_start_after_the_start_time():
    job(QUEUE % "")
    run("--batches", "3", "--start-time", "60000")
    equal(outputs("out/r", ""), {61000: b"a\n", 63000: b"b\n"}, "outputs")


def test_empty_batches_are_made_where_they_are_asked_for():
    job(QUEUE % ", emptyBatches = true")
    run("--batches", "4")
    equal(outputs("out/r", ""), {1000: b"a\n", 2000: b"", 3000: b"b\n", 4000: b""}, "outputs")


def test_without_a_checkpoint_a_directory_that_exists_fails_the_batch():
    job(QUEUE % "")
    run("--batches", "1")
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(done.returncode, 1, "exit status")
    check("out/r-1000" in done.stderr, "the message names the directory: " + done.stderr)
    equal(outputs("out/r", ""), {1000: b"a\n"}, "the directory that was there")


def test_a_directory_in_the_way_fails_the_batch_and_what_the_message_says_helps():
    text = '''local sluice = require "sluice"
sluice.StreamingContext { interval = "1s" }:textFileStream("in"):saveAsTextFiles("out/a", "txt"%s)
'''
    options = ("job.lua", "--clock", "virtual", "--batches", "1")
    move_in("a", "ours\n")
    os.makedirs("out/a-1000.txt")
    pathlib.Path("out/a-1000.txt/theirs").write_text("theirs")
    job(text % "")
    for attempt in range(2):
        done = sluice("run", *options)
        check(done.returncode == (4 if attempt else 1) and "out/a-1000.txt exists" in done.stderr and "move" in done.stderr, done.stderr)
        equal(os.listdir("out/a-1000.txt"), ["theirs"], "what is in it")
    check("may have shown it" in done.stderr and "overwrite" not in done.stderr, "a batch that is redone: %s" % done.stderr)
    os.rename("out/a-1000.txt", "out/away")
    sluice_ok("run", *options)
    equal(outputs("out/a"), {1000: b"ours\n"}, "once it was moved away")
    move_in("b", "ours\n")
    os.makedirs("out/a-2000.txt")
    job(text % ", { overwrite = true }")
    sluice_ok("run", *options)
    equal((outputs("out/a"), os.listdir("out/a-2000.txt.~1~")), ({1000: b"ours\n", 2000: b"ours\n"}, []), "with overwrite")


def test_a_checkpoint_goes_on_after_its_last_batch():
    wordcount_here()
    virtual = ["wordcount.lua", "--clock", "virtual", "--batches", "1"]
    for name in ("a", "b"):
        move_in(name, name + "\n")
        sluice_ok("run", *virtual)
    equal(outputs(), {1000: b"a\t1\n", 2000: b"b\t1\n"}, "outputs")


def test_a_changed_interval_goes_on_at_its_own_next_multiple():
    wordcount_here()
    for name, interval in (("a", "300ms"), ("b", "1s"), ("c", "700ms")):
        move_in(name, name + "\n")
        sluice_ok("run", "wordcount.lua", "--clock", "virtual", "--batches", "1", "--interval", interval)
    equal(outputs(), {300: b"a\t1\n", 1000: b"b\t1\n", 1400: b"c\t1\n"}, "outputs")


def test_a_start_time_beyond_all_times_is_refused():
    job(QUEUE % "")
    for start in ("9223372036854775000", "253402300800000"):
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "2", "--start-time", start)
        equal((done.returncode, "the start time %s is after the year 9999" % start in done.stderr), (2, True), done.stderr)


def test_a_start_time_off_the_interval_is_refused():
    job(QUEUE % "")
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1", "--start-time", "1500")
    equal(done.returncode, 2, "exit status")
    check("1500" in done.stderr, "the message names the time: " + done.stderr)


def test_available_now_ends_with_the_last_file_whatever_the_directory_reports():
    for name in "abcd":
        move_in(name, name + "\n")
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 2 }
local lines = ssc:textFileStream("in")
lines:countByWindow("3s", "1s"):saveAsTextFiles("out/window", "txt")
lines:pipeTo({ "sh", "-c", "cat > rows; for i in 1 2 3; do mkdir in/.other; rmdir in/.other; done; touch outside; ln outside in/.outside; rm in/.outside" })
''')
    run("--available-now")
    equal(output_times("out/window"), [1000, 2000], "batches")


def test_print_shows_the_first_rows_on_stdout():
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false }
ssc:queueStream({ {"b", "a"} }):print(1)
''')
    shown = run("--batches", "1").stdout.splitlines()
    equal([line for line in shown if line and "-" not in line], ["Time: 1000 ms", "b", "..."], "Scala's layout")


main(globals())
