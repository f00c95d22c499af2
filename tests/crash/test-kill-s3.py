#!/usr/bin/env python3
# timeout: 3000
"""kill -9 of sluice and of the S3 server at random moments, and connections that stall, break off and are cut, while files
keep arriving: afterwards the objects are those of the directories that the same job writes, each record once.

usage: test-kill-s3.py      SLUICE_KILLS (30; 1000 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which
"""
import os, random, threading
from harness import *
from feeder import Feeder, let_live
import s3
from proxy import Proxy

KILLS = int(os.environ.get("SLUICE_KILLS", 1000 if LONG else 8 if SANITIZED else 30))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
LIFE_S = 1.5 if SANITIZED else 0.6
# "big" ids become megabytes, so that some batches are uploads of many parts; the long form has about ten times as many of them.
BIG = 0.04 if KILLS <= 100 else 0.012
JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms" }
local lines = ssc:textFileStream("in"):map(function(l) return l:find("big") and l .. string.rep("x", 9000000) or l end)
lines:saveAsTextFiles("s3://%s/out/lines", "txt", { partitions = 1 })
lines:saveAsTextFiles("out/lines", "txt")
'''


def lines_from(generator):
    """Some files have two big lines; big: whether this one has."""
    def lines(ids, big=None):
        big = generator.random() < BIG if big is None else big
        return "".join("%d%s\n" % (i, " big" if big and i < ids[0] + 2 else "") for i in ids)
    return lines


def disturb(bucket, disturbances):
    print("seed %d" % SEED, flush=True)
    generator = random.Random(SEED)
    job(JOB % bucket.name)
    os.makedirs("in", exist_ok=True)
    feeder = Feeder(generator, lines_from(generator), (1, 3, 20), 0.1)
    feeder.feed(3, True)
    feeder.start()
    for number in range(KILLS):
        with Running("job.lua") as run:
            if generator.random() < 0.4:
                generator.choice(disturbances)()
            let_live(run, generator.uniform(0, LIFE_S), number % 2)
            check(run.process.poll() is None, "the run ended with %s:\n%s" % (run.process.returncode, run.stderr()))
            run.kill()
    feeder.stop()
    disturbances[0]()
    feeder.feed(1, False)
    return feeder.ids


def check_objects(bucket, ids):
    """A batch at a time: all of them may be gigabytes."""
    keys = bucket.keys("out/")
    directories = {"out/lines-%d.txt/part-00000" % time: time for time in output_times("out/lines")}
    equal([key for key in keys if not key.endswith("/_SUCCESS")], sorted(directories), "batches")
    equal([key for key in keys if key.endswith("/_SUCCESS")], sorted(key.replace("part-00000", "_SUCCESS") for key in directories), "_SUCCESS")
    found = []
    for key, time in directories.items():
        content = bucket.get(key)
        check(content == output(time, "out/lines"), "the bytes of " + key)
        found += [int(line.split(b" ")[0]) for line in content.splitlines()]
    equal(sorted(found), list(range(ids)), "each id once")


def test_objects_are_those_of_an_undisturbed_run():
    server = s3.Server()
    bucket = s3.Bucket(server)
    proxy = Proxy(("127.0.0.1", server.port))
    s3.environment(port=proxy.port)

    def calm():
        proxy.behave("forward")

    def crash():
        server.kill()
        server.up()

    def briefly(mode, *arguments):
        proxy.behave(mode, *arguments)
        threading.Timer(0.3, calm).start()

    ids = disturb(bucket, [calm, crash, lambda: briefly("stall"), lambda: briefly("reset"), lambda: briefly("truncate", random.randrange(3000)),
                           lambda: briefly("cut", random.randrange(20000000))])
    with Running("job.lua") as run:
        run.wait_until(lambda: any(b"\n%d\n" % (ids - 1) in b"\n" + output(time, "out/lines") for time in output_times("out/lines")[-1:]), "the last id")
        run.stop()
    check_objects(bucket, ids)
    print("%d kills, %d batches, %d ids" % (KILLS, len(output_times("out/lines")), ids), flush=True)
    equal(bucket.uploads(), [], "unfinished uploads")
    proxy.close()


main(globals())
