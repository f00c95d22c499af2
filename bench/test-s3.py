#!/usr/bin/env python3
# presets: release
# timeout: 900
"""A gigabyte of lines into the S3 server by four outputs at a time, beside four `curl -T` at a time of the same bytes: at least
0.8 of their speed, the best of three of each, in turns. One output writes one object, which the server puts together when all of
its parts are there: that is measured, too."""
import os, resource, shutil, subprocess, time
from harness import *
import s3

BYTES = int(os.environ.get("SLUICE_BENCH_BYTES", 10 ** 9))
PIECES = 4


def make_pieces():
    """Files of lines of 100 bytes."""
    block = b"".join(b"%099d\n" % i for i in range(10000))
    for piece in range(PIECES):
        os.makedirs("in%d" % piece)
        with open("in%d/%d.txt" % (piece, piece), "wb") as file:
            for _ in range(BYTES // PIECES // len(block)):
                file.write(block)
        os.makedirs("in", exist_ok=True)
        os.link("in%d/%d.txt" % (piece, piece), "in/%d.txt" % piece)


def timed(commands):
    """Seconds, and seconds of the processor in the commands; the server has its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    equal([process.wait() for process in running], [0] * len(running), "exit statuses")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
FOUR = HEAD + 'for i = 0, %d do ssc:textFileStream("in" .. i):saveAsTextFiles("s3://%s/saved" .. i, nil, { format = "lines" }) end'
ONE = HEAD + 'ssc:textFileStream("in"):saveAsTextFiles("s3://%s/saved", nil, { format = "lines" })'


def timed_and_emptied(bucket, commands):
    """Each begins with an empty bucket: objects that an earlier one left would leave less memory for files that is in use already, and
    fresh memory costs a virtual machine more than all else (a run after one whose objects stayed took twice as long)."""
    taken = timed(commands)
    for key in bucket.keys():
        bucket.delete(key)
    return taken


def sluice_once(bucket, text):
    job(text)
    taken = timed_and_emptied(bucket, [[SLUICE, "run", "job.lua", "--once"]])
    sluice_ok("reset", "--yes", "job.lua")
    return taken


def test_a_gigabyte_at_the_speed_of_curl():
    if not shutil.which("curl"):
        skip("curl is not installed")
    bucket = s3.bucket()
    s3.environment(bucket.server)
    make_pieces()
    curls = [["curl", "-s", "-f", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "%s:%s" % (s3.ID, s3.SECRET), "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
              "-T", "in/%d.txt" % piece, "http://127.0.0.1:%d/%s/copied/%d" % (bucket.server.port, bucket.name, piece)] for piece in range(PIECES)]
    taken = {"curl -T, 4 at a time": [], "four outputs": [], "one output": []}
    for _ in range(3):
        taken["curl -T, 4 at a time"].append(timed_and_emptied(bucket, curls))
        taken["four outputs"].append(sluice_once(bucket, FOUR % (PIECES - 1, bucket.name)))
        taken["one output"].append(sluice_once(bucket, ONE % bucket.name))
    best = {name: min(times)[0] for name, times in taken.items()}
    for name, times in taken.items():
        print("%d bytes, %s: %.2f s, %.2f of curl's speed, %.2f s of the processor" %
              (BYTES, name, best[name], best["curl -T, 4 at a time"] / best[name], min(cpu for _, cpu in times)))
    check(best["curl -T, 4 at a time"] / best["four outputs"] >= 0.8, "0.8 of the speed of curl")


main(globals())
