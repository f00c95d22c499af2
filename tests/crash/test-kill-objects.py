#!/usr/bin/env python3
# timeout: 3000
"""kill -9 at random moments, and connections that stall, break off and are cut, while objects are
put below the URL that a job reads: afterwards each record was read once.

usage: test-kill-objects.py      SLUICE_KILLS (15; 1000 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which
"""
import gzip, os, random, threading
from harness import *
from feeder import let_live
import s3
from proxy import Proxy

OBJECTS_A_KILL = 12  # at most, so that a slow machine does not fill its disk meanwhile
KILLS = int(os.environ.get("SLUICE_KILLS", 1000 if LONG else 6 if SANITIZED else 15))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
LIFE_S = 1.5 if SANITIZED else 0.6
JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms", workers = 2 }
ssc:textFileStream("s3://%s/in", { pollInterval = "20ms" }):saveAsTextFiles("out/lines", "txt")
'''


class Objects(threading.Thread):
    """Puts objects from start() to stop(); every id is in one line of one object. Some are packed, some have megabytes, and some
    are parts of a directory that is complete with the last."""

    def __init__(self, bucket, generator):
        super().__init__(daemon=True)
        self.bucket, self.generator, self.ids, self.number = bucket, generator, 0, 0
        self.enough = threading.Event()
        self.room = threading.Semaphore(OBJECTS_A_KILL)

    def lines(self):
        first, count = self.ids, self.generator.choice((1, 3, 20))
        self.ids += count
        padding = b" " + b"x" * (3000000 if self.generator.random() < 0.03 else 10)
        return b"%d%s\n" % (first, padding) + b"".join(b"%d xxx\n" % i for i in range(first + 1, first + count))

    def put(self):
        self.number += 1
        if self.generator.random() < 0.2:
            for part in range(3):
                self.bucket.put("in/d%06d/part-%d" % (self.number, part), self.lines())
            self.bucket.put("in/d%06d/_SUCCESS" % self.number)
        elif self.generator.random() < 0.2:
            self.bucket.put("in/z%06d.gz" % self.number, gzip.compress(self.lines(), 1))
        else:
            self.bucket.put("in/f%06d" % self.number, self.lines())

    def run(self):
        while not self.enough.wait(self.generator.uniform(0, 0.1)):
            if self.room.acquire(blocking=False):
                self.put()

    def stop(self):
        self.enough.set()
        self.join()


def ids_read():
    return [int(line.split(b" ")[0]) for content in outputs("out/lines").values() for line in content.splitlines()]


def test_each_record_of_objects_is_read_once():
    server = s3.Server()
    bucket = s3.Bucket(server)
    proxy = Proxy(("127.0.0.1", server.port))
    s3.environment(port=proxy.port)
    print("seed %d" % SEED, flush=True)
    generator = random.Random(SEED)

    def calm():
        proxy.behave("forward")

    def briefly(mode, *arguments):
        proxy.behave(mode, *arguments)
        threading.Timer(0.3, calm).start()

    disturbances = [lambda: briefly("stall"), lambda: briefly("reset"), lambda: briefly("truncate", generator.randrange(3000)),
                    lambda: briefly("cut", generator.randrange(2000000))]
    job(JOB % bucket.name)
    objects = Objects(bucket, random.Random(SEED + 1))
    objects.put()
    objects.start()
    for number in range(KILLS):
        with Running("job.lua") as run:
            if generator.random() < 0.5:
                generator.choice(disturbances)()
            let_live(run, generator.uniform(0, LIFE_S), number % 2)
            check(run.process.poll() is None, "the run ended with %s:\n%s" % (run.process.returncode, run.stderr()))
            run.kill()
        objects.room.release(OBJECTS_A_KILL)
    objects.stop()
    calm()
    objects.put()
    with Running("job.lua") as run:
        run.wait_until(lambda: objects.ids - 1 in ids_read(), "the last id")
        run.stop()
        check("quarantined" not in run.stderr(), run.stderr())
    equal(sorted(ids_read()), list(range(objects.ids)), "each id once")
    print("%d kills, %d batches, %d objects, %d ids" % (KILLS, len(outputs("out/lines")), objects.number, objects.ids), flush=True)
    proxy.close()


main(globals())
