#!/usr/bin/env python3
# presets: release asan
"""Sources that receive, whose logs are read by tasks (tests/play-spark): the same bytes as `sluice run`. Where a log is cut into
splits depends on when what arrived, so a reducer here is one that does not show it."""
from harness import *
from stages import *

AVAILABLE = ("--clock", "virtual", "--available-now")
HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1%s }
local s = ssc:execStream({ "seq", "1", "1500000" }, { restart = false, meta = true })
"""
REST = """local pairs = s:map(function(line, meta)
  local n = math.tointeger(line)
  if n % 100003 == 0 then error("wrong") end
  return n * 7 % 41, n + meta.number end)
pairs:reduceByKey(sluice.sum):saveAsTextFiles("out/sum", "txt")
pairs:mapValues(function(n) return { n, n } end):reduceByKey(function(a, b) return { a[1], b[2] } end):saveAsTextFiles("out/ends", "txt")
s:map(sluice.select(1)):filter(sluice.contains("0000")):saveAsTextFiles("out/rows", "txt")
"""


def test_the_same_bytes_whatever_is_killed():
    job(HEAD % "" + REST)
    directory = same_as_run("job.lua", *AVAILABLE, partitions=(1, 3), kills=20, roles=("map", "reduce"))
    check([path for path in results(directory) if "/deadletter/" in path and path.endswith(".jsonl")], "no record failed")
    check(max(tasks_of("ran-job-3", "map")) > 1, "the log is one split")


def test_a_log_in_memory_is_read_by_the_driver():
    job(HEAD % ", checkpoint = false" + REST)
    same_as_run("job.lua", *AVAILABLE, partitions=(3,), roles=())
    equal(stages_of("ran-job-3"), [], "stages")


def test_what_holds_of_a_local_run_holds_of_tasks():
    claims_hold("receive-log", ["test_a_batch_that_was_planned_reads_the_same_records_again",
                                "test_reset_skip_leaves_out_the_records_of_a_batch_and_no_others"])
    claims_hold("receive-socket", ["test_framings", "test_a_record_over_the_limit_is_a_dead_letter_with_source_and_number",
                                   "test_segments_are_removed_when_batches_have_used_them"])
    claims_hold("receive-flume", ["test_once_serves_the_agents_that_come"])
    claims_hold("receive-tail", ["test_once_reads_what_is_there_and_a_partial_line_waits"])


main(globals())
