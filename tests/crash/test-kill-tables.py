#!/usr/bin/env python3
# timeout: 5000
"""kill -9 of sluice and of the database at random moments, and connections that stall, break off and are cut, while
files keep arriving: afterwards the tables have the rows of an undisturbed run.

usage: test-kill-tables.py      SLUICE_KILLS (30; 1000 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which
"""
import os, random, sqlite3, threading
from harness import *
from feeder import Feeder, let_live
import postgres
from proxy import Proxy

KILLS = int(os.environ.get("SLUICE_KILLS", 1000 if LONG else 8 if SANITIZED else 30))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
LIFE_S = 1.5 if SANITIZED else 1.0
JOB = '''local URL, TIMEOUT = "%s", "%s"
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms" }
local rows = ssc:fileStream("in", { format = "csv", schema = {{"id", "int"}, {"name", "string"}} })
rows:saveToTable(URL, "lines", { timeout = TIMEOUT })
rows:saveToTable(URL, "names", { mode = "upsert", key = "name", timeout = TIMEOUT })
rows:saveToTable(URL, "newest", { mode = "replace", timeout = TIMEOUT })
'''
TABLES = ["CREATE TABLE lines (id bigint, name text, CHECK (id % 100 <> 7))",
          "CREATE TABLE names (id bigint, name text PRIMARY KEY)", "CREATE TABLE newest (id bigint, name text)"]


def lines(ids):
    """An id that ends in 07 is refused by lines."""
    return "".join("%d,n%d\n" % (i, i % 50) for i in ids)


def check_tables(rows, count):
    lines = rows("SELECT id, name FROM lines ORDER BY id")
    equal(lines, [(i, "n%d" % (i % 50)) for i in range(count) if i % 100 != 7], "lines")
    newest = {}
    for i in range(count):
        newest["n%d" % (i % 50)] = i
    equal(dict((name, i) for i, name in rows("SELECT id, name FROM names")), newest, "names")
    last = rows("SELECT max(batch_ms) FROM sluice_batches WHERE output = 'newest'")[0][0]
    equal(len(rows("SELECT * FROM newest")), rows("SELECT records FROM sluice_batches WHERE output = 'newest' AND batch_ms = %d" % last)[0][0],
          "the newest batch")
    equal(rows("SELECT sum(records) FROM sluice_batches WHERE output = 'lines'")[0][0], len(lines), "records in sluice_batches")
    equal(rows("SELECT count(*) FROM sluice_batches WHERE output = 'lines'"), rows("SELECT count(*) FROM sluice_batches WHERE output = 'newest'"),
          "batches")


def disturb(url, rows, disturbances):
    """Kills a run so often; a disturbance is a function that is called meanwhile, now and then."""
    print("seed %d" % SEED, flush=True)
    generator = random.Random(SEED)
    job(JOB % (url, "2s"))
    os.makedirs("in", exist_ok=True)
    feeder = Feeder(generator, lines, (1, 3, 50), 0.05)
    feeder.start()
    for number in range(KILLS):
        with Running("job.lua") as run:
            if disturbances and generator.random() < 0.4:
                generator.choice(disturbances)()
            let_live(run, generator.uniform(0, LIFE_S), number % 2)
            if run.process.poll() is not None:  # what a database says while it goes down may end a run
                check(run.process.returncode == 1, "the run ended with %d:\n%s" % (run.process.returncode, run.stderr()))
            else:
                run.kill()
    feeder.stop()
    feeder.feed(1)
    for calm in disturbances[:1]:
        calm()
    job(JOB % (url, "60s"))  # what is left is one batch, whatever its size
    with Running("job.lua") as run:
        run.wait_until(lambda: rows("SELECT count(*) FROM names WHERE id = %d" % (feeder.ids - 1)) == [(1,)], "the last id", 4 * PATIENCE_S)
        run.stop()
    check_tables(rows, feeder.ids)
    batches = rows("SELECT count(*) FROM sluice_batches WHERE output = 'newest'")[0][0]
    print("%d kills, %d batches, %d ids in %d files" % (KILLS, batches, feeder.ids, feeder.files), flush=True)


def test_rows_of_sqlite_are_those_of_an_undisturbed_run():
    def rows(sql):
        with sqlite3.connect("out.db", timeout=60) as db:
            return db.execute(sql).fetchall()
    for sql in TABLES:
        rows(sql)
    disturb("sqlite:out.db", rows, [])


def test_rows_of_postgres_are_those_of_an_undisturbed_run():
    database = postgres.Database()
    for sql in TABLES:
        database.run(sql)
    proxy = Proxy(("127.0.0.1", database.server.port))

    def calm():
        proxy.behave("forward")

    def crash():
        database.server.down("immediate")
        database.server.up()

    def stall():
        proxy.behave("stall")
        threading.Timer(0.3, calm).start()

    def broken():
        proxy.behave("reset")
        threading.Timer(0.2, calm).start()

    def truncated():
        proxy.behave("truncate", random.randrange(3000))
        threading.Timer(0.2, calm).start()

    def cut():
        proxy.behave("cut", random.randrange(3000))
        threading.Timer(0.2, calm).start()

    disturb(database.url.replace(":%d/" % database.server.port, ":%d/" % proxy.port), database.rows,
            [calm, crash, stall, broken, truncated, cut])
    proxy.close()


main(globals())
