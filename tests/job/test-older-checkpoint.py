#!/usr/bin/env python3
"""Checkpoints of other versions: one of version 1 is brought up to date by the next run, which goes on where the old
program stopped, with the batch it had planned; one of a newer version is refused and left as it is."""
import os, pathlib, sqlite3
from harness import *

CATALOG = "ck/catalog.db"
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck", maxFilesPerBatch = 1 }
local pairs = ssc:textFileStream("in"):flatMap(sluice.words):map(sluice.pair(1))
pairs:reduceByKeyAndWindow(sluice.sum, nil, "2s", "1s"):saveAsTextFiles("out/window")
pairs:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/total")
"""
FILES = {"f1": "a b\n", "f2": "b c\n", "f3": "c a\n", "f4": "a\n"}

# As the program of version 1 made it.
VERSION_1 = """
CREATE TABLE progress (id INTEGER PRIMARY KEY CHECK (id = 1), serial INTEGER NOT NULL, batches INTEGER NOT
    NULL, last_ms INTEGER NOT NULL, planned INTEGER NOT NULL, taken INTEGER NOT NULL, taken_digest INTEGER NOT
    NULL, segments TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE source (id INTEGER PRIMARY KEY, key TEXT NOT NULL, occurrence INTEGER NOT NULL, checksum INTEGER
    NOT NULL, UNIQUE (key, occurrence));
CREATE TABLE batch (number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, committed INTEGER NOT NULL, files
    INTEGER NOT NULL, digest INTEGER NOT NULL, checksum INTEGER NOT NULL, rejected INTEGER, started_ms INTEGER,
    finished_ms INTEGER);
CREATE UNIQUE INDEX batch_time ON batch (time_ms);
CREATE TABLE file (batch INTEGER NOT NULL, source INTEGER NOT NULL, position INTEGER NOT NULL, path TEXT NOT
    NULL, inode INTEGER NOT NULL, born_ns INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY (batch, source, position)) WITHOUT ROWID;
CREATE TABLE taken (source INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER NOT NULL, born_ns INTEGER NOT
    NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (source, path))
    WITHOUT ROWID;
CREATE TABLE output (batch INTEGER NOT NULL, position INTEGER NOT NULL, time_ms INTEGER NOT NULL, path TEXT
    NOT NULL, records INTEGER NOT NULL, retained INTEGER NOT NULL, PRIMARY KEY (batch, position)) WITHOUT ROWID;
CREATE INDEX output_retained ON output (time_ms) WHERE retained = 1;
CREATE TABLE output_file (batch INTEGER NOT NULL, output INTEGER NOT NULL, name TEXT NOT NULL, bytes INTEGER
    NOT NULL, hash INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, output, name)) WITHOUT ROWID;
CREATE TABLE error (batch INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT, count
    INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (batch, position)) WITHOUT ROWID;
CREATE VIEW batches AS SELECT time_ms AS batch, number, CASE committed WHEN 1 THEN 'committed' ELSE 'planned'
    END AS status, files, rejected, started_ms, finished_ms FROM batch;
CREATE VIEW files AS SELECT batch.time_ms AS batch, source.key AS source, file.path AS path, file.size AS
    bytes, file.mtime_ns / 1000000 AS mtime_ms, file.inode AS inode FROM file JOIN batch ON batch.number =
    file.batch JOIN source ON source.id = file.source;
CREATE VIEW outputs AS SELECT output.time_ms AS batch, output.path AS path, output.records AS records,
    output_file.name AS file, output_file.bytes AS bytes, printf('%016x', output_file.hash) AS xxh3 FROM output
    JOIN output_file ON output_file.batch = output.batch AND output_file.output = output.position;
CREATE VIEW errors AS SELECT batch.time_ms AS batch, error.kind AS kind, error.path AS path, error.count AS
    count, error.message AS message FROM error JOIN batch ON batch.number = error.batch;
PRAGMA application_id = 0x736c6331; PRAGMA user_version = 1;
"""
# Later ones of version 1 had this, too.
ASIDE = """
CREATE TABLE aside (batch INTEGER NOT NULL, source INTEGER NOT NULL, position INTEGER NOT NULL,
    reason TEXT NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (batch, source, position)) WITHOUT ROWID;
"""
TABLES_1 = ("progress", "source", "batch", "file", "taken", "output", "output_file", "error")


def newest():
    """The version that this program makes."""
    os.makedirs("fresh/in", exist_ok=True)
    sluice_ok("run", job(JOB, "fresh/job.lua"), "--clock", "virtual", "--batches", "1")
    with sqlite3.connect("fresh/ck/catalog.db") as catalog:
        return catalog.execute("PRAGMA user_version").fetchone()[0]


def run_batches(count):
    return sluice("run", "job.lua", "--clock", "virtual", "--batches", str(count))


def begin():
    os.makedirs("in")
    job(JOB)
    for name in sorted(FILES):
        move_in(name, FILES[name])


def results():
    found = [path for path in pathlib.Path("out").glob("*-*/part-*")]
    return {str(path): path.read_bytes() for path in found}


def stop_with_a_plan():
    """Two batches are done, the third is planned and fails: its name is taken."""
    begin()
    equal(run_batches(2).returncode, 0, "two batches")
    stranger = pathlib.Path("out/total-3000")
    stranger.mkdir()
    equal(run_batches(1).returncode, 1, "the third batch")
    stranger.rmdir()


def rows(database, table):
    return sorted(database.execute("SELECT * FROM " + table).fetchall(), key=repr)


def make_older(more=""):
    """The same checkpoint as the program of version 1 would have left it."""
    new = sqlite3.connect(CATALOG)
    old = sqlite3.connect("old.db")
    old.executescript("PRAGMA journal_mode = WAL;" + VERSION_1 + more)
    for table in TABLES_1:
        columns = ", ".join(column[1] for column in old.execute("PRAGMA table_info(%s)" % table))
        for row in new.execute("SELECT %s FROM %s" % (columns, table)).fetchall():
            old.execute("INSERT INTO %s VALUES (%s)" % (table, ",".join("?" * len(row))), row)
    old.commit()
    old.close()
    new.close()
    for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
        if os.path.exists("ck/" + name):
            os.unlink("ck/" + name)
    os.rename("old.db", CATALOG)


DIRECTORY_12 = """PRAGMA user_version = 12; DROP TABLE directory;
CREATE TABLE directory (source INTEGER PRIMARY KEY, inode INTEGER NOT NULL, born_ns INTEGER NOT NULL, file_system INTEGER NOT NULL);
INSERT INTO directory VALUES (%d, 7, 8, 1);
"""


def test_a_directory_of_version_12_gets_the_path_of_its_source():
    begin()
    equal(run_batches(1).returncode, 0, "a batch")
    with sqlite3.connect(CATALOG) as database:
        source = database.execute("SELECT id FROM source WHERE key = 'textFileStream:in'").fetchone()[0]
        database.executescript(DIRECTORY_12 % source)
    said = run_batches(1).stderr
    check("in: another file system is there now" in said, said)
    with sqlite3.connect(CATALOG) as database:
        equal(rows(database, "directory"), [(source, "in", 7, 8)], "what is known of it")


def version():
    with sqlite3.connect(CATALOG) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def schema():
    """What the catalog is made of, in any order."""
    with sqlite3.connect(CATALOG) as database:
        made = database.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    return sorted((kind, name, " ".join((sql or "").split())) for kind, name, sql in made)


def in_directory(name, act):
    os.mkdir(name)
    os.chdir(name)
    try:
        return act()
    finally:
        os.chdir("..")


def undisturbed():
    begin()
    equal(run_batches(4).returncode, 0, "the undisturbed run")
    return results(), schema()


def migrated(more):
    stop_with_a_plan()
    make_older(more)
    told = sluice("status", "--checkpoint", "ck")
    equal(told.returncode, 1, "status of an older checkpoint")
    check("older" in told.stderr and "next run" in told.stderr, "status: " + told.stderr)
    done = run_batches(2)  # the planned one counts
    equal(done.returncode, 0, "the run that migrates: " + done.stderr)
    equal(version(), newest(), "the version afterwards")
    equal(sluice("status", "--checkpoint", "ck").returncode, 0, "status afterwards")
    return results(), schema()


def test_version_1_is_brought_up_to_date_and_loses_nothing():
    wanted = in_directory("wanted", undisturbed)
    check(len(wanted[0]) == 8, "the undisturbed run made %s" % sorted(wanted[0]))
    for name, more in (("first", ""), ("later", ASIDE)):
        got = in_directory(name, lambda: migrated(more))
        equal(got[0], wanted[0], name + ": the outputs")
        equal(got[1], wanted[1], name + ": tables and views")


def test_a_migration_is_done_whole_or_not_at_all():
    stop_with_a_plan()
    make_older("CREATE TABLE code (something INTEGER);")
    before = schema()
    done = run_batches(1)
    equal(done.returncode, 4, "a table that cannot be there: " + done.stderr)
    equal((version(), schema()), (1, before), "what was left")


def test_newer_versions_are_refused_and_left_alone():
    begin()
    equal(run_batches(1).returncode, 0, "a batch")
    with sqlite3.connect(CATALOG) as database:
        database.execute("PRAGMA user_version = %d" % (newest() + 1))
    for command in (("run", "job.lua", "--once"), ("status", "--checkpoint", "ck")):
        done = sluice(*command)
        equal(done.returncode, 4, " ".join(command))
        check("newer" in done.stderr, done.stderr)
    equal(version(), newest() + 1, "the version afterwards")


main(globals())
