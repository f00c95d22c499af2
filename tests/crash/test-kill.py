#!/usr/bin/env python3
# timeout: 3000
"""kill -9 at random moments while files with unique ids keep arriving: every id ends up in exactly one output
directory, once, and no directory that was seen with _SUCCESS ever changes or goes.

usage: test-kill.py      SLUICE_KILLS (50; 1000 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which
"""
import os, random
from harness import *
from feeder import Feeder, fingerprint

KILLS = int(os.environ.get("SLUICE_KILLS", 1000 if LONG else 20 if SANITIZED else 50))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms" }
local counts = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1)):reduceByKey(sluice.sum)
counts:saveAsTextFiles("out/counts", "txt")
counts:mount("counts")
'''
LIFE_S = 1.0 if SANITIZED else 0.4  # a killed run has lived at most so long


def lines(ids):
    """Every word is an id that no other file has."""
    return "".join("id%07d\n" % number for number in ids)


def look(seen, some):
    """Nothing that was seen may be gone, `some` of it are compared byte by byte; remembers what is new."""
    now = set(output_times())
    gone = [output_path(time_ms) for time_ms in seen if time_ms not in now]
    check(not gone, "seen with _SUCCESS and gone: %s" % gone)
    for time_ms in some:
        equal(fingerprint(output_path(time_ms)), seen[time_ms], output_path(time_ms) + " was seen with _SUCCESS and changed")
    seen.update({time_ms: fingerprint(output_path(time_ms)) for time_ms in now if time_ms not in seen})


def live_and_die(generator, seen):
    """One run that is killed at some moment, mostly while it recovers or works."""
    with Running("job.lua") as run:
        end = time.monotonic() + generator.uniform(0, LIFE_S)
        while time.monotonic() < end:
            run.is_alive()
            look(seen, generator.sample(sorted(seen), min(len(seen), 5)))
        run.kill()
    look(seen, sorted(seen)[-20:])


def check_ids(count):
    """Every id once in exactly one output directory, and nothing else."""
    words = counted()
    wrong = {word: counts for word, counts in words.items() if counts != [1]}
    check(not wrong, "ids counted more than once or in several directories: " + short(wrong))
    missing = ["id%07d" % number for number in range(count) if "id%07d" % number not in words]
    check(not missing, "%d of %d ids are in no output: %s" % (len(missing), count, short(missing)))
    equal(len(words), count, "number of ids in the outputs")


def test_every_id_is_in_exactly_one_output():
    print("seed %d, %d kills" % (SEED, KILLS), flush=True)
    generator, seen = random.Random(SEED), {}
    os.makedirs("in")
    job(JOB)
    with Feeder(random.Random(SEED + 1), lines, (1, 3, 50), 0.01) as feeder:
        for _ in range(KILLS):
            live_and_die(generator, seen)
    with Running("job.lua") as run:
        last = "id%07d" % (feeder.ids - 1)
        run.wait_until(lambda: last in counted(), "the last id")
        run.stop()
    sluice_ok("run", "job.lua", "--once")
    look(seen, list(seen))
    check_ids(feeder.ids)
    hidden = [name for name in os.listdir("out") if not name.startswith("counts")]
    print("%d files, %d ids, %d output directories; left beside them: %s" % (feeder.files, feeder.ids, len(seen), hidden))
    equal(hidden, [], "what is left in the output directory besides outputs")


main(globals())
