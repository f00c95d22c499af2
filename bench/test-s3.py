#!/usr/bin/env python3
# presets: release
# timeout: 900
"""A gigabyte of lines into the S3 server, beside four `curl -T` at a time of the same bytes: at least 0.8 of their speed, the
best of three of each, in turns."""
import os, shutil, subprocess, sys, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests"))
from harness import *
import s3

BYTES = int(os.environ.get("SLUICE_BENCH_BYTES", 10 ** 9))
PIECES = 4


def make_pieces():
    """Files of lines of 100 bytes."""
    os.makedirs("in")
    block = b"".join(b"%099d\n" % i for i in range(10000))
    for piece in range(PIECES):
        with open("in/%d.txt" % piece, "wb") as file:
            for _ in range(BYTES // PIECES // len(block)):
                file.write(block)


def timed(commands):
    start = time.monotonic()
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    equal([process.wait() for process in running], [0] * len(running), "exit statuses")
    return time.monotonic() - start


def test_a_gigabyte_at_the_speed_of_curl():
    if not shutil.which("curl"):
        skip("curl is not installed")
    bucket = s3.bucket()
    s3.environment(bucket.server)
    make_pieces()
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:textFileStream("in"):saveAsTextFiles("s3://%s/saved", nil, { format = "lines" })' % bucket.name)
    curls = [["curl", "-s", "-f", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "%s:%s" % (s3.ID, s3.SECRET), "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
              "-T", "in/%d.txt" % piece, "http://127.0.0.1:%d/%s/copied/%d" % (bucket.server.port, bucket.name, piece)] for piece in range(PIECES)]
    best = {"curl": 1e9, "sluice": 1e9}
    for _ in range(3):
        best["curl"] = min(best["curl"], timed(curls))
        best["sluice"] = min(best["sluice"], timed([[SLUICE, "run", "job.lua", "--once"]]))
        sluice_ok("reset", "--yes", "job.lua")
        for key in bucket.keys():
            bucket.delete(key)
    ratio = best["curl"] / best["sluice"]
    print("%d bytes: curl -T, %d at a time, %.2f s, saveAsTextFiles %.2f s, %.2f of its speed" % (BYTES, PIECES, best["curl"], best["sluice"], ratio))
    check(ratio >= 0.8, "0.8 of the speed of curl")


main(globals())
