#!/usr/bin/env python3
"""run --once: one batch with everything pending, for cron."""
import os
from harness import *


def test_counts_the_words_of_all_files_that_lie_there():
    wordcount_here()
    move_in("b", "or not\nto be\n")
    move_in("a", "to be")  # the last line without a newline counts
    done = sluice_ok("run", "wordcount.lua", "--once")
    equal(done.stdout, "", "stdout")
    times = output_times()
    equal(len(times), 1, "output directories")
    equal(times[0] % 1000, 0, "the batch time is a multiple of the interval")
    equal(output(times[0]), b"be\t2\nnot\t1\nor\t1\nto\t2\n", "the counts")


def test_an_output_directory_holds_one_part_and_an_empty_mark_of_success():
    wordcount_here()
    move_in("a", "to be\n")
    sluice_ok("run", "wordcount.lua", "--once")
    directory = output_path(output_times()[0])
    equal(sorted(os.listdir(directory)), ["_SUCCESS", "part-00000"], "what is in it")
    equal(os.path.getsize(directory + "/_SUCCESS"), 0, "size of _SUCCESS")


def test_the_name_without_a_time_leads_to_the_newest():
    wordcount_here()
    for name in ("a", "b"):
        move_in(name, name + "\n")
        sluice_ok("run", "wordcount.lua", "--once", "--interval", "10ms")
        newest = os.path.basename(output_path(output_times()[-1]))
        equal(os.readlink("out/counts.txt"), newest, "out/counts.txt")
        equal(read("out/counts.txt/part-00000"), b"%s\t1\n" % name.encode(), "what one reads through it")


def test_a_second_run_takes_nothing_again():
    wordcount_here()
    move_in("a", "to be\n")
    sluice_ok("run", "wordcount.lua", "--once")
    before = outputs()
    sluice_ok("run", "wordcount.lua", "--once")
    equal(outputs(), before, "outputs after a second run without new files")


def test_what_waits_for_a_later_batch_time_is_reported_and_nothing_is_not():
    """The next batch time is years away. Where nothing waits, a job of cron has nothing to say."""
    wordcount_here()
    move_in("a", "to be\n")
    for name, expected in ((None, False), (None, False), ("b", True), ("c", True)):
        if name:
            move_in(name, "or not\n")
        said = sluice_ok("run", "wordcount.lua", "--once", "--interval", NEVER).stderr
        equal("is left for a run after" in said, expected, "a warning with %s there: %s" % (name, said))


def test_a_second_run_takes_what_is_new():
    wordcount_here()
    move_in("a", "to be\n")
    sluice_ok("run", "wordcount.lua", "--once", "--interval", "10ms")
    move_in("b", "or not\n")
    sluice_ok("run", "wordcount.lua", "--once", "--interval", "10ms")
    equal(list(outputs().values()), [b"be\t1\nto\t1\n", b"not\t1\nor\t1\n"], "outputs of both runs")


def test_a_changed_interval_loses_nothing():
    wordcount_here()
    for name, interval in (("a", "70ms"), ("b", "1s")):
        move_in(name, name + "\n")
        sluice_ok("run", "wordcount.lua", "--once", "--interval", interval)
    equal(list(outputs().values()), [b"a\t1\n", b"b\t1\n"], "outputs")
    equal(output_times()[-1] % 1000, 0, "the batch time is a multiple of the new interval")


def test_without_files_nothing_is_made():
    wordcount_here()
    sluice_ok("run", "wordcount.lua", "--once")
    equal(output_times(), [], "output directories")


def test_names_of_unfinished_files_and_what_is_no_file_are_left_alone():
    wordcount_here()
    for name in (".a", "_a", "a~", "a.tmp", "a.part"):
        move_in(name, "ignored\n")
    os.symlink("/etc/hostname", "in/link")
    os.mkfifo("in/fifo")
    os.mkdir("in/directory")
    move_in("a", "taken\n")
    sluice_ok("run", "wordcount.lua", "--once")
    equal(list(outputs().values()), [b"taken\t1\n"], "outputs")


def test_lines_are_what_the_manual_says_they_are():
    wordcount_here()
    move_in("a", b"\xef\xbb\xbfbom\r\nlone\rcr\nempty  field\n\nhigh\xff")
    sluice_ok("run", "wordcount.lua", "--once")
    want = b"\t2\nbom\t1\nempty\t1\nfield\t1\nhigh\xff\t1\nlone\\rcr\t1\n"
    equal(list(outputs().values()), [want], "outputs")


def test_formats():
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local rows = ssc:textFileStream("in"):map(function(line) return line, 1.0, nil, true, {1, "x"}, {k = 2} end)
rows:saveAsTextFiles("out/tsv")
rows:saveAsTextFiles("out/json", "json", { format = "json" })
ssc:textFileStream("in"):saveAsTextFiles("out/lines", nil, { format = "lines" })
''')
    move_in("a", 'tab\there "x" \\ end\n')
    sluice_ok("run", "job.lua", "--once")
    equal(list(outputs("out/tsv", "").values()), [b'tab\\there "x" \\\\ end\t1.0\t\\N\ttrue\t[1,"x"]\t{"k":2}\n'], "tsv")
    equal(list(map(json_lines, outputs("out/json", "json").values())),
          [[['tab\there "x" \\ end', 1.0, None, True, [1, "x"], {"k": 2}]]], "json")
    equal(list(outputs("out/lines", "").values()), [b'tab\there "x" \\ end\n'], "lines")


def test_a_run_is_silent_on_success_when_nobody_looks():
    need_fuse()
    wordcount_here()
    move_in("a", "to be\n")
    equal(sluice_ok("run", "wordcount.lua", "--once").stderr, "", "stderr")


ENDLESS = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "10ms", maxFilesPerBatch = 2, emptyBatches = %s }
local lines = ssc:textFileStream("in")
lines:saveAsTextFiles("out/lines")
lines:map(sluice.pair(1)):updateStateByKey(function(values, state) return (state or 0) + #values end):print()
lines:countByWindow("1h", "10ms"):print()
"""


def test_available_now_ends_when_the_files_are_used_up_whatever_state_and_windows_still_have_to_say():
    for name, empty in (("idle", "false"), ("every", "true")):
        os.makedirs(name)
        os.chdir(name)
        os.makedirs("in")
        job(ENDLESS % empty)
        for n in range(5):
            move_in("f%d" % n, "%d\n" % n)
        sluice_ok("run", "job.lua", "--available-now")
        contents = [content for content in outputs("out/lines", "").values() if content]
        equal(contents, [b"0\n1\n", b"2\n3\n", b"4\n"], "the batches")
        os.chdir("..")


def test_available_now_goes_through_a_list_with_empty_items():
    job("""
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "10ms" }
ssc:queueStream({ { "a" }, {}, { "b" } }, { default = { "c" } }):saveAsTextFiles("out/rows")
""")
    sluice_ok("run", "job.lua", "--available-now")
    equal(list(outputs("out/rows", "").values()), [b"a\n", b"b\n"], "the batches")


main(globals())
