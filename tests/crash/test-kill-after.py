#!/usr/bin/env python3
"""kill -9 at random moments while files arrive, some of them damaged, and go to the archive when they were read:
every id is in exactly one output and its file in the archive once, what is damaged stays where it is, and nothing
is left beside.

usage: test-kill-after.py      SLUICE_KILLS (30; 500 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which
"""
import gzip, os, random
from harness import *

KILLS = int(os.environ.get("SLUICE_KILLS", 500 if LONG else 15 if SANITIZED else 30))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms" }
ssc:textFileStream("in", { after = "done" }):map(sluice.pair(1)):reduceByKey(sluice.sum)
    :saveAsTextFiles("out/counts", "txt")
"""
LIFE_S = 0.8 if SANITIZED else 0.3  # a killed run has lived at most so long


class Inputs:
    """Files with ids that no other file has; a few are packed files that end too early."""

    def __init__(self, generator):
        self.generator, self.good, self.damaged, self.ids = generator, [], [], 0

    def feed(self):
        many = self.generator.choice((1, 20, 300))
        text = "".join("id%07d\n" % (self.ids + index) for index in range(many))
        name = "f%05d" % (len(self.good) + len(self.damaged))
        if self.generator.random() < 0.15:
            name += ".gz"
            self.damaged.append(name)
            move_in(name, gzip.compress(text.replace("id", "never").encode())[:-5])
        else:
            self.good.append(name)
            self.ids += many
            move_in(name, text)


def test_every_file_is_archived_once_or_stays_damaged():
    print("seed %d, %d kills" % (SEED, KILLS), flush=True)
    generator = random.Random(SEED)
    inputs = Inputs(generator)
    os.makedirs("in")
    job(JOB)
    for _ in range(KILLS):
        with Running("job.lua") as run:
            end = time.monotonic() + generator.uniform(0, LIFE_S)
            while time.monotonic() < end:
                run.is_alive()
                inputs.feed()
            run.kill()
    sluice_ok("run", "job.lua", "--once")
    sluice_ok("run", "job.lua", "--once")
    words = counted()
    equal({word: counts for word, counts in words.items() if counts != [1]}, {}, "ids counted more than once")
    equal(sorted(words), ["id%07d" % number for number in range(inputs.ids)], "the ids in the outputs")
    equal(sorted(os.listdir("done")), inputs.good, "the files in the archive")
    equal(sorted(os.listdir("in")), inputs.damaged, "what is left in the watched directory")
    print("%d files, %d damaged, %d ids" % (len(inputs.good), len(inputs.damaged), inputs.ids))


main(globals())
