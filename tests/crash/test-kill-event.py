#!/usr/bin/env python3
# timeout: 3000
"""kill -9 at random moments of a job of event time: hopping windows, sessions, duplicates, joins and late records are those of
an undisturbed run, whatever the number of workers and with a memoryLimit.

SLUICE_KILLS (15; 1000 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which.
"""
import os, random
from harness import *

KILLS = int(os.environ.get("SLUICE_KILLS", 1000 if LONG else 8 if SANITIZED else 15))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
FILES = 15
LIFE_S = 1.0 if SANITIZED else 0.3  # a killed run has lived at most so long
JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 1, checkpoint = "ck"%s }
local function timed(dir)
    return ssc:textFileStream(dir):map(sluice.fields(" ", 1, 2, 3)):withWatermark(sluice.timestamp(1, "s"), "5s")
        :map(sluice.select(2, 3)):map(sluice.number(2))
end
local left, right = timed("left"), timed("right")
local both = left:union(right)
local windows = both:eventWindow { size = "60s", slide = "20s" }
windows:reduceByKey(sluice.sum):saveAsTextFiles("out/windows")
windows:late():saveAsTextFiles("out/late")
both:eventWindow { gap = "9s" }:late():saveAsTextFiles("out/alone")
both:eventWindow { size = "60s", emit = "updates" }:reduceByKey(sluice.sum):openWindows():saveAsTextFiles("out/open")
both:eventWindow { size = "45s", offset = "7s", emit = "both" }:reduceByKey(function(a, b) return a .. "," .. b end):saveAsTextFiles("out/functions")
both:eventWindow { gap = "25s" }:groupByKey():saveAsTextFiles("out/sessions")
left:dropDuplicates():eventWindow { size = "60s" }:count():saveAsTextFiles("out/distinct")
left:joinWithin(right, "20s", "full"):saveAsTextFiles("out/joined")
'''
PREFIXES = ("windows", "late", "alone", "open", "functions", "sessions", "distinct", "joined")
ENDS = ("--clock", "virtual", "--available-now")


def feed(generator):
    """Files in the order of their times, nearly; some records are late."""
    at = 1000
    for number in range(FILES):
        lines = {"left": [], "right": []}
        for _ in range(generator.choice((1, 5, 40))):
            at += generator.choice((0, 1, 2, 20))
            late = generator.choice((0, 0, 0, 3, 300))
            lines[generator.choice(("left", "right"))].append("%d k%d %d\n" % (max(at - late, 1), generator.randrange(9), generator.randrange(5)))
        for directory, content in lines.items():
            move_in("%03d" % number, "".join(content), directory)


def rows():
    return {prefix: b"".join(content for _, content in sorted(outputs("out/" + prefix, "").items())) for prefix in PREFIXES}


def start_over():
    for left in ("out", "ck"):
        shutil.rmtree(left, ignore_errors=True)


def live_and_die(generator, workers):
    """Whether it came to its end."""
    with Running("job.lua", *ENDS, "--workers", workers) as run:
        try:
            return run.process.wait(timeout=generator.uniform(0, LIFE_S)) == 0
        except subprocess.TimeoutExpired:
            run.kill()
            return False


def test_event_time_is_as_without_kills():
    print("seed %d, %d kills" % (SEED, KILLS), flush=True)
    generator = random.Random(SEED)
    feed(generator)
    job(JOB % "")
    sluice_ok("run", "job.lua", *ENDS, "--finish")
    wanted, kills = rows(), 0
    check(all(wanted.values()), "each output has rows: %s" % {name: len(content) for name, content in wanted.items()})
    while kills < KILLS:
        start_over()
        job(JOB % generator.choice(("", ', memoryLimit = "20MB"', ', memoryLimit = "2KB"')))
        while kills < KILLS and not live_and_die(generator, generator.choice("127")):
            kills += 1
        sluice_ok("run", "job.lua", *ENDS, "--finish")
        equal(rows(), wanted, "rows after %d kills" % kills)


main(globals())
