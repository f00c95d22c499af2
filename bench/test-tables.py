#!/usr/bin/env python3
# presets: release
# timeout: 900
"""A million rows of csv into a table of PostgreSQL, beside psql's \\copy of the same file: at least 0.7 of its speed, the
best of five of each, in turns."""
import os, random, subprocess, time
from harness import *
import postgres

ROWS = int(os.environ.get("SLUICE_BENCH_ROWS", 1000000))
COLUMNS = "(id bigint, name text, price double precision, n bigint)"


def make_rows():
    generator = random.Random(1)
    with open("rows.csv", "w") as file:
        for i in range(ROWS):
            file.write("%d,user%d,%.2f,%d\n" % (i, generator.randrange(100000), generator.random() * 1000, generator.randrange(1000)))


def timed(command):
    start = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 0, "%s: %s" % (command, done.stderr))
    return time.monotonic() - start


def test_a_million_rows_at_the_speed_of_copy():
    database = postgres.Database()
    make_rows()
    for table in ("copied", "saved"):
        database.run("CREATE TABLE %s %s" % (table, COLUMNS))
    job("""
    local sluice = require "sluice"
    local ssc = sluice.StreamingContext { interval = "1s" }
    ssc:fileStream("in", { format = "csv", schema = {{"id", "int"}, {"name", "string"}, {"price", "double"}, {"n", "int"}} })
        :saveToTable("%s", "saved")""" % database.url)
    os.mkdir("in")
    os.link("rows.csv", "in/rows.csv")
    copy = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(database.server.port), "-U", "sluice", "-d", database.name, "-c",
            "\\copy copied from rows.csv csv"]
    best = {"copy": 1e9, "sluice": 1e9}
    for _ in range(5):
        database.run("TRUNCATE copied, saved")
        best["copy"] = min(best["copy"], timed(copy))
        best["sluice"] = min(best["sluice"], timed([SLUICE, "run", "job.lua", "--once"]))
        equal(database.rows("SELECT count(*), sum(n) FROM saved"), database.rows("SELECT count(*), sum(n) FROM copied"), "rows")
        sluice_ok("reset", "--yes", "job.lua")
    ratio = best["copy"] / best["sluice"]
    print("%d rows: \\copy %.2f s, saveToTable %.2f s, %.2f of its speed" % (ROWS, best["copy"], best["sluice"], ratio))
    check(ratio >= 0.7, "0.7 of the speed of \\copy")


main(globals())
